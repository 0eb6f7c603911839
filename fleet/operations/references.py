"""Names of images, as people type them."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

LENGTH = 512
NAME_LENGTH = 255

_HOST = (
    r"(?:(?:localhost|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+)(?::[0-9]{1,5})?|[a-zA-Z0-9-]+:[0-9]{1,5})"
)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?P<digest>@sha256:[0-9a-f]{64})?"
)


def check_reference(text: str) -> str:
    """Return an image's name with a tag or digest, `latest` where neither was given.

    Raises ValueError with a sentence for people.
    """
    text = text.strip()
    if not text:
        raise ValueError(_("Enter the name of an image, such as nginx:1.27."))
    found = _REFERENCE.fullmatch(text) if len(text) <= LENGTH else None
    if found is None or len(found["name"]) > NAME_LENGTH:
        raise ValueError(_why_not(text[: LENGTH + 1]))
    whole = found["tag"] or found["digest"]
    return text if whole else f"{text}:latest"


def _why_not(text: str) -> str:
    """Return what people most often got wrong."""
    if "://" in text:
        return _("Leave out http:// or https://: registry.example.com/team/app:2.")
    if re.search(r"\s", text):
        return _("The name of an image has no spaces.")
    if text.lower() != text and _REFERENCE.fullmatch(text.lower()):
        return _("The name of an image is written in small letters; only its tag may have others.")
    return _(
        "This is no name of an image. It is written like nginx:1.27 or"
        " registry.example.com/team/app:2."
    )
