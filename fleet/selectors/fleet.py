"""The state of everything at a glance: what is wrong first, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet.access import (
    listed_jobs,
    visible_containers,
    visible_environments,
    visible_events,
    visible_hosts,
)
from fleet.actor import Actor
from fleet.models import OPEN_STATES, Container, Environment, Host, HostState, Job, JobState
from fleet.operations import REGISTRY, Operation
from fleet.selectors.certificates import Certificate
from fleet.selectors.container_query import HAS_FAILED
from fleet.selectors.event_words import exit_words
from fleet.selectors.events import EventRow, latest_rows
from fleet.selectors.hosts import SECRETS, HostRow, host_rows, revision_of
from fleet.selectors.tallies import Tally, condition_of

TROUBLES_LIMIT = 12  # of each kind; the rest is a link
EVENTS_LIMIT = 12
JOBS_LIMIT = 8
RECENT = timedelta(hours=1)


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
class Troubles:
    """What is wrong, the worst first, and how much more of each kind there is."""

    items: list[Trouble] = field(default_factory=list)
    more: list[tuple[str, str]] = field(default_factory=list)  # (kind, words)

    @property
    def any(self) -> bool:
        """True when something is wrong."""
        return bool(self.items)


@dataclass(frozen=True)
class FleetPage:
    """Everything that the Fleet page shows."""

    environment: Environment | None
    environments: list[Environment]
    hosts: list[HostRow]
    tally: Tally
    troubles: Troubles
    jobs: list[Job]
    events: list[EventRow]

    @property
    def host_states(self) -> list[tuple[str, int]]:
        """How many hosts are in each state, those that are in none left out."""
        states = [row.host.state for row in self.hosts]
        return [(str(s.value), states.count(s)) for s in HostState if s in states]

    @property
    def calm(self) -> str:
        """Everything in one sentence, for when nothing is wrong."""
        reachable = sum(row.host.state == HostState.REACHABLE for row in self.hosts)
        known = {"running": self.tally.running, "hosts": reachable}
        if not reachable:
            return _("No host has answered yet.")
        return (
            ngettext(
                "%(running)d containers run on %(hosts)d host that answers.",
                "%(running)d containers run on %(hosts)d hosts that answer.",
                reachable,
            )
            % known
        )

    @property
    def troubles_rev(self) -> str:
        """Changes with what the list of troubles shows."""
        items = [(t.kind, t.target.pk, t.words, t.since and t.since.isoformat("T", "minutes"),
                  t.operation and t.operation.name, t.may_change)
                 for t in self.troubles.items]  # fmt: skip
        return revision_of(items, self.troubles.more, "" if items else self.calm)

    @property
    def counts_rev(self) -> str:
        """Changes with the counts of hosts and containers."""
        return revision_of(len(self.hosts), self.host_states, sorted(self.tally.counts.items()),
                           self.environment and self.environment.name)  # fmt: skip

    @property
    def jobs_rev(self) -> str:
        """Changes with the running jobs."""
        return revision_of([(job.pk, job.revision, job.state, job.progress) for job in self.jobs])

    @property
    def events_rev(self) -> str:
        """Changes with the latest events."""
        return revision_of([(row.key, row.rev) for row in self.events])


def fleet_page(actor: Actor, environment: str = "") -> FleetPage:
    """Return the page, of one environment by its name or of all; a constant number of queries."""
    environments = list(visible_environments(actor))
    chosen = next((e for e in environments if e.name.lower() == environment.lower()), None)
    here = Q(host__environment=chosen) if chosen else Q()
    hosts = visible_hosts(actor).defer(*SECRETS)
    rows = host_rows(actor, list(hosts.filter(environment=chosen) if chosen else hosts))
    jobs = listed_jobs(actor).filter(_jobs_in(chosen))
    return FleetPage(
        environment=chosen,
        environments=environments,
        hosts=sorted(rows, key=_worst_first),
        tally=sum((row.tally for row in rows), Tally()),
        troubles=troubles(actor, rows, visible_containers(actor).filter(here), jobs),
        jobs=list(jobs.filter(state__in=OPEN_STATES).order_by("-id")[:JOBS_LIMIT]),
        events=_latest(actor, here),
    )


def _jobs_in(environment: Environment | None) -> Q:
    """Return the filter of jobs that concern an environment, parents by their children."""
    if environment is None:
        return Q()
    here = Q(host__environment=environment)
    parents = Job.objects.filter(here, parent__isnull=False).order_by().values("parent")
    return here | Q(pk__in=parents)


RANKS = {HostState.UNREACHABLE: 0, HostState.UNKNOWN: 2, HostState.REACHABLE: 3}


def _worst_first(row: HostRow) -> tuple[int, str]:
    rank = RANKS.get(HostState(row.host.state), 4)
    return (1 if rank == RANKS[HostState.REACHABLE] and row.tone else rank), row.host.name.lower()


def _latest(actor: Actor, here: Q) -> list[EventRow]:
    return latest_rows(actor, visible_events(actor).filter(here), EVENTS_LIMIT)


def troubles(
    actor: Actor, rows: list[HostRow], containers: QuerySet[Container], jobs: QuerySet[Job]
) -> Troubles:
    """Return what is wrong with hosts, containers, jobs and certificates; two queries."""
    away = [_host_trouble(r.host) for r in rows if r.host.state == HostState.UNREACHABLE]
    ends = [_certificate_trouble(row, found) for row in rows for found in _first_to_end(row)]
    sick, sick_count = _sick(actor, containers, rows)
    failed = list(_failed(jobs)[: TROUBLES_LIMIT + 1])
    ours = [_job_trouble(job) for job in failed[:TROUBLES_LIMIT]]
    more = [
        ("host", len(away) - TROUBLES_LIMIT, _more_hosts),
        ("container", sick_count - len(sick), _more_containers),
    ]
    return Troubles(
        items=[*away[:TROUBLES_LIMIT], *sick, *ours, *ends[:TROUBLES_LIMIT]],
        more=[(kind, words(count)) for kind, count, words in more if count > 0],
    )


def _more_hosts(count: int) -> str:
    return ngettext(
        "%(count)d more host is unreachable", "%(count)d more hosts are unreachable", count
    ) % {"count": count}


def _more_containers(count: int) -> str:
    return ngettext(
        "%(count)d more container needs a look", "%(count)d more containers need a look", count
    ) % {"count": count}


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
) -> tuple[list[Trouble], int]:
    """Return the containers to look at on hosts that answer, and how many there are in all."""
    known = {row.host.pk for row in rows if row.host.state == HostState.REACHABLE}
    count = sum(row.tally.wrong for row in rows if row.host.pk in known)
    found = containers.filter(SICK | _just_failed(), host__state=HostState.REACHABLE).only(
        "name", "state", "health", "oom_killed", "exit_code", "restart_count", "started_at",
        "finished_at", "host__name", "host__environment__name",
    )[:200]  # fmt: skip
    ordered = sorted(found, key=_sickest_first)
    count += sum(_condition(row) == "failed" for row in ordered)
    return [_container_trouble(actor, row) for row in ordered[:TROUBLES_LIMIT]], count


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
    bad = (JobState.FAILED, JobState.ERRORED, JobState.LOST)
    recent = timezone.now() - RECENT
    return jobs.filter(state__in=bad, finished_at__gte=recent).order_by("-id")


def _job_trouble(job: Job) -> Trouble:
    state = JobState(job.state).label
    words = _("%(state)s. %(why)s") % {"state": state, "why": job.message}
    return Trouble("job", "bad", "alert-circle", job, words.strip(), job.finished_at)
