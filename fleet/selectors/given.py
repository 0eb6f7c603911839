"""Texts that an address gives: anybody may have written them."""

from __future__ import annotations

LIMIT = 200


def given_text(value: object, limit: int = LIMIT) -> str:
    """Return a text to look for: stripped, of bounded length, without NUL.

    PostgreSQL refuses a NUL wherever it stands; nothing is named with one, and no page of ours
    sends it, so it is left out without a word.
    """
    return str(value).replace("\x00", "").strip()[:limit]
