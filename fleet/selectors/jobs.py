"""Jobs for pages and API: the list with its filters, one job with its lines and children."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from fleet.access import (
    access_job,
    listed_jobs,
    visible_builds,
    visible_containers,
    visible_hosts,
    visible_images,
    visible_jobs,
)
from fleet.actor import Actor
from fleet.jobs.states import RETRYABLE_STATES
from fleet.models import OPEN_STATES, Job, JobLine, JobState
from fleet.operations.jobs import may_cancel
from fleet.operations.registry import REGISTRY, permission_for
from fleet.selectors.given import given_number, given_text
from fleet.selectors.paging import Numbered, page_of
from fleet.selectors.transfers import Transfer, parts_of, transfers_of

SIZES = (25, 50, 100, 250)
LINES = 500  # the last ones, that a page shows and follows
CHILDREN = 100
VALUES = 20  # of one filter
LONG = 150
TRAY = 20
LATEST = 50  # on a page of what they were about


@dataclass(frozen=True)
class JobQuery:
    """What a list of jobs shows; made from an address's query."""

    state: tuple[str, ...] = ()
    operation: tuple[str, ...] = ()
    host: tuple[str, ...] = ()  # names
    actor: tuple[str, ...] = ()  # user names
    page: int = 1
    size: int = 50
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, given: MultiValueDict[str, str], size: int = 50) -> JobQuery:
        """Return the query; wrong values are left out and told in `problems`."""
        problems: list[str] = []
        states = _values(given, "state")
        operations = _values(given, "operation")
        for name in [s for s in states if s not in JobState.values] + [
            o for o in operations if o not in REGISTRY
        ]:
            problems.append(_("There is nothing called “%(name)s” to filter by.") % {"name": name})
        return cls(
            state=tuple(name for name in states if name in JobState.values),
            operation=tuple(name for name in operations if name in REGISTRY),
            host=_values(given, "host"),
            actor=_values(given, "actor"),
            page=given_number(given.get("page") or "", digits=6) or 1,
            size=size if size in SIZES else 50,
            problems=tuple(problems),
        )

    def pairs(self) -> list[tuple[str, str]]:
        """Return the filters as they stand in an address."""
        return [
            (name, value)
            for name in ("state", "operation", "host", "actor")
            for value in getattr(self, name)
        ]

    def urlencode(self, **changes: Any) -> str:
        """Return the address's query, on the first page unless told otherwise."""
        changed = replace(self, **{"page": 1, **changes})
        pages = [("page", str(changed.page))] if changed.page > 1 else []
        return urlencode(changed.pairs() + pages)

    def toggled(self, name: str, value: str) -> str:
        """Return the address's query with one value of a filter set or taken away."""
        held = getattr(self, name)
        kept = tuple(v for v in held if v != value) if value in held else (*held, value)
        return self.urlencode(**{name: kept})

    def condition(self) -> Q:
        """Return the filter of everything but the state."""
        found = Q()
        if self.operation:
            found &= Q(operation__in=self.operation)
        if self.actor:
            found &= Q(actor_name__in=self.actor)
        if self.host:
            found &= on_hosts(Q(host_name__in=self.host))
        return found


def on_hosts(hosts: Q) -> Q:
    """Return the filter for jobs on some hosts; a job of many is on those of its children."""
    return hosts | Q(Exists(Job.objects.filter(hosts, parent=OuterRef("pk"))))


def _values(given: MultiValueDict[str, str], name: str) -> tuple[str, ...]:
    values = [given_text(value, LONG) for value in given.getlist(name)]
    return tuple(dict.fromkeys(value for value in values if value))[:VALUES]


@dataclass(frozen=True)
class JobRow:
    """A job with what its viewer may do to it."""

    job: Job
    may_cancel: bool
    may_retry: bool
    related: frozenset[int] = (
        frozenset()
    )  # of its parent and what it tries again, those one may see
    transfer: Transfer | None = None  # of a job of many: of all its children

    @property
    def percent(self) -> int:
        """How far it is."""
        return self.transfer.percent if self.transfer else self.job.progress


@dataclass(frozen=True)
class JobPage(Numbered):
    """One page of a list of jobs."""

    query: JobQuery
    rows: list[JobRow]
    states: Counter[str]  # how many in each state, whatever state is asked for
    total: int
    page: int
    pages: int


def filter_jobs(actor: Actor, query: JobQuery) -> QuerySet[Job]:
    """Return single jobs and parents that the actor may see and that match, newest first."""
    jobs = listed_jobs(actor).filter(query.condition())
    return (jobs.filter(state__in=query.state) if query.state else jobs).order_by("-pk")


def job_page(actor: Actor, query: JobQuery) -> JobPage:
    """Return one page by two queries; a page beyond the end becomes the last one."""
    states = _count_states(filter_jobs(actor, replace(query, state=())))
    total = sum(states[state] for state in query.state or JobState.values)
    page, pages, part = page_of(total, query.size, query.page)
    rows = filter_jobs(actor, query)[part] if total else []
    return JobPage(query, job_rows(actor, rows), states, total, page, pages)


def _count_states(jobs: QuerySet[Job]) -> Counter[str]:
    counted = jobs.order_by().values_list("state").annotate(number=Count("pk"))
    return Counter(dict(counted))


def job_rows(actor: Actor, jobs: Iterable[Job]) -> list[JobRow]:
    """Return jobs with what the actor may do to them; one query looks all their targets up."""
    found = list(jobs)
    again = [job for job in found if _may_ask_again(actor, job)]
    there, parents = _targets_of(actor, again), _parents_with_targets(actor, again)
    held = {
        job.pk
        for job in again
        if (job.pk in parents if job.children_count else _is_there(job, there))
    }
    moved = transfers_of(found)
    return [
        JobRow(
            job,
            may_cancel=job.is_open and job.cancel_requested_at is None and may_cancel(actor, job),
            may_retry=not job.is_open and job.pk in held,
            transfer=moved.get(job.pk),
        )
        for job in found
    ]


