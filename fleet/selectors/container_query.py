"""What a container list is asked for: filters, order and page, read from a query string."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db.models import Q
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from fleet.models import ContainerState, Health, HostState
from fleet.reach import Reach
from fleet.selectors.given import given_number
from fleet.selectors.query_parts import (
    DEFAULT_SIZE,
    NOTHING,
    SIZES,
    TEXT_LIMIT,
    UNREADABLE,
    VALUE_LIMIT,
    any_of,
    clean_values,
    is_hidden,
    label_condition,
    number_of,
    search_of,
    unreadable_words,
    wrong_search,
)

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
FILTERS = ("host", "environment", "label", "state", "health", "image", "stack", "service")


@dataclass(frozen=True)
class ContainerQuery:
    """One container list. Values of one filter are alternatives; filters narrow each other.

    Bad input never raises: an unknown order or page falls back to the default, a filter value
    that nothing can match, or that is too long to be looked for, matches nothing (it never widens
    a list that somebody may act upon, nor does the list's own address), and `problems` says so in
    words.
    """

    q: str = ""
    host: tuple[str, ...] = ()  # names, or ids
    environment: tuple[str, ...] = ()
    label: tuple[str, ...] = ()  # key or key=value
    state: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    image: tuple[str, ...] = ()  # a part of its name, or sha256:…
    stack: tuple[str, ...] = ()  # Compose projects and swarm stacks
    service: tuple[str, ...] = ()  # of either
    sort: str = DEFAULT_SORT
    page: int = 1
    size: int = DEFAULT_SIZE
    sized: bool = False  # the size was asked for, it is not just the viewer's usual one
    wrong: tuple[tuple[str, str], ...] = ()  # (name in the address, what is wrong in words)

    @classmethod
    def parse(cls, data: MultiValueDict[str, str], *, size: int = DEFAULT_SIZE) -> ContainerQuery:
        """Read a query string; `size` is the viewer's usual page size, which `rows` may say."""
        q = search_of(data.get("q", ""))
        values = {name: clean_values(data.getlist(name)) for name in FILTERS}
        wrong = [*wrong_search(q), *_wrong_values(values)]
        sort = data.get("sort", DEFAULT_SORT)
        if sort.removeprefix("-") not in SORTS:
            words = _("The list cannot be sorted by “%(by)s”.") % {"by": sort[:40]}
            wrong.append(("sort", words))
            sort = DEFAULT_SORT
        usual = number_of(data, "rows", _("page size"), size, SIZES, wrong)
        return cls(
            **values,
            q=q,
            sort=sort,
            page=number_of(data, "page", _("page"), 1, range(1, 1_000_000), wrong),
            size=number_of(data, "size", _("page size"), usual, SIZES, wrong),
            sized="size" in data,
            wrong=tuple(wrong),
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> ContainerQuery:
        """Read single values by name; empty ones are left out."""
        data: MultiValueDict[str, str] = MultiValueDict()
        for name, value in values.items():
            if value not in (None, ""):
                data[name] = str(value)
        return cls.parse(data)

    @classmethod
    def from_text(cls, text: str) -> ContainerQuery:
        """Read a query string that is no request's: a saved one."""
        data: MultiValueDict[str, str] = MultiValueDict()
        for name, value in parse_qsl(text, keep_blank_values=True):
            data.appendlist(name, value)
        return cls.parse(data)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with the input, in words."""
        return tuple(words for _name, words in self.wrong)

    @property
    def filter_problems(self) -> dict[str, list[str]]:
        """Return what is wrong with search and filters, by their names: who acts must not."""
        found: dict[str, list[str]] = {}
        for name, words in self.wrong:
            if name == "q" or name in FILTERS:
                found.setdefault(name, []).append(words)
        return found

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

    @property
    def filter_text(self) -> str:
        """Return search and filters alone, in one spelling: equal texts find the same."""
        pairs = [("q", " ".join(dict.fromkeys(self.q.split())))] if self.q else []
        for name in FILTERS:
            pairs += [(name, value) for value in sorted(getattr(self, name))]
        return urlencode(pairs)

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

    @property
    def hidden_labels(self) -> tuple[str, ...]:
        """Return the keys of labels that are asked for by a value which pages hide."""
        parts = (text.partition("=") for text in self.label)
        return tuple(key for key, _equals, value in parts if is_hidden(key, value))

    def condition(self, secrets: Reach) -> Q:
        """Return the filter on containers, without state and health.

        `secrets` is where hidden values may be seen: elsewhere none is found by its value.
        """
        if len(self.q) > TEXT_LIMIT:
            return NOTHING
        found = Q()
        for word in dict.fromkeys(self.q.lower().split()):
            found &= Q(search__contains=word)
        if self.host:
            ids = [pk for pk in map(given_number, self.host) if pk is not None]
            found &= Q(host__name__in=self.host) | Q(host_id__in=ids)
        if self.environment:
            found &= Q(host__environment__name__in=self.environment)
        found &= in_stacks(self.stack)
        if self.service:
            found &= Q(compose_service__in=self.service) | Q(swarm_service__in=self.service)
        found &= any_of(map(_image, self.image))
        return found & any_of(label_condition(value, secrets) for value in self.label)

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


def in_stacks(names: Collection[str]) -> Q:
    """Return the filter by stacks; without a name it narrows nothing."""
    return Q(compose_project__in=names) | Q(swarm_stack__in=names) if names else Q()


def _image(value: str) -> Q:
    """Return the filter for a part of an image's name, or for its id."""
    return Q(image_id=value) if value.startswith("sha256:") else Q(image__icontains=value)


def health_now(state: str, health: str) -> str:
    """Return the health that a container is listed under; "" for a check of one that stopped."""
    if not health:
        return NO_HEALTH
    return health if state == ContainerState.RUNNING else ""


def has_failed(state: str, exit_code: int | None, oom_killed: bool) -> bool:
    """Return whether `HAS_FAILED` holds: it ended with another code than 0, or without memory."""
    return state == ContainerState.EXITED and (bool(exit_code) or oom_killed)


def _wrong_values(values: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    known = {"state": STATES, "health": HEALTHS}
    for name in FILTERS:
        for value in values[name]:
            if value == UNREADABLE:
                yield name, unreadable_words()
            elif len(value) > VALUE_LIMIT:
                limit = {"limit": VALUE_LIMIT}
                yield name, _("A filter has at most %(limit)s characters.") % limit
            elif name in known and value not in known[name]:
                yield name, _strange_words(name, value, known[name])


def _strange_words(name: str, value: str, known: Iterable[str]) -> str:
    told = {"value": value[:40], "known": ", ".join(known)}
    if name == "state":
        return _("There is no state “%(value)s”; use one of: %(known)s.") % told
    return _("There is no health “%(value)s”; use one of: %(known)s.") % told
