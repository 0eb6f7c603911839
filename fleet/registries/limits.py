"""How much a registry lets us ask: Retry-After, and the headers that Docker Hub adds."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from fleet.registries.types import RateLimit

LONGEST_WAIT = 7 * 86400
_LIMIT = re.compile(r"\s*(\d{1,12})\s*(?:;\s*w\s*=\s*(\d{1,12}))?")


def retry_after(value: str) -> int:
    """Seconds to wait, from a number or a date; 0 for what is neither."""
    if value.strip().isdecimal():
        return min(int(value.strip()[:12]), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return 0
    moment = until if until.tzinfo else until.replace(tzinfo=UTC)
    left = (moment - datetime.now(UTC)).total_seconds()
    return int(min(max(left, 0), LONGEST_WAIT))


def rate_limit(header: Callable[[str], str]) -> RateLimit | None:
    """Docker Hub's limit of pulls from ``ratelimit-limit: 100;w=21600``, where it is told."""
    limit = _LIMIT.match(header("ratelimit-limit"))
    remaining = _LIMIT.match(header("ratelimit-remaining"))
    if limit is None or remaining is None:
        return None
    return RateLimit(int(limit[1]), int(remaining[1]), int(limit[2] or remaining[2] or 0))
