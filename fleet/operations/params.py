"""Checking an operation's parameters, with sentences for people at each field.

The sentences are those of the API's other fields too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fleet.operations.errors import Invalid
from fleet.operations.registry import Operation

NAME_LIMIT = 60  # of an unknown field's name that is told back

Sentence = Callable[[Mapping[str, Any]], str]

SENTENCES: dict[str, Sentence] = {
    "extra_forbidden": lambda _context: _("There is no parameter of this name."),
    "missing": lambda _context: _("This is needed."),
    "int_parsing": lambda _context: _("Enter a whole number."),
    "int_type": lambda _context: _("Enter a whole number."),
    "int_from_float": lambda _context: _("Enter a whole number."),
    "int_parsing_size": lambda _context: _("This number is too large."),
    "bool_parsing": lambda _context: _("Choose yes or no."),
    "bool_type": lambda _context: _("Choose yes or no."),
    "string_type": lambda _context: _("Enter a text."),
    "string_unicode": lambda _context: _("Enter a text."),
    "list_type": lambda _context: _("Send a list."),
    "dict_type": lambda _context: _("Send an object with names and values."),
    "model_type": lambda _context: _("Send an object with names and values."),
    "model_attributes_type": lambda _context: _("Send an object with names and values."),
    "datetime_type": lambda _context: _("Enter a time such as 2026-03-01T14:00:00Z."),
    "datetime_parsing": lambda _context: _("Enter a time such as 2026-03-01T14:00:00Z."),
    "datetime_from_date_parsing": lambda _context: _("Enter a time such as 2026-03-01T14:00:00Z."),
    "too_long": lambda context: _too_long(context),
    "less_than": lambda context: _("Enter less than %(lt)s.") % context,
    "greater_than_equal": lambda context: _("Enter at least %(ge)s.") % context,
    "less_than_equal": lambda context: _("Enter at most %(le)s.") % context,
    "string_too_long": lambda context: _("Enter at most %(max_length)s characters.") % context,
    "string_too_short": lambda context: _("Enter at least %(min_length)s characters.") % context,
    "literal_error": lambda context: _("Choose one of %(expected)s.") % context,
    "value_error": lambda context: str(context["error"]),
}


def check_params(operation: Operation, given: Any) -> dict[str, Any]:
    """Return the parameters as the job keeps them, defaults filled in. Raises Invalid."""
    if not isinstance(given, Mapping):
        raise Invalid({"": [_("Send the parameters as an object with names and values.")]})
    try:
        return operation.params.model_validate(dict(given)).model_dump(mode="json")
    except ValidationError as error:
        raise Invalid(_by_field(error.errors(include_url=False, include_input=False))) from None


def _too_long(context: Mapping[str, Any]) -> str:
    """Say what is too long: pydantic calls a text behind a check of ours just a value."""
    if context.get("field_type") == "Value":
        return _("Enter at most %(max_length)s characters.") % context
    return _("Send at most %(max_length)s of them.") % context


def sentence_of(error: Mapping[str, Any]) -> str:
    """Return what one of pydantic's errors says, in our words; the input is not repeated."""
    say = SENTENCES.get(error["type"])
    return say(error.get("ctx", {})) if say else _("This value cannot be used.")


def _by_field(errors: list[ErrorDetails]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for error in errors:
        field = str(error["loc"][0])[:NAME_LIMIT] if error["loc"] else ""
        found.setdefault(field, []).append(sentence_of(error))
    return found
