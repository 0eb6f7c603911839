"""What an address gives: anybody may have written it."""

from __future__ import annotations

LIMIT = 200
DIGITS = 18  # of a number that every database takes


def given_text(value: object, limit: int = LIMIT) -> str:
    """Return a text to look for: stripped, of bounded length, without NUL.

    PostgreSQL refuses a NUL wherever it stands; nothing is named with one, and no page of ours
    sends it, so it is left out without a word.
    """
    return str(value).replace("\x00", "").strip()[:limit]


def given_number(text: str, *, digits: int = DIGITS) -> int | None:
    """Return a whole number of at most so many digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None
