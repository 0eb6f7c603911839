"""What the list of images is asked for: filters, order and page, read from a query string."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

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

USED, UNUSED, DANGLING, OUTDATED = "used", "unused", "dangling", "outdated"
STATES = (USED, UNUSED, DANGLING, OUTDATED)
SORTS = ("name", "size", "created", "hosts")
DEFAULT_SORT = "name"
FILTERS = ("host", "environment", "label", "state")


@dataclass(frozen=True)
class ImageQuery:
    """One list of images. Values of one filter are alternatives; filters narrow each other.

    Bad input never raises: an unknown order or page falls back to the default, a filter value
    that nothing can match, or that is too long to be looked for, matches nothing, and `wrong`
    says so in words.
    """

    q: str = ""
    host: tuple[str, ...] = ()  # names, or ids
    environment: tuple[str, ...] = ()
    label: tuple[str, ...] = ()  # key or key=value
    state: tuple[str, ...] = ()
    sort: str = DEFAULT_SORT
    page: int = 1
    size: int = DEFAULT_SIZE
    sized: bool = False  # the size was asked for, it is not just the viewer's usual one
    wrong: tuple[tuple[str, str], ...] = ()  # (name in the address, what is wrong in words)

    @classmethod
    def parse(cls, data: MultiValueDict[str, str], *, size: int = DEFAULT_SIZE) -> ImageQuery:
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
    def from_values(cls, values: Mapping[str, Any]) -> ImageQuery:
        """Read single values by name; empty ones are left out."""
        data: MultiValueDict[str, str] = MultiValueDict()
        for name, value in values.items():
            if value not in (None, ""):
                data[name] = str(value)
        return cls.parse(data)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with the input, in words."""
        return tuple(words for _name, words in self.wrong)

    @property
    def filter_problems(self) -> dict[str, list[str]]:
        """Return what is wrong with search and filters, by their names."""
        found: dict[str, list[str]] = {}
        for name, words in self.wrong:
            if name == "q" or name in FILTERS:
                found.setdefault(name, []).append(words)
        return found

    @property
    def filtered(self) -> bool:
        """Return whether anything narrows the list."""
        return bool(self.q) or any(getattr(self, name) for name in FILTERS)

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

    @property
    def hidden_labels(self) -> tuple[str, ...]:
        """Return the keys of labels that are asked for by a value which pages hide."""
        parts = (text.partition("=") for text in self.label)
        return tuple(key for key, _equals, value in parts if is_hidden(key, value))

    def condition(self, secrets: Reach) -> Q:
        """Return the filter on images, without their state.

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
        return found & any_of(label_condition(value, secrets) for value in self.label)

    def matches(self, used: bool, dangling: bool, outdated: bool = False) -> bool:
        """Return whether an image on a host has one of the states that are asked for."""
        held = {USED if used else UNUSED, *([DANGLING] if dangling else ())}
        held |= {OUTDATED} if outdated else set()
        return not self.state or not held.isdisjoint(self.state)

    def state_condition(self, used: Q, outdated: Q = NOTHING) -> Q:
        """Return the same as a filter; `used` is for images that a container uses,
        `outdated` for those of which a registry has something newer."""
        conditions = {USED: used, UNUSED: ~used, DANGLING: Q(dangling=True), OUTDATED: outdated}
        asked = [conditions.get(value, NOTHING) for value in self.state]
        return any_of(asked)


def _wrong_values(values: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    for name in FILTERS:
        for value in values[name]:
            if value == UNREADABLE:
                yield name, unreadable_words()
            elif len(value) > VALUE_LIMIT:
                limit = {"limit": VALUE_LIMIT}
                yield name, _("A filter has at most %(limit)s characters.") % limit
            elif name == "state" and value not in STATES:
                told = {"value": value[:40], "known": ", ".join(STATES)}
                yield name, _("There is no state “%(value)s”; use one of: %(known)s.") % told
