"""What is wrong in the fleet, in words, the worst first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet.actor import Actor
from fleet.models import Container, Host, HostState, Job, JobState
from fleet.operations import REGISTRY, Operation
from fleet.selectors.certificates import Certificate
from fleet.selectors.container_query import HAS_FAILED
from fleet.selectors.exit_codes import exit_words
from fleet.selectors.hosts import HostRow
from fleet.selectors.tallies import FIGURES, WRONG, condition_of

TROUBLES_LIMIT = 12  # of each kind; the rest is links
RECENT = timedelta(hours=1)
BAD = (JobState.FAILED, JobState.ERRORED, JobState.LOST)
BAD_JOBS = "&".join(f"state={state.value}" for state in BAD)


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong. `kind` says what `target` is: host, container, job, certificate."""

    kind: str
    tone: str  # bad or warn
    icon: str
    target: Host | Container | Job
    words: str
    since: datetime | None = None
    operation: Operation | None = None  # what would help, where the actor may do it
    may_change: bool = False


@dataclass(frozen=True)
class More:
    """How many more of one sort there are; `query` is the filter of the list of their kind."""

    kind: str  # host, container, job, certificate
    words: str
    query: str


@dataclass(frozen=True)
class Troubles:
    """What is wrong, the worst first, and how much more of each kind there is."""

    items: list[Trouble] = field(default_factory=list)
    more: list[More] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """True when something is wrong."""
        return bool(self.items)


def troubles(
    actor: Actor,
    rows: list[HostRow],
    containers: QuerySet[Container],
    jobs: QuerySet[Job],
    environment: str = "",
) -> Troubles:
    """Return what is wrong with hosts, containers, jobs and certificates; three queries at most.

    `environment` is the name of the one that all of them are of, for the links to the others.
    """
    away = [_host_trouble(r.host) for r in rows if r.host.state == HostState.UNREACHABLE]
    ends = [_certificate_trouble(row, found) for row in rows for found in _first_to_end(row)]
    sick, numbers = _sick(actor, containers, rows)
    failed = _failed(jobs)
    ours = [_job_trouble(job) for job in failed[: TROUBLES_LIMIT + 1]]
    count = failed.count() if len(ours) > TROUBLES_LIMIT else len(ours)
    more = [
        ("host", len(away) - TROUBLES_LIMIT, _("unreachable"), "state=unreachable"),
        *(
            ("container", numbers[name], words, query)
            for name, (_icon, words, query) in FIGURES.items()
        ),
        ("job", count - TROUBLES_LIMIT, _("failed jobs"), BAD_JOBS),
        ("certificate", len(ends) - TROUBLES_LIMIT, _("with certificates that end soon"), ""),
    ]
    return Troubles(
        items=[*away[:TROUBLES_LIMIT], *sick, *ours[:TROUBLES_LIMIT], *ends[:TROUBLES_LIMIT]],
        more=[_more(*one, environment) for one in more if one[1] > 0],
    )


def _more(kind: str, count: int, what: str | Promise, query: str, environment: str) -> More:
    words = _("%(count)d more: %(what)s") % {"count": count, "what": what}
    # The list of jobs has no such filter.
    there = urlencode({"environment": environment}) if environment and kind != "job" else ""
    return More(kind, words, "&".join(part for part in (query, there) if part))


def _host_trouble(host: Host) -> Trouble:
    reason = host.state_message.rstrip(".") or _("It does not answer")
    words = _("is unreachable. %(reason)s.") % {"reason": reason}
    return Trouble("host", "bad", "plug-x", host, words, host.last_seen)


def _first_to_end(row: HostRow) -> list[Certificate]:
    """Return the host's certificate that ends first, if soon: whoever renews it sees the others."""
    ending = [found for found in row.certificates if found.ends_soon]
    return sorted(ending, key=lambda found: found.ends)[:1]


def _certificate_trouble(row: HostRow, found: Certificate) -> Trouble:
    words = _("is reached with a certificate that ends soon: %(title)s.")
    if found.ended:
        words = _("is reached with a certificate that has ended: %(title)s.")
    title = str(found.title)
    tone = "bad" if found.ended else "warn"
    return Trouble(
        "certificate", tone, "shield-lock", row.host, words % {"title": title}, found.ends,
        may_change="host.update" in row.permissions,
    )  # fmt: skip


