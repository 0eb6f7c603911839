"""What operations raise when they are asked for something that makes no sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
from django.utils.translation import gettext as _

# pydantic's error types, in our words; {…} are filled from the error's own context.
SENTENCES = {
    "missing": "Fill this in.",
    "extra_forbidden": "There is no such parameter.",
    "int_parsing": "Enter a whole number.",
    "int_type": "Enter a whole number.",
    "int_from_float": "Enter a whole number.",
    "bool_parsing": "Say true or false.",
    "bool_type": "Say true or false.",
    "string_type": "Enter text.",
    "greater_than_equal": "Enter {ge} or more.",
    "less_than_equal": "Enter {le} or less.",
    "string_too_long": "Use at most {max_length} characters.",
    "literal_error": "Choose one of {expected}.",
}


class Invalid(Exception):
    """Input is wrong: `fields` maps a field's name to sentences; "" is the whole form."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self.fields = {name: list(sentences) for name, sentences in fields.items()}
        super().__init__(" ".join(text for texts in self.fields.values() for text in texts))

    @classmethod
    def of(cls, error: pydantic.ValidationError) -> Invalid:
        """Return pydantic's findings in our words, without echoing the input."""
        fields: dict[str, list[str]] = {}
        for found in error.errors(include_url=False, include_input=False):
            name = ".".join(str(part) for part in found["loc"])
            fields.setdefault(name, []).append(_sentence(found))
        return cls(fields)


def _sentence(found: Any) -> str:
    context = found.get("ctx", {})
    if found["type"] == "value_error":
        return str(context.get("error", found["msg"]))
    text = SENTENCES.get(found["type"])
    return _(text).format(**context) if text else str(found["msg"])
