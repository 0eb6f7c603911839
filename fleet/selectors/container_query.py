"""What a container list is asked for: filters, order and page, read from a query string."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from fleet.models import ContainerState, Health, HostState
from fleet.selectors.labels import HasLabel

TEXT_LIMIT = 200
WORDS_LIMIT = 8
VALUES_LIMIT = 50
SIZES = (25, 50, 100, 250, 500)
DEFAULT_SIZE = 50
DEFAULT_SORT = "name"
UNREACHABLE = "unreachable"  # not a state of the engine's: its host cannot be asked
NO_HEALTH = "none"
FAILED = "failed"  # nor this one: exited, and not as it should
STATES = (*ContainerState.values, FAILED, UNREACHABLE)
HEALTHS = (*(value for value in Health.values if value), NO_HEALTH)
SORTS: dict[str, tuple[str, ...]] = {
    "name": ("name", "host_id", "pk"),
    "host": ("host__name", "name", "pk"),
    "image": ("image", "name", "host_id", "pk"),
    "state": ("state", "health", "name", "host_id", "pk"),
    "stack": ("compose_project", "swarm_stack", "name", "host_id", "pk"),
    "created": ("created_at", "pk"),
}
HAS_FAILED = Q(state=ContainerState.EXITED) & (
    Q(exit_code__gt=0) | Q(exit_code__lt=0) | Q(oom_killed=True)
)
FILTERS = ("host", "environment", "label", "state", "health", "image", "stack")


@dataclass(frozen=True)
class ContainerQuery:
    """One container list. Values of one filter are alternatives; filters narrow each other.

    Bad input never raises: an unknown order or page falls back to the default, a filter value
    that nothing can match matches nothing (it never widens a list that somebody may act upon),
    and `problems` says so in words.
    """

    q: str = ""
    host: tuple[str, ...] = ()  # names, or ids
    environment: tuple[str, ...] = ()
    label: tuple[str, ...] = ()  # key or key=value
    state: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    image: tuple[str, ...] = ()  # a part of it
    stack: tuple[str, ...] = ()
    sort: str = DEFAULT_SORT
    page: int = 1
    size: int = DEFAULT_SIZE
    sized: bool = False  # the size was asked for, it is not just the viewer's usual one
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: MultiValueDict[str, str], *, size: int = DEFAULT_SIZE) -> ContainerQuery:
        """Read a query string; `size` is the viewer's usual page size, which `rows` may say."""
        values = {name: _clean(data.getlist(name)) for name in FILTERS}
        q, problems = _text(data.get("q", ""))
        problems += _strange(_("state"), values["state"], STATES)
        problems += _strange(_("health"), values["health"], HEALTHS)
        sort = data.get("sort", DEFAULT_SORT)
        if sort.removeprefix("-") not in SORTS:
            problems.append(_("The list cannot be sorted by “%(by)s”.") % {"by": sort[:40]})
            sort = DEFAULT_SORT
        usual = _number(data.get("rows"), size, SIZES, _("page size"), problems)
        return cls(
            **values,
            q=q,
            sort=sort,
            page=_number(data.get("page"), 1, range(1, 1_000_000), _("page"), problems),
            size=_number(data.get("size"), usual, SIZES, _("page size"), problems),
            sized="size" in data,
            problems=tuple(problems),
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> ContainerQuery:
        """Read single values by name; empty ones are left out."""
        data: MultiValueDict[str, str] = MultiValueDict()
        for name, value in values.items():
            if value not in (None, ""):
                data[name] = str(value)
        return cls.parse(data)

    @property
    def filtered(self) -> bool:
        """Return whether anything narrows the list."""
        return bool(self.q) or any(getattr(self, name) for name in FILTERS)

    @property
    def ordering(self) -> tuple[str, ...]:
        """Return what `order_by` takes."""
        fields = SORTS[self.sort.removeprefix("-")]
        return tuple(f"-{name}" for name in fields) if self.sort.startswith("-") else fields

    def pairs(self) -> list[tuple[str, str]]:
        """Return filters and order as they stand in the address; defaults are left out."""
        pairs = [("q", self.q)] if self.q else []
        for name in FILTERS:
            pairs += [(name, value) for value in getattr(self, name)]
        if self.sort != DEFAULT_SORT:
            pairs.append(("sort", self.sort))
        if self.sized:
            pairs.append(("size", str(self.size)))
        return pairs

    def urlencode(self, **changes: Any) -> str:
        """Return the query string of this list with changes, at its first page unless told."""
        query = replace(self, **{"page": 1, **changes})
        page = [("page", str(query.page))] if query.page != 1 else []
        return urlencode(query.pairs() + page)

    def toggled(self, name: str, value: str) -> str:
        """Return the query string with a filter's value set, or taken away if it is set."""
        values = getattr(self, name)
        left = tuple(held for held in values if held != value)
        return self.urlencode(**{name: left if value in values else (*values, value)})

    def live_args(self) -> str:
        """Return what the live list is asked for: all of this, in one spelling."""
        return urlencode([*self.pairs(), ("page", str(self.page)), ("rows", str(self.size))])

    def condition(self) -> Q:
        """Return the filter on containers, without state and health."""
        found = Q()
        for word in self.q.lower().split()[:WORDS_LIMIT]:
            found &= Q(search__contains=word)
        if self.host:
            ids = [int(value) for value in self.host if _is_id(value)]
            found &= Q(host__name__in=self.host) | Q(host_id__in=ids)
        if self.environment:
            found &= Q(host__environment__name__in=self.environment)
        if self.stack:
            found &= Q(compose_project__in=self.stack) | Q(swarm_stack__in=self.stack)
        found &= _any(Q(image__icontains=value) for value in self.image)
        return found & _any(_label(value) for value in self.label)

    def state_condition(self) -> Q:
        """Return the filter by state and health."""
        state = Q(state__in=[value for value in self.state if value in ContainerState.values])
        if FAILED in self.state:
            state |= HAS_FAILED
        if UNREACHABLE in self.state:
            state |= Q(host__state=HostState.UNREACHABLE)
        health = Q(health__in=[value for value in self.health if value != NO_HEALTH])
        health &= Q(state=ContainerState.RUNNING)  # a stopped one's last check says nothing now
        if NO_HEALTH in self.health:
            health |= Q(health="")
        return (state if self.state else Q()) & (health if self.health else Q())

    def matches(self, state: str, health: str, failed: bool, host_state: str) -> bool:
        """Return whether `state_condition` holds, for rows that were counted in groups."""
        away = UNREACHABLE in self.state and host_state == HostState.UNREACHABLE
        wrong = FAILED in self.state and failed
        return (not self.state or state in self.state or away or wrong) and (
            not self.health or health_now(state, health) in self.health
        )


def health_now(state: str, health: str) -> str:
    """Return the health that a container is listed under; "" for a check of one that stopped."""
    if not health:
        return NO_HEALTH
    return health if state == ContainerState.RUNNING else ""


def has_failed(state: str, exit_code: int | None, oom_killed: bool) -> bool:
    """Return whether `HAS_FAILED` holds: it ended with another code than 0, or without memory."""
    return state == ContainerState.EXITED and (bool(exit_code) or oom_killed)


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).strip()


