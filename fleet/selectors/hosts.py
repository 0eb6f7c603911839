"""Hosts as pages show them: the list with its filters, and one host with what belongs to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.access import (
    visible_containers,
    visible_environments,
    visible_events,
    visible_hosts,
    visible_jobs,
)
from fleet.actor import Actor
from fleet.engine.probe import limits_of
from fleet.models import OPEN_STATES, Environment, Host, HostState, Job
from fleet.selectors.certificates import Certificate, certificates_of, fingerprint_of
from fleet.selectors.events import EventRow, latest_rows
from fleet.selectors.given import given_number, given_text
from fleet.selectors.images import Totals, images_of_host
from fleet.selectors.labels import HasLabel
from fleet.selectors.tallies import Tally, tallies

PAGE_SIZE = 50
EVENTS_LIMIT = 10
SECRETS = ("tls_key_encrypted", "ssh_key_encrypted")
SORTS: dict[str, tuple[Any, ...]] = {
    "name": ("name",),
    "environment": ("environment__name", "name"),
    "state": ("state", "name"),
    "engine": ("engine_version", "name"),
    "seen": (F("last_seen").desc(nulls_last=True), "name"),
}


@dataclass(frozen=True)
class HostQuery:
    """What the list is asked for; wrong values are left out and told in `problems`."""

    q: str = ""
    environment: str = ""  # a name
    state: str = ""
    label: str = ""  # key=value
    sort: str = "name"
    down: bool = False
    page: int = 1
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, params: Mapping[str, Any]) -> HostQuery:
        """Read a query string."""
        text = {name: given_text(params.get(name, "")) for name in QUERY_FIELDS}
        problems = []
        if text["state"] and text["state"] not in HostState.values:
            problems.append(_("There is no such state: the filter was left out."))
            text["state"] = ""
        if text["label"] and "=" not in text["label"]:
            problems.append(_("A label filter is written key=value: it was left out."))
            text["label"] = ""
        sort, page = text.pop("sort"), text.pop("page")
        return cls(
            **text,
            sort=sort.lstrip("-") if sort.lstrip("-") in SORTS else "name",
            down=sort.startswith("-"),
            page=given_number(page, digits=5) or 1,
            problems=tuple(problems),
        )

    @property
    def filters(self) -> list[tuple[str, str]]:
        """The filters in use, as (field, value)."""
        return [(n, str(getattr(self, n))) for n in QUERY_FIELDS[:4] if getattr(self, n)]


QUERY_FIELDS = ("q", "environment", "state", "label", "sort", "page")


@dataclass(frozen=True)
class HostRow:
    """A host with its containers counted and what the actor may do to it."""

    host: Host
    tally: Tally
    permissions: frozenset[str]
    certificates: list[Certificate] = field(default_factory=list)

    @property
    def rev(self) -> str:
        """Changes with everything that a row or tile shows."""
        host = self.host
        return revision_of(
            host.pk, host.revision, host.state, host.environment.name, host.environment.careful,
            sorted(self.tally.counts.items()), sorted(self.permissions), self.warns,
        )  # fmt: skip

    @property
    def engine(self) -> str:
        """Product and version in short: `Docker 28.1.1`."""
        return f"{self.host.product.removesuffix(' Engine')} {self.host.engine_version}".strip()

    @property
    def tone(self) -> str:
        """bad or warn when something on the host needs a look, else empty."""
        return self.tally.tone or ("warn" if self.warns else "")

    @property
    def warns(self) -> list[str]:
        """The certificates that end soon, by their field."""
        return [found.field for found in self.certificates if found.ends_soon]


def head_revision(host: Host, permissions: frozenset[str]) -> str:
    """Return the revision of the head of a host's pages."""
    name = host.environment.name
    return revision_of("head", host.revision, host.state, name, sorted(permissions))


