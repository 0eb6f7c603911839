"""Numbers in what a page says."""

from __future__ import annotations

from django.http import QueryDict

from fleet.selectors.given import given_number


def number_of(args: QueryDict, name: str) -> int:
    """Return a number of the arguments; 0 for nonsense."""
    return number(args.get(name, ""))


def id_of(args: QueryDict) -> int:
    """Return the row that a page's arguments name; 0, which is no row, for nonsense."""
    return number_of(args, "id")


def number(text: str) -> int:
    """Return a number; 0 for nonsense."""
    return given_number(text) or 0
