"""Secrets of a build, kept out of all that is told of it."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = "•••"
SHORTEST = 4  # letters; shorter ones stand in every second word


class Mask:
    """Replaces values, and each line of values that have several."""

    def __init__(self, values: Iterable[str]) -> None:
        given = list(values)
        pieces = {value.strip() for value in given}
        pieces |= {line.strip() for value in given for line in value.splitlines()}
        kept = (piece for piece in pieces if len(piece) >= SHORTEST)
        self._pieces = sorted(
            kept, key=len, reverse=True
        )  # the longest first: one may be in another

    def __call__(self, text: str) -> str:
        """Return the text without them."""
        for piece in self._pieces:
            if piece in text:
                text = text.replace(piece, SHOWN)
        return text
