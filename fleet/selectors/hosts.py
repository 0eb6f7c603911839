"""Hosts as pages show them: the list with its filters, and one host with what belongs to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from fleet.access import visible_containers, visible_environments, visible_hosts
from fleet.actor import Actor
from fleet.models import Environment, Host, HostState
from fleet.selectors.certificates import Certificate, certificates_of
from fleet.selectors.tallies import Tally, tallies

PAGE_SIZE = 50
TEXT_LIMIT = 200
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
        text = {name: str(params.get(name, "")).strip()[:TEXT_LIMIT] for name in QUERY_FIELDS}
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
            page=int(page) if page.isdecimal() and len(page) < 6 else 1,
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
    def warns(self) -> list[str]:
        """The certificates that end soon, by their field."""
        return [found.field for found in self.certificates if found.ends_soon]


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
        # Cast: a lookup on a bare key would read the value as JSON.
        held = Cast(KeyTextTransform(key.strip(), "labels"), TextField())
        rows = rows.annotate(label=held).filter(label=value.strip())
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
