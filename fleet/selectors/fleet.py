"""The state of everything at a glance: what is wrong first, in words."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q
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
from fleet.models import OPEN_STATES, Environment, HostState, Job
from fleet.selectors.events import EventRow, latest_rows
from fleet.selectors.hosts import SECRETS, HostRow, host_rows, revision_of
from fleet.selectors.tallies import Tally
from fleet.selectors.troubles import Troubles, troubles

EVENTS_LIMIT = 12
JOBS_LIMIT = 8


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
        more = [(more.words, more.query) for more in self.troubles.more]
        return revision_of(items, more, "" if items else self.calm)

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
        troubles=troubles(
            actor, rows, visible_containers(actor).filter(here), jobs, chosen.name if chosen else ""
        ),
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