SICK = (
    Q(state__in=["dead", "restarting"])
    | Q(state="running", health="unhealthy")
    | Q(state="exited", oom_killed=True)
)
# How containers end that somebody stopped: by the signals of a stop, a kill or a Ctrl-C.
TOLD_TO_END = (130, 137, 143)
SICK_WORDS: dict[str, tuple[int, str, str]] = {
    "dead": (0, "bad", "skull"),
    "oom": (1, "bad", "flame"),
    "failed": (2, "bad", "alert-circle"),
    "unhealthy": (3, "warn", "heart-broken"),
    "restarting": (4, "warn", "repeat"),
}


def _just_failed() -> Q:
    """The filter for containers that failed by themselves lately; older ones are no news."""
    recent = Q(finished_at__gte=timezone.now() - RECENT)
    return HAS_FAILED & recent & ~Q(exit_code__in=TOLD_TO_END)


def _sick(
    actor: Actor, containers: QuerySet[Container], rows: list[HostRow]
) -> tuple[list[Trouble], Counter[str]]:
    """Return the containers to look at on hosts that answer, and how many more of each figure."""
    found = containers.filter(SICK | _just_failed(), host__state=HostState.REACHABLE).only(
        "name", "state", "health", "oom_killed", "exit_code", "restart_count", "started_at",
        "finished_at", "host__name", "host__environment__name",
    )[:200]  # fmt: skip
    ordered = sorted(found, key=_sickest_first)
    more: Counter[str] = Counter()
    for row in rows:
        if row.host.state == HostState.REACHABLE:
            for name in WRONG:
                more[_figure(name)] += row.tally.counts.get(name, 0)
    more["failed"] += sum(_condition(row) == "failed" for row in ordered)
    shown = ordered[:TROUBLES_LIMIT]
    more.subtract(_figure(_condition(row)) for row in shown)
    return [_container_trouble(actor, row) for row in shown], more


def _figure(condition: str) -> str:
    """Return the figure under which the containers' list has a condition."""
    return "failed" if condition == "oom" else condition


def _condition(row: Container) -> str:
    return condition_of(row.state, row.health, row.exit_code, row.oom_killed)


def _sickest_first(row: Container) -> tuple[int, str, str]:
    return (SICK_WORDS[_condition(row)][0], row.name, row.host.name)


HELPS = {"oom": "container.start", "failed": "container.start", "unhealthy": "container.restart"}


def _container_trouble(actor: Actor, row: Container) -> Trouble:
    condition = _condition(row)
    _rank, tone, icon = SICK_WORDS[condition]
    said: dict[str, str | Promise] = {
        "dead": _("is dead: the engine could not remove it whole."),
        "oom": _("was killed: out of memory."),
        "failed": _("exited with %(code)s.") % {"code": exit_words(row.exit_code or 0)},
        "unhealthy": _("runs, but its health check fails."),
        "restarting": _restarting(row),
    }
    since = row.started_at if condition == "unhealthy" else row.finished_at
    helps = REGISTRY.get(HELPS.get(condition, ""))
    if helps and not actor.access.may(helps.permission, row.host):
        helps = None
    return Trouble("container", tone, icon, row, str(said[condition]), since, helps)


def _restarting(row: Container) -> str:
    count = row.restart_count
    if not count:
        return _("keeps restarting.")
    if row.exit_code is None:
        words = ngettext(
            "keeps restarting: %(count)d time so far.",
            "keeps restarting: %(count)d times so far.",
            count,
        )
        return words % {"count": count}
    words = ngettext(
        "keeps restarting: %(count)d time so far, exit %(code)s.",
        "keeps restarting: %(count)d times so far, exit %(code)s.",
        count,
    )
    return words % {"count": count, "code": row.exit_code}


def _failed(jobs: QuerySet[Job]) -> QuerySet[Job]:
    recent = timezone.now() - RECENT
    return jobs.filter(state__in=BAD, finished_at__gte=recent).order_by("-id")


def _job_trouble(job: Job) -> Trouble:
    state = JobState(job.state).label
    words = _("%(state)s. %(why)s") % {"state": state, "why": job.message}
    return Trouble("job", "bad", "alert-circle", job, words.strip(), job.finished_at)
