"""What lists have in common that read what they are asked for from a query string."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Q
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

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
