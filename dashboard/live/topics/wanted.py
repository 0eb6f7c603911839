"""What a stream of one container is about."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import translation

from fleet.logs.target import LogTarget


@dataclass(frozen=True)
class Wanted:
    """Whose log or readings a page wants, and the page's language."""

    target: LogTarget
    language: str

    @classmethod
    def of(cls, target: LogTarget) -> Wanted:
        """Return it in the language that is active: `Stream.check` runs in the page's."""
        return cls(target, translation.get_language() or "")