def revision_of(*facts: object) -> str:
    """Return a short text that differs when the facts do."""
    return hashlib.blake2s(repr(facts).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class HostList:
    """A page of the list with what its filters offer."""

    query: HostQuery
    rows: list[HostRow]
    page: Page[Host]
    environments: list[Environment]
    any_hosts: bool

    @property
    def states(self) -> list[str]:
        """The states to filter by."""
        return [str(value) for value in HostState.values]


def filter_hosts(actor: Actor, query: HostQuery) -> QuerySet[Host]:
    """Return the visible hosts that fit, sorted."""
    rows = visible_hosts(actor).defer(*SECRETS)
    if query.q:
        text = {f"{name}__icontains": query.q for name in ("name", "url", "engine_name", "os")}
        rows = rows.filter(Q(*text.items(), _connector=Q.OR))
    if query.environment:
        rows = rows.filter(environment__name__iexact=query.environment)
    if query.state:
        rows = rows.filter(state=query.state)
    if query.label:
        key, _equals, value = query.label.partition("=")
        rows = rows.filter(HasLabel(key.strip(), value.strip()))
    ordered = rows.order_by(*SORTS[query.sort])
    return ordered.reverse() if query.down else ordered


def host_rows(actor: Actor, hosts: list[Host]) -> list[HostRow]:
    """Return rows for hosts that the actor may see; one query."""
    counted = tallies(visible_containers(actor).filter(host__in=[host.pk for host in hosts]))
    return [
        HostRow(
            host,
            counted.get(host.pk, Tally()),
            actor.access.permissions_on(host),
            certificates_of(host),
        )
        for host in hosts
    ]


def host_list(actor: Actor, query: HostQuery) -> HostList:
    """Return a page of the hosts; a constant number of queries."""
    page = Paginator(filter_hosts(actor, query), PAGE_SIZE).get_page(query.page)
    return HostList(
        query=query,
        rows=host_rows(actor, list(page.object_list)),
        page=page,
        environments=list(visible_environments(actor)),
        any_hosts=bool(page.paginator.count) or visible_hosts(actor).exists(),
    )


DISK_WORDS: dict[str, str | Promise] = {
    "images": gettext_lazy("Images"),
    "containers": gettext_lazy("Containers"),
    "volumes": gettext_lazy("Volumes"),
    "cache": gettext_lazy("Build cache"),
}
PRUNED_BY = {"images": "image.prune", "cache": "build.prune"}


@dataclass(frozen=True)
class DiskPart:
    """One kind of object on a host's disk; sizes in bytes, `width` in percent of the largest."""

    words: str
    count: int
    size: int
    reclaimable: int
    width: float
    prune: str  # the permission that frees it; "" where nothing of ours does

    @classmethod
    def of(cls, name: str, part: dict[str, int], largest: int) -> DiskPart:
        """Make one from the stored numbers."""
        size = part.get("size", 0)
        width = round(100 * size / largest, 2) if largest else 0.0
        words = str(DISK_WORDS[name])
        free = part.get("reclaimable", 0)
        return cls(words, part.get("count", 0), size, free, width, PRUNED_BY.get(name, ""))


def twins_of(actor: Actor, host: Host) -> list[Host]:
    """Return the other visible hosts that report this one's engine id, by name; one query.

    They are cloned machines, or one machine that was added twice.
    """
    if not host.engine_id:
        return []
    found = visible_hosts(actor).filter(engine_id=host.engine_id).exclude(pk=host.pk)
    return list(found.select_related(None).only("name").order_by("name"))


@dataclass(frozen=True)
class HostPage:
    """One host with what its page shows."""

    row: HostRow
    twins: list[Host]
    events: list[EventRow]
    fingerprint: str
    refresh: Job | None  # the job that measures its disk right now
    images: Totals | None = None  # None for who may not see them

    @property
    def disk(self) -> list[DiskPart]:
        """What the engine keeps on disk, by kind, beside each other."""
        usage = self.row.host.disk_usage
        sizes = [(name, usage[name]) for name in DISK_WORDS if isinstance(usage.get(name), dict)]
        largest = max((part.get("size", 0) for _name, part in sizes), default=0)
        return [DiskPart.of(name, part, largest) for name, part in sizes]

    @property
    def limits(self) -> str:
        """What cannot be done with an engine of this product, as a sentence; often empty."""
        return str(limits_of(self.row.host.product))

    @property
    def engine_rev(self) -> str:
        """Changes with everything that the card of the engine shows."""
        return revision_of("engine", self.row.rev, [(twin.pk, twin.name) for twin in self.twins])

    @property
    def images_rev(self) -> str:
        """Changes with what is told of the images."""
        return revision_of("images", self.row.host.name, self.images)

    @property
    def rev(self) -> str:
        """Changes with everything that the other cards show."""
        job = self.refresh
        events = [(row.key, row.rev) for row in self.events]
        return revision_of(self.row.rev, events, job and (job.pk, job.state), self.fingerprint)


def host_page(actor: Actor, host: Host) -> HostPage:
    """Return what the page of a host shows, which the actor may see."""
    jobs = visible_jobs(actor).filter(host=host, operation="host.refresh", state__in=OPEN_STATES)
    return HostPage(
        row=host_rows(actor, [host])[0],
        twins=twins_of(actor, host),
        events=latest_rows(actor, visible_events(actor).filter(host=host), EVENTS_LIMIT),
        fingerprint=fingerprint_of(host.ssh_host_key),
        refresh=jobs.order_by("-id").first(),
        images=images_of_host(actor, host),
    )


@dataclass(frozen=True)
class Leaving:
    """What goes when a host is removed."""

    containers: int
    events: int
    grants: int


def leaving_with(host: Host) -> Leaving:
    """Count what goes with a host."""
    return Leaving(host.containers.count(), host.events.count(), host.grants.count())