Things = set[tuple[str, int | None]]
# Targets that may be gone before their jobs are. (A job goes with its host.)
LOOKED_UP: dict[str, Callable[[Actor], QuerySet[Any]]] = {
    "build": visible_builds,
    "container": visible_containers,
    "image": visible_images,
}


def _is_there(job: Job, there: Things) -> bool:
    return job.target_kind not in LOOKED_UP or (job.target_kind, job.target_id) in there


def _targets_of(actor: Actor, jobs: list[Job]) -> Things:
    """Return those of the jobs' builds, containers and images that are still there."""
    there: Things = set()
    for kind, visible in LOOKED_UP.items():
        ids = {job.target_id for job in jobs if job.target_kind == kind and job.target_id}
        rows: Any = visible(actor).filter(pk__in=ids).values_list("pk", flat=True) if ids else ()
        there |= {(kind, pk) for pk in rows}
    return there


def _parents_with_targets(actor: Actor, jobs: list[Job]) -> set[int | None]:
    """Return the ids of those parents of which a target that went badly is still there."""
    found: set[int | None] = set()
    sights: dict[bool, Callable[[Actor], QuerySet[Any]]] = {
        False: visible_containers,
        True: visible_hosts,
    }
    for on_hosts, visible in sights.items():
        parents = [job for job in jobs if job.children_count]
        ids = [job.pk for job in parents if (job.target_kind == "host") is on_hosts]
        if ids:
            there = visible(actor).select_related(None).order_by().values("pk")
            bad = Job.objects.filter(
                parent__in=ids, state__in=RETRYABLE_STATES, target_id__in=there
            )
            found |= set(bad.order_by().values_list("parent", flat=True).distinct())
    return found


def _may_ask_again(actor: Actor, job: Job) -> bool:
    """Return whether it ended badly and the actor may do such a thing there."""
    if job.is_open:
        return False
    bad = job.children_failed > 0 if job.children_count else job.state in RETRYABLE_STATES
    permission = permission_for(job.operation)
    allowed = (
        actor.access.may(permission, job.host)
        if job.host is not None
        else bool(job.children_count and actor.access.reach(permission))
    )
    return bad and allowed


@dataclass(frozen=True)
class JobDetail:
    """One job with its last lines and a page of its children."""

    row: JobRow
    lines: list[JobLine]  # in order
    lines_total: int
    children: JobPage
    again: int | None = None  # the newest job that tries it again
    parts: list[dict[str, Any]] = field(default_factory=list)  # such as the layers of an image

    @property
    def job(self) -> Job:
        """The job itself."""
        return self.row.job


def job_detail(actor: Actor, job_id: int, query: JobQuery) -> JobDetail:
    """Return a job as its page shows it; `query` is for its children. Raises Unknown."""
    job = access_job(actor, job_id)
    last = list(JobLine.objects.filter(job=job).order_by("-number")[:LINES])
    return JobDetail(
        row=replace(job_rows(actor, [job])[0], related=_related(actor, job)),
        lines=last[::-1],
        lines_total=last[0].number if last else 0,
        children=_children(actor, job, query),
        again=_newest_retry(actor, job),
        parts=parts_of(job),
    )


def _related(actor: Actor, job: Job) -> frozenset[int]:
    ids = [pk for pk in (job.parent_id, job.retry_of_id) if pk]
    found = visible_jobs(actor).filter(pk__in=ids).values_list("pk", flat=True) if ids else ()
    return frozenset(found)


def _newest_retry(actor: Actor, job: Job) -> int | None:
    retries = visible_jobs(actor).filter(retry_of=job).order_by("-pk")
    return retries.values_list("pk", flat=True).first()


def _children(actor: Actor, job: Job, query: JobQuery) -> JobPage:
    query = replace(query, size=CHILDREN)
    if not job.children_count:
        return JobPage(query, [], Counter(), 0, 1, 1)
    children = visible_jobs(actor).filter(query.condition(), parent=job)
    states = _count_states(children)
    total = sum(states[state] for state in query.state or JobState.values)
    page, pages, part = page_of(total, query.size, query.page)
    shown = children.filter(state__in=query.state) if query.state else children
    rows = shown.order_by("pk")[part]
    return JobPage(query, job_rows(actor, rows), states, total, page, pages)


def open_jobs(actor: Actor, limit: int = TRAY) -> list[JobRow]:
    """Return what is queued or running now, newest first: the tray."""
    jobs = listed_jobs(actor).filter(state__in=OPEN_STATES).order_by("-pk")
    return job_rows(actor, jobs[:limit])


def count_open(actor: Actor) -> int:
    """Return how many jobs are queued or running now; children of what is counted are not."""
    return listed_jobs(actor).filter(state__in=OPEN_STATES).count()


@dataclass(frozen=True)
class LatestJobs:
    """The latest jobs on one thing, newest first."""

    rows: list[JobRow]
    more: bool  # than are shown


def jobs_on(actor: Actor, kind: str, pk: int) -> LatestJobs:
    """Return the jobs on a container, or all single jobs on a host; the thing may be gone."""
    jobs = visible_jobs(actor).filter(children_count=0).order_by("-pk")
    here = Q(host=pk) if kind == "host" else Q(target_kind=kind, target_id=pk)
    found = list(jobs.filter(here)[: LATEST + 1])
    return LatestJobs(job_rows(actor, found[:LATEST]), len(found) > LATEST)
