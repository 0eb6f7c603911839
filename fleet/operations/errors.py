"""What operations raise when they are asked for something that makes no sense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Invalid(Exception):
    """Input is wrong: `fields` maps a field's name to sentences; "" is the whole form."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self.fields = {name: list(sentences) for name, sentences in fields.items()}
        super().__init__(" ".join(text for texts in self.fields.values() for text in texts))


class Gathered:
    """Everything that is wrong, told at once: `with wrong.of(): check(…)`, then `wrong.tell()`."""

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}

    @contextmanager
    def of(self) -> Iterator[None]:
        """Keep what the block raises as Invalid, and go on after it."""
        try:
            yield
        except Invalid as error:
            for name, sentences in error.fields.items():
                self.fields.setdefault(name, []).extend(sentences)

    def tell(self) -> None:
        """Raise Invalid when anything was wrong."""
        if self.fields:
            raise Invalid(self.fields)
