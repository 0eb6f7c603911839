"""Reading what people and scripts send: types and bounds, with a sentence for each problem."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fleet.models.hosts import NAME
from fleet.operations.errors import Invalid

Text = str | Promise
LABELS_LIMIT = 50
LABEL_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}\Z")
LABEL_VALUE_LIMIT = 200
LABELS_TEXT_LIMIT = 20_000


class Reader:
    """Takes fields out of a mapping and gathers what is wrong with them."""

    def __init__(self, data: Mapping[str, Any], known: Iterable[str]) -> None:
        self.data = data
        self.problems: dict[str, list[Text]] = defaultdict(list)
        for name in set(data) - set(known):
            self.refuse(str(name)[:60], _("There is no such field."))

    def refuse(self, field: str, sentence: Text) -> None:
        """Note a problem of a field."""
        self.problems[field].append(sentence)

    def has(self, field: str) -> bool:
        """Return whether the field was sent at all."""
        return field in self.data

    def text(self, field: str, default: str = "", *, limit: int) -> str:
        """Return a text of at most `limit` characters, stripped."""
        value = self.data.get(field, default)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.refuse(field, _("This must be a text."))
        elif len(value) > limit:
            self.refuse(
                field, _("This is too long: at most %(limit)d characters.") % {"limit": limit}
            )
        elif "\x00" in value:
            self.refuse(field, _("This contains a character that is not allowed."))
        else:
            return value.strip()
        return default

    def name(self, field: str, default: str = "") -> str:
        """Return a name as hosts and environments have them: 1 to 60 characters."""
        value = self.text(field, default, limit=60)
        if field in self.problems:
            return value
        if not value:
            self.refuse(field, _("Enter a name."))
        try:
            NAME(value)
        except ValidationError as error:
            if value:
                self.refuse(field, error.messages[0])
        return value

    def switch(self, field: str, default: bool = False) -> bool:
        """Return true or false."""
        value = self.data.get(field, default)
        if not isinstance(value, bool):
            self.refuse(field, _("This must be true or false."))
            return default
        return value

    def labels(self, field: str, default: dict[str, str]) -> dict[str, str]:
        """Return labels, sent as a mapping or as lines of `key=value`."""
        value = self.data.get(field, default)
        if isinstance(value, str):
            value = self._label_lines(field, value)
        if not isinstance(value, Mapping):
            self.refuse(field, _("Labels must be pairs of a key and a value, both texts."))
            return default
        problem = _labels_problem(value)
        if problem is not None:
            self.refuse(field, problem)
        return dict(value)

    def _label_lines(self, field: str, text: str) -> dict[str, str]:
        if len(text) > LABELS_TEXT_LIMIT:
            sentence = _("This is too long: at most %(limit)d characters.")
            self.refuse(field, sentence % {"limit": LABELS_TEXT_LIMIT})
            return {}
        found: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            key, equals, value = (part.strip() for part in line.partition("="))
            if line.strip() and not equals:
                self.refuse(field, _("Line %(line)d is not key=value.") % {"line": number})
            elif line.strip() and key in found:
                self.refuse(field, _("Line %(line)d repeats a key.") % {"line": number})
            elif line.strip():
                found[key] = value
        return found

    def finish(self) -> None:
        """Raise Invalid when anything was wrong."""
        if self.problems:
            raise Invalid({name: [str(t) for t in texts] for name, texts in self.problems.items()})


def _labels_problem(labels: Mapping[Any, Any]) -> Text | None:
    if len(labels) > LABELS_LIMIT:
        return _("These are too many labels: at most %(limit)d.") % {"limit": LABELS_LIMIT}
    for key, value in labels.items():
        if not isinstance(key, str) or not isinstance(value, str):
            return _("Labels must be pairs of a key and a value, both texts.")
        if not LABEL_KEY.match(key):
            return _(
                "A label's key has 1 to 63 letters, digits, dots, dashes, underscores or slashes"
                " and begins with a letter or digit."
            )
        if len(value) > LABEL_VALUE_LIMIT or not value.isprintable():
            return _("A label's value has at most %(limit)d printable characters.") % {
                "limit": LABEL_VALUE_LIMIT
            }
    return None
