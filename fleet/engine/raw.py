"""Reading raw JSON of engines without ever failing on what is missing, null or of another type."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

_TIME = re.compile(
    r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)


def as_dict(value: object) -> Json:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def as_int(value: object, default: int = 0) -> int:
    """The value as an int; the default for what is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return default
    try:
        return int(value)
    except (ValueError, OverflowError):
        return default


def as_str(value: object) -> str:
    """The value if it is a string or a number, as a string, else ``""``."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def strings(value: object) -> dict[str, str]:
    """A JSON object as a dict of strings (labels, attributes)."""
    return {str(key): as_str(item) for key, item in as_dict(value).items()}


def parse_time(value: object) -> datetime | None:
    """An engine's time (RFC 3339 with up to ns, or Unix seconds) as aware UTC, or ``None``."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return from_seconds(value)
    match = _TIME.match(value) if isinstance(value, str) else None
    if match is None or match[1].startswith("0001-"):
        return None
    day, clock, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z") else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{offset}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def from_seconds(value: float) -> datetime | None:
    """Unix seconds as aware UTC; ``None`` for zero, negative and absurd values."""
    try:
        return datetime.fromtimestamp(value, UTC) if value > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


STATES = frozenset({"created", "running", "paused", "restarting", "removing", "exited", "dead"})
UP = frozenset({"running", "paused"})  # of these there are processes
ALIVE = UP | {"restarting"}  # or there will be some in a moment
# Podman's own words for what Docker calls otherwise.
_PODMAN_STATES = {
    "configured": "created",
    "initialized": "created",
    "stopped": "exited",
    "stopping": "running",
    "unknown": "dead",
}


def parse_state(value: object) -> str:
    """A state word, with Podman's words turned into Docker's; "" when unknown."""
    word = as_str(value).lower()
    word = _PODMAN_STATES.get(word, word)
    return word if word in STATES else ""
