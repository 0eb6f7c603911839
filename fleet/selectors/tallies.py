"""How many containers a host has in which condition, counted by one query for many hosts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Count, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from fleet.models import Container
from fleet.selectors.container_query import has_failed

Text = str | Promise

# Conditions in the order in which a bar shows them: what is wrong first. Each container is in
# exactly one of them.
CONDITIONS = (
    "dead", "oom", "failed", "unhealthy", "restarting", "starting", "paused", "running",
    "created", "removing", "exited",
)  # fmt: skip
WRONG = frozenset({"dead", "oom", "unhealthy", "restarting"})
TONES: Final[dict[str, str]] = {
    "dead": "bad", "oom": "bad", "failed": "bad", "unhealthy": "warn", "restarting": "warn",
    "starting": "busy", "paused": "paused", "running": "ok", "created": "idle",
    "removing": "busy", "exited": "idle",
}  # fmt: skip
# The figure of a state counts all that are in it; health and failure stand beside it.
MADE_OF: Final[dict[str, tuple[str, ...]]] = {
    "running": ("running", "starting", "unhealthy"),
    "exited": ("exited", "failed", "oom"),
    "failed": ("failed", "oom"),
}
# figure -> (icon, words for so many, the filter of the containers' list that shows just these)
FIGURES: Final[dict[str, tuple[str, Text, str]]] = {
    "dead": ("skull", _("dead"), "state=dead"),
    "failed": ("alert-circle", _("failed"), "state=failed"),
    "unhealthy": ("heart-broken", _("unhealthy"), "health=unhealthy"),
    "restarting": ("repeat", _("restarting"), "state=restarting"),
    "starting": ("loader-2", _("starting"), "health=starting"),
    "paused": ("player-pause-filled", _("paused"), "state=paused"),
    "running": ("circle-filled", _("running"), "state=running"),
    "created": ("circle-dashed", _("created"), "state=created"),
    "removing": ("loader-2", _("removing"), "state=removing"),
    "exited": ("circle", _("exited"), "state=exited"),
}
LEAST = 2.0  # percent of a bar that even one container of a thousand gets


@dataclass(frozen=True)
class Segment:
    """The containers in one condition as a part of a bar; `x` and `width` in percent."""

    condition: str
    x: float
    width: float

    @property
    def tone(self) -> str:
        """bad, warn, busy, paused, ok or idle."""
        return TONES[self.condition]


@dataclass(frozen=True)
class Figure:
    """So many containers of a state, or of a health, as the containers' list counts them."""

    name: str
    count: int

    @property
    def tone(self) -> str:
        """bad, warn, busy, paused, ok or idle."""
        return TONES[self.name]

    @property
    def icon(self) -> str:
        """The icon's name."""
        return FIGURES[self.name][0]

    @property
    def words(self) -> str:
        """What is counted, to follow the count."""
        return str(FIGURES[self.name][1])

    @property
    def query(self) -> str:
        """The filter of the containers' list that shows them."""
        return FIGURES[self.name][2]


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
    def running(self) -> int:
        """Those that run, whatever their health."""
        return self._figure("running")

    @property
    def tone(self) -> str:
        """The tone of the worst of them; "" when nothing is wrong."""
        tones = {TONES[name] for name in WRONG if self.counts.get(name)}
        return "bad" if "bad" in tones else "warn" if tones else ""

    @property
    def segments(self) -> list[Segment]:
        """Conditions that occur, what is wrong first, as a bar shows them left to right."""
        found = [(name, self.counts[name]) for name in CONDITIONS if self.counts.get(name)]
        widths = [max(LEAST, 100 * count / self.total) for _name, count in found]
        scale, x, segments = 100 / (sum(widths) or 100), 0.0, []
        for (name, _count), width in zip(found, widths, strict=True):
            segments.append(Segment(name, round(x, 2), round(width * scale, 2)))
            x += width * scale
        return segments

    @property
    def figures(self) -> list[Figure]:
        """What is counted beside a bar, zeros left out; each as the containers' list counts it."""
        found = [Figure(name, self._figure(name)) for name in FIGURES]
        return [figure for figure in found if figure.count]

    def _figure(self, name: str) -> int:
        return sum(self.counts.get(part, 0) for part in MADE_OF.get(name, (name,)))

    @property
    def words(self) -> str:
        """All in words: `1 unhealthy, 12 running`."""
        said = [f"{figure.count} {figure.words}" for figure in self.figures]
        return ", ".join(said) or gettext("no containers")

    def __add__(self, other: Tally) -> Tally:
        names = {*self.counts, *other.counts}
        return Tally({n: self.counts.get(n, 0) + other.counts.get(n, 0) for n in names})


def condition_of(state: str, health: str, exit_code: int | None, oom_killed: bool) -> str:
    """Return the one condition that a container is in."""
    if state == "running":
        return health if health in {"unhealthy", "starting"} else "running"
    if has_failed(state, exit_code, oom_killed):
        return "oom" if oom_killed else "failed"
    return state


def tallies(containers: QuerySet[Container]) -> dict[int, Tally]:
    """Return the tally of each host that has any of these containers, by its id; one query."""
    rows = (
        containers.select_related(None)
        .order_by()
        .values_list("host_id", "state", "health", "exit_code", "oom_killed")
        .annotate(count=Count("pk"))
    )
    found: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for host, state, health, code, oom_killed, count in rows:
        found[host][condition_of(state, health, code, oom_killed)] += count
    return {host: Tally(dict(counts)) for host, counts in found.items()}