def _clean(values: Iterable[str]) -> tuple[str, ...]:
    found = (_printable(value[:600]) for value in list(values)[:VALUES_LIMIT])
    return tuple(dict.fromkeys(value for value in found if value))


def _text(q: str) -> tuple[str, list[str]]:
    text = _printable(q[: TEXT_LIMIT * 4])
    if len(q) <= TEXT_LIMIT:
        return text, []
    return text[:TEXT_LIMIT], [
        _("The search was cut to its first %(limit)s characters.") % {"limit": TEXT_LIMIT}
    ]


def _strange(what: str, values: Iterable[str], known: Iterable[str]) -> list[str]:
    known = tuple(known)
    return [
        _("There is no %(what)s “%(value)s”; use one of: %(known)s.")
        % {"what": what, "value": value[:40], "known": ", ".join(known)}
        for value in values
        if value not in known
    ]


def _number(
    text: str | None, default: int, allowed: Iterable[int], what: str, problems: list[str]
) -> int:
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) < 8 and int(text) in allowed:
        return int(text)
    problems.append(
        _("“%(value)s” is no %(what)s; %(default)s is used.")
        % {"value": text[:40], "what": what, "default": default}
    )
    return default


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 19


def _any(conditions: Iterable[Q]) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found


def _label(text: str) -> Q:
    """Return the filter for `key` or `key=value`."""
    key, equals, value = text.partition("=")
    return Q(HasLabel(key, value if equals else None))
