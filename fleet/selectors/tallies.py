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

Text = str | Promise

# Conditions in the order in which they are shown: what is wrong first.
CONDITIONS = (
    "dead", "oom", "unhealthy", "restarting", "starting", "paused", "running", "created", "exited",
)  # fmt: skip
WRONG = frozenset({"dead", "oom", "unhealthy", "restarting"})


# condition -> (tone, icon, words for so many, the filter of the containers' list)
LOOKS: Final[dict[str, tuple[str, str, Text, str]]] = {
    "dead": ("bad", "skull", _("dead"), "state=dead"),
    "oom": ("bad", "flame", _("out of memory"), "state=exited"),
    "unhealthy": ("warn", "heart-broken", _("unhealthy"), "health=unhealthy"),
    "restarting": ("warn", "repeat", _("restarting"), "state=restarting"),
    "starting": ("busy", "loader-2", _("starting"), "health=starting"),
    "paused": ("paused", "player-pause-filled", _("paused"), "state=paused"),
    "running": ("ok", "circle-filled", _("running"), "state=running"),
    "created": ("idle", "circle-dashed", _("created"), "state=created"),
    "exited": ("idle", "circle", _("exited"), "state=exited"),
}
LEAST = 2.0  # percent of a bar that even one container of a thousand gets


@dataclass(frozen=True)
class Part:
    """So many containers in one condition; `x` and `width` of its bar in percent."""

    condition: str
    count: int
    x: float
    width: float

    @property
    def tone(self) -> str:
        """bad, warn, busy, paused, ok or idle."""
        return LOOKS[self.condition][0]

    @property
    def icon(self) -> str:
        """The icon's name."""
        return LOOKS[self.condition][1]

    @property
    def words(self) -> str:
        """The condition in words, to follow the count."""
        return str(LOOKS[self.condition][2])

    @property
    def query(self) -> str:
        """The filter of the containers' list that shows them."""
        return LOOKS[self.condition][3]


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
    def tone(self) -> str:
        """The tone of the worst of them; "" when nothing is wrong."""
        tones = {LOOKS[name][0] for name in WRONG if self.counts.get(name)}
        return "bad" if "bad" in tones else "warn" if tones else ""

    @property
    def parts(self) -> list[Part]:
        """Conditions that occur, what is wrong first, as a bar shows them left to right."""
        found = [(name, self.counts[name]) for name in CONDITIONS if self.counts.get(name)]
        widths = [max(LEAST, 100 * count / self.total) for _name, count in found]
        scale, x, parts = 100 / (sum(widths) or 100), 0.0, []
        for (name, count), width in zip(found, widths, strict=True):
            parts.append(Part(name, count, round(x, 2), round(width * scale, 2)))
            x += width * scale
        return parts

    @property
    def words(self) -> str:
        """All in words: `1 unhealthy, 12 running`."""
        said = [f"{part.count} {part.words}" for part in self.parts]
        return ", ".join(said) or gettext("no containers")

    def __add__(self, other: Tally) -> Tally:
        names = {*self.counts, *other.counts}
        return Tally({n: self.counts.get(n, 0) + other.counts.get(n, 0) for n in names})


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
