"""Filters that several lists share."""

from __future__ import annotations

from django.db.models import Q


def by_name_or_id(path: str, value: str) -> Q:
    """Return the filter for a row named by its name, or by its id when that is a number."""
    found = Q(**{f"{path}__name": value})
    if value.isascii() and value.isdigit() and len(value) < 19:
        found |= Q(**{f"{path}__pk": int(value)})
    return found
