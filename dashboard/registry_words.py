"""What a registry's answer means to who asked us: the status of a page or of the API."""

from __future__ import annotations

from typing import Any, Final

from fleet.selectors.registry_asking import Answer

# Whatever is not named here is a fault of the other side, or of the way to it.
STATUSES: Final = {
    "not_found": 404,
    "catalog_off": 409,
    "delete_off": 409,
    "tag_delete_off": 409,
    "tag_moved": 409,
    "schema1": 409,
    "invalid_name": 422,
    "rate_limited": 429,
    "busy": 503,
    "secret_lost": 503,
    "timeout": 504,
    "dns_timeout": 504,
}


def status_of(answer: Answer[Any]) -> int:
    """Return the HTTP status for an answer without a value."""
    return STATUSES.get(answer.code, 502)
