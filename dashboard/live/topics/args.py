"""Numbers in what a page says."""

from __future__ import annotations

from django.http import QueryDict


def number_of(args: QueryDict, name: str) -> int:
    """Return a number of the arguments; 0 for nonsense."""
    return number(args.get(name, ""))


def number(text: str) -> int:
    """Return a number; 0 for nonsense."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
