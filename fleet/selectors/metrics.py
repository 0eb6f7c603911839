"""The fleet and Quayside as Prometheus metrics, read from the database at each scrape.

Samples are few a container and their labels change seldom: host, environment, name, stack, image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import accumulate
from math import isnan
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, F, Min, QuerySet
from django.utils import timezone
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from redis import RedisError

from fleet.access import visible_containers, visible_hosts
from fleet.actor import Actor
from fleet.models import ContainerState, Host, HostState, Job, JobState
from fleet.selectors.system import database_part, processes, redis_part
from fleet.selectors.usage_now import newest_lines, sampling_of
from fleet.stats.packing import COLUMNS, SUM, Table, Values
from fleet.watch.lag import BOUNDS, lags_of

OF_HOST = ("host", "environment")
OF_CONTAINER = (*OF_HOST, "container", "stack", "image")


# name after quayside_container_ or quayside_host_, help, column, factor.
USED = (
    ("cpu_cores", "Processors that it uses", "cpu", 0.01),
    ("memory_used_bytes", "Memory that it uses", "memory", 1),
    ("network_receive_bytes_per_second", "What comes in", "received", 1),
    ("network_send_bytes_per_second", "What goes out", "sent", 1),
    ("disk_read_bytes_per_second", "What it reads", "read", 1),
    ("disk_write_bytes_per_second", "What it writes", "written", 1),
    ("processes", "Its processes", "processes", 1),
)
LIMIT = COLUMNS.index("memory_limit")


class Row(NamedTuple):
    """What is told of a container."""

    pk: int
    host: str
    environment: str
    name: str
    project: str
    swarm_stack: str
    image: str
    state: str
    health: str
    exit_code: int | None
    oom_killed: bool
    restart_count: int
    started_at: datetime | None

    @property
    def labels(self) -> list[str]:
        """The values of `OF_CONTAINER`."""
        stack = self.project or self.swarm_stack
        return [self.host, self.environment, self.name, stack, self.image]


class QuaysideCollector(Collector):
    """Quayside's own parts: database, Redis, processes, jobs."""

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        info = GaugeMetricFamily("quayside_info", "The running version", labels=["version"])
        info.add_metric([settings.VERSION], 1)
        yield info
        up = GaugeMetricFamily("quayside_part_up", "Whether it answers", labels=["part"])
        up.add_metric(["database"], float(database_part().well))
        up.add_metric(["redis"], float(redis_part().well))
        yield up
        seen = GaugeMetricFamily(
            "quayside_process_seen_timestamp_seconds",
            "When a worker, watcher or beat last gave a sign of life",
            labels=["kind", "machine", "pid"],
        )
        for one in processes().found:
            seen.add_metric([one.kind, one.machine, str(one.pid)], one.seen_at.timestamp())
        yield seen
        yield from _jobs()


def _jobs() -> Iterator[Metric]:
    kept = GaugeMetricFamily(
        "quayside_jobs", "Jobs that are kept, by how they stand", labels=["operation", "state"]
    )
    for operation, state, count in (
        Job.objects.order_by().values_list("operation", "state").annotate(count=Count("pk"))
    ):
        kept.add_metric([operation, state], count)
    yield kept
    waiting = GaugeMetricFamily(
        "quayside_jobs_waiting_seconds", "How long the oldest queued job waits", labels=["queue"]
    )
    now = timezone.now()
    oldest = Job.objects.filter(state=JobState.QUEUED).order_by().values_list("queue")
    for queue, since in oldest.annotate(since=Min("created_at")):
        waiting.add_metric([queue], (now - since).total_seconds())
    yield waiting


