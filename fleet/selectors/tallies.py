"""How many containers a host has in which condition, counted by one query for many hosts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, QuerySet

from fleet.models import Container

# Conditions in the order in which they are shown: what is wrong first.
CONDITIONS = (
    "dead", "oom", "unhealthy", "restarting", "starting", "paused", "running", "created", "exited",
)  # fmt: skip
WRONG = frozenset({"dead", "oom", "unhealthy", "restarting"})


@dataclass(frozen=True)
class Segment:
    """A part of a health bar; `x` and `width` in percent."""

    condition: str
    count: int
    x: float
    width: float


@dataclass(frozen=True)
class Tally:
    """Containers by condition: their state, or their health where that says more."""

    counts: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    @property
    def wrong(self) -> int:
        """Those that somebody should look at."""
        return sum(self.counts.get(name, 0) for name in WRONG)

    @property
    def up(self) -> int:
        """Those whose main process lives, whatever its health."""
        return sum(self.counts.get(name, 0) for name in ("running", "starting", "unhealthy"))

    @property
    def parts(self) -> list[tuple[str, int]]:
        """Conditions that occur, with their counts."""
        return [(name, self.counts[name]) for name in CONDITIONS if self.counts.get(name)]

    @property
    def segments(self) -> list[Segment]:
        """The health bar, left to right; none narrower than can be seen."""
        return list(_segments(self.parts))

    def __add__(self, other: Tally) -> Tally:
        names = {*self.counts, *other.counts}
        return Tally({n: self.counts.get(n, 0) + other.counts.get(n, 0) for n in names})


def _segments(parts: list[tuple[str, int]]) -> Iterable[Segment]:
    whole = sum(count for _name, count in parts)
    least = 2.0
    widths = [max(least, 100 * count / whole) for _name, count in parts]
    scale, x = 100 / sum(widths) if widths else 1.0, 0.0
    for (name, count), width in zip(parts, widths, strict=True):
        yield Segment(name, count, round(x, 2), round(width * scale, 2))
        x += width * scale


def condition_of(state: str, health: str, oom_killed: bool) -> str:
    """Return the one word under which a container is counted."""
    if state == "running":
        return health if health in {"unhealthy", "starting"} else "running"
    if oom_killed and state == "exited":
        return "oom"
    return state if state != "removing" else "exited"


def tallies(containers: QuerySet[Container]) -> dict[int, Tally]:
    """Return the tally of each host that has any of these containers, by its id; one query."""
    rows = (
        containers.select_related(None)
        .order_by()
        .values_list("host_id", "state", "health", "oom_killed")
        .annotate(count=Count("pk"))
    )
    found: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for host, state, health, oom_killed, count in rows:
        found[host][condition_of(state, health, oom_killed)] += count
    return {host: Tally(dict(counts)) for host, counts in found.items()}
