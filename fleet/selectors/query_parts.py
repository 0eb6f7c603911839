"""What lists have in common that read what they are asked for from a query string."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.reach import Reach
from fleet.selectors.given import given_number
from fleet.selectors.labels import HasLabel
from fleet.selectors.masking import mask_value

TEXT_LIMIT = 200  # of the search, whose words are all looked for
VALUE_LIMIT = 600
VALUES_LIMIT = 50
UNREADABLE = "\N{REPLACEMENT CHARACTER}"  # stands for a value without a sign to look for
SIZES = (25, 50, 100, 250, 500)
DEFAULT_SIZE = 50
NOTHING = Q(pk__in=())
NO_SUCH = {
    "state": gettext_lazy("There is no state “%(value)s”; use one of: %(known)s."),
    "health": gettext_lazy("There is no health “%(value)s”; use one of: %(known)s."),
    "update": gettext_lazy("There is no update “%(value)s”; use one of: %(known)s."),
}


@dataclass(frozen=True)
class ListQuery:
    """One list. Values of one filter are alternatives; filters narrow each other.

    Bad input never raises: an unknown order or page falls back to the default, a filter value
    that nothing can match, or that is too long to be looked for, matches nothing (it never widens
    a list that somebody may act upon, nor does the list's own address), and `problems` says so in
    words.
    """

    FILTERS: ClassVar[tuple[str, ...]]
    SORTS: ClassVar[Collection[str]]
    KNOWN: ClassVar[Mapping[str, tuple[str, ...]]]  # all values, of filters that have few
    DEFAULT_SORT: ClassVar[str] = "name"

    q: str = ""
    host: tuple[str, ...] = ()  # names, or ids
    environment: tuple[str, ...] = ()
    label: tuple[str, ...] = ()  # key or key=value
    sort: str = DEFAULT_SORT
    page: int = 1
    size: int = DEFAULT_SIZE
    sized: bool = False  # the size was asked for, it is not just the viewer's usual one
    wrong: tuple[tuple[str, str], ...] = ()  # (name in the address, what is wrong in words)

    @classmethod
    def parse(cls, data: MultiValueDict[str, str], *, size: int = DEFAULT_SIZE) -> Self:
        """Read a query string; `size` is the viewer's usual page size, which `rows` may say."""
        q = search_of(data.get("q", ""))
        values: dict[str, Any] = {name: clean_values(data.getlist(name)) for name in cls.FILTERS}
        wrong = [*wrong_search(q), *_wrong_values(values, cls.KNOWN)]
        sort = data.get("sort", cls.DEFAULT_SORT)
        if sort.removeprefix("-") not in cls.SORTS:
            words = _("The list cannot be sorted by “%(by)s”.") % {"by": sort[:40]}
            wrong.append(("sort", words))
            sort = cls.DEFAULT_SORT
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
    def from_values(cls, values: Mapping[str, Any]) -> Self:
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
        """Return what is wrong with search and filters, by their names: who acts must not."""
        found: dict[str, list[str]] = {}
        for name, words in self.wrong:
            if name == "q" or name in self.FILTERS:
                found.setdefault(name, []).append(words)
        return found

    @property
    def filtered(self) -> bool:
        """Return whether anything narrows the list."""
        return bool(self.q) or any(getattr(self, name) for name in self.FILTERS)

    def pairs(self) -> list[tuple[str, str]]:
        """Return filters and order as they stand in the address; defaults are left out."""
        pairs = [("q", self.q)] if self.q else []
        for name in self.FILTERS:
            pairs += [(name, value) for value in getattr(self, name)]
        if self.sort != self.DEFAULT_SORT:
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
        """Return the filter by search, hosts and labels, of rows that have a host.

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


def _wrong_values(
    values: Mapping[str, tuple[str, ...]], known: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str]]:
    for name, asked in values.items():
        for value in asked:
            if value == UNREADABLE:
                yield name, unreadable_words()
            elif len(value) > VALUE_LIMIT:
                limit = {"limit": VALUE_LIMIT}
                yield name, _("A filter has at most %(limit)s characters.") % limit
            elif name in known and value not in known[name]:
                told = {"value": value[:40], "known": ", ".join(known[name])}
                yield name, NO_SUCH[name] % told


def printable(text: str) -> str:
    """Return a text without what cannot be seen."""
    return "".join(char for char in text if char.isprintable()).strip()


def clean_values(values: Iterable[str]) -> tuple[str, ...]:
    """Return the values without repetition; what is cut stays too long, also in the address."""
    sent = [value for value in values if value][:VALUES_LIMIT]
    found = (printable(value)[: VALUE_LIMIT + 1] or UNREADABLE for value in sent)
    return tuple(dict.fromkeys(found))


def search_of(q: str) -> str:
    """Return the search; spaces alone are none."""
    text = printable(q)[: TEXT_LIMIT + 1]
    return UNREADABLE if q.strip() and not text else text


def wrong_search(q: str) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the search, in words."""
    if q == UNREADABLE:
        yield "q", unreadable_words()
    if len(q) > TEXT_LIMIT:
        yield (
            "q",
            _("Nothing is found: a search has at most %(limit)s characters.")
            % {"limit": TEXT_LIMIT},
        )


def unreadable_words() -> str:
    """Say that a value holds nothing to look for."""
    return _("A filter without a character to look for matches nothing.")


def number_of(
    data: MultiValueDict[str, str],
    name: str,
    what: str,
    default: int,
    allowed: Iterable[int],
    wrong: list[tuple[str, str]],
) -> int:
    """Return a number of the query string; what is none is told in `wrong`."""
    text = data.get(name)
    if not text:
        return default
    found = given_number(text, digits=7)
    if found is not None and found in allowed:
        return found
    told = {"value": text[:40], "what": what, "default": default}
    wrong.append((name, _("“%(value)s” is no %(what)s; %(default)s is used.") % told))
    return default


def any_of(conditions: Iterable[Q]) -> Q:
    """Return the filter for rows of any of these; for all without one."""
    found = Q()
    for condition in conditions:
        found |= condition
    return found


def label_condition(text: str, secrets: Reach) -> Q:
    """Return the filter for `key` or `key=value`."""
    if len(text) > VALUE_LIMIT:  # it was cut: another label may be called so
        return NOTHING
    key, equals, value = text.partition("=")
    found = Q(HasLabel(key, value if equals else None))
    # Who guesses right must not learn it. The key alone would find more than was asked for.
    return found & secrets.q("host") if is_hidden(key, value) else found


def is_hidden(key: str, value: str) -> bool:
    """Return whether pages hide the value of a label."""
    return mask_value(key, value) != value