class FleetCollector(Collector):
    """Hosts and containers that somebody may see."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        hosts = visible_hosts(self.actor)
        yield from _hosts(hosts)
        places = {pk: [name, place] for pk, name, place in _places(hosts)}
        lines = dict(newest_lines(places))
        yield from _sampling(places)
        yield from _lags(places)
        yield from _used("host", OF_HOST, [(places[pk], t[SUM]) for pk, t in lines.items() if t])
        yield from self._containers({key: one for t in lines.values() for key, one in t.items()})

    def _rows(self) -> Iterator[Row]:
        # Of the others only the last state is known, which is not that of now.
        told = visible_containers(self.actor).filter(host__state=HostState.REACHABLE)
        rows = told.order_by("host__name", "name", "pk").values_list(
            "pk", "host__name", "host__environment__name", "name", "compose_project", "swarm_stack",
            "image", "state", "health", "exit_code", "oom_killed", "restart_count", "started_at",
        )  # fmt: skip
        return (Row(*values) for values in rows.iterator(chunk_size=2000))

    def _containers(self, lines: Table) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "quayside_container_state", "1 for the state that it is in",
            labels=[*OF_CONTAINER, "state"],
        )  # fmt: skip
        health = GaugeMetricFamily(
            "quayside_container_health", "1 for what its health check says",
            labels=[*OF_CONTAINER, "health"],
        )  # fmt: skip
        restarts = CounterMetricFamily(
            "quayside_container_restarts", "Restarts by its engine", labels=OF_CONTAINER
        )
        started = GaugeMetricFamily(
            "quayside_container_started_timestamp_seconds", "When it last started",
            labels=OF_CONTAINER,
        )  # fmt: skip
        code = GaugeMetricFamily(
            "quayside_container_exit_code", "How it ended, while it does not run",
            labels=OF_CONTAINER,
        )  # fmt: skip
        killed = GaugeMetricFamily(
            "quayside_container_oom_killed", "1 when it ended for want of memory",
            labels=OF_CONTAINER,
        )  # fmt: skip
        limit = GaugeMetricFamily(
            "quayside_container_memory_limit_bytes",
            "Memory that it may use; its host's without a limit", labels=OF_CONTAINER,
        )  # fmt: skip
        used: list[tuple[list[str], Values]] = []
        for row in self._rows():
            labels = row.labels
            if (line := lines.get(row.pk)) is not None:
                used.append((labels, line))
                if not isnan(line[LIMIT]):
                    limit.add_metric(labels, line[LIMIT])
            state.add_metric([*labels, row.state], 1)
            restarts.add_metric(labels, row.restart_count)
            if row.health:
                health.add_metric([*labels, row.health], 1)
            if row.started_at is not None:
                started.add_metric(labels, row.started_at.timestamp())
            if row.state in (ContainerState.EXITED, ContainerState.DEAD):
                killed.add_metric(labels, float(row.oom_killed))
                if row.exit_code is not None:
                    code.add_metric(labels, row.exit_code)
        yield from (state, health, restarts, started, code, killed, limit)
        yield from _used("container", OF_CONTAINER, used)


def _places(hosts: QuerySet[Host]) -> Iterator[tuple[int, str, str]]:
    yield from hosts.order_by("name").values_list("pk", "name", "environment__name")


def _used(
    kind: str, labels: Sequence[str], lines: list[tuple[list[str], Values]]
) -> Iterator[Metric]:
    """Yield what is used now; what is not known, and what was read long ago, is left out."""
    for name, text, column, factor in USED:
        family = GaugeMetricFamily(f"quayside_{kind}_{name}", text, labels=labels)
        place = COLUMNS.index(column)
        for values, line in lines:
            if not isnan(line[place]):
                family.add_metric(values, line[place] * factor)
        yield family


def _sampling(places: dict[int, list[str]]) -> Iterator[Metric]:
    read = GaugeMetricFamily(
        "quayside_host_sampled_timestamp_seconds", "When its containers were last read",
        labels=OF_HOST,
    )  # fmt: skip
    every = GaugeMetricFamily(
        "quayside_host_sampling_seconds", "How often they are read just now", labels=OF_HOST
    )
    for pk, at, seconds in sampling_of(places):
        read.add_metric(places[pk], at)
        every.add_metric(places[pk], seconds)
    yield from (read, every)


def _lags(places: dict[int, list[str]]) -> Iterator[Metric]:
    behind = GaugeMetricFamily(
        "quayside_host_events_behind_seconds",
        "How far rows are behind its events: the slowest of the last minute, or what waits longer",
        labels=OF_HOST,
    )
    late = HistogramMetricFamily(
        "quayside_host_event_lag_seconds", "From an event's own time until it was written",
        labels=OF_HOST,
    )  # fmt: skip
    with suppress(RedisError):
        for pk, lag in lags_of(places).items():
            behind.add_metric(places[pk], lag.behind)
            buckets = zip([*map(str, BOUNDS), "+Inf"], accumulate(lag.counts), strict=True)
            late.add_metric(places[pk], list(buckets), lag.total)
    yield from (behind, late)


def _hosts(hosts: QuerySet[Host]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "quayside_host_state", "1 for the state that it is in", labels=[*OF_HOST, "state"]
    )
    seen = GaugeMetricFamily(
        "quayside_host_seen_timestamp_seconds", "When its watcher last heard of it", labels=OF_HOST
    )
    cpus = GaugeMetricFamily("quayside_host_cpus", "Its processors", labels=OF_HOST)
    memory = GaugeMetricFamily("quayside_host_memory_bytes", "Its memory", labels=OF_HOST)
    rows = hosts.order_by("name").annotate(place=F("environment__name"))
    for name, place, now, last, count, size in rows.values_list(
        "name", "place", "state", "last_seen", "cpus", "memory"
    ):
        for one in HostState.values:
            state.add_metric([name, place, one], float(one == now))
        if last is not None:
            seen.add_metric([name, place], last.timestamp())
        for family, value in ((cpus, count), (memory, size)):
            if value is not None:
                family.add_metric([name, place], value)
    yield from (state, seen, cpus, memory)
