"""Reading values from answers that may hold anything: wrong types become empty ones."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from fleet.registries.errors import RegistryError

TEXT_LIMIT = 4096
MOST = 1000
BIGGEST = 2**63 - 1
# Control characters other than tab and line break, and halves of pairs, which no database keeps.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def load(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises ``RegistryError("bad_answer")`` for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise RegistryError("bad_answer", raw=body[:200].decode("utf-8", "replace")) from None
    if not isinstance(found, dict):
        raise RegistryError("bad_answer", raw=body[:200].decode("utf-8", "replace"))
    return found


def text(value: object, limit: int = TEXT_LIMIT) -> str:
    """A text that can be shown and kept; empty for what is none."""
    return _UNFIT.sub("\ufffd", value[:limit]) if isinstance(value, str) else ""


def size(value: object) -> int:
    """A number of bytes; 0 for what is none."""
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= BIGGEST
    return int(value) if good else 0  # type: ignore[call-overload]


def items(value: object, most: int = MOST) -> list[Any]:
    """A list, cut to a bound; empty for what is none."""
    return value[:most] if isinstance(value, list) else []


def objects(value: object, most: int = MOST) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [item for item in items(value, most) if isinstance(item, dict)]


def mapping(value: object) -> dict[str, Any]:
    """An object; empty for what is none."""
    return value if isinstance(value, dict) else {}


def texts(value: object, most: int = MOST) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(text(item) for item in items(value, most) if isinstance(item, str))


def pairs(value: object) -> dict[str, str]:
    """Names and texts of an object."""
    found = mapping(value)
    return {text(k, 255): text(v) for k, v in list(found.items())[:MOST] if isinstance(v, str)}


def keys(value: object) -> tuple[str, ...]:
    """The names of an object, sorted: how exposed ports and volumes are told."""
    return tuple(sorted(text(key, 255) for key in list(mapping(value))[:MOST]))


def moment(value: object) -> datetime | None:
    """A point in time; nothing for what is none, or for the year 1 that stands for unknown."""
    shown = text(value, 64)
    # Go writes nanoseconds, Python reads microseconds.
    cut = re.sub(r"(\.\d{6})\d+", r"\1", shown)
    try:
        found = parse_datetime(cut)
    except ValueError:
        return None
    if found is None or found.year < 1970:
        return None
    return make_aware(found) if is_naive(found) else found
