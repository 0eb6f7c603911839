"""What operations raise when they are asked for something that makes no sense."""

from __future__ import annotations

from collections.abc import Mapping


class Invalid(Exception):
    """Input is wrong: `fields` maps a field's name to sentences; "" is the whole form."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self.fields = {name: list(sentences) for name, sentences in fields.items()}
        super().__init__(" ".join(text for texts in self.fields.values() for text in texts))
