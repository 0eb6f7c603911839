"""Names of images, as people type them."""

from __future__ import annotations

from django.utils.translation import gettext as _

from fleet.registries.reference import InvalidReference, parse_reference

LENGTH = 512


def check_reference(text: str) -> str:
    """Return an image's name as people write it, `latest` where neither tag nor digest was given.

    Raises ValueError with a sentence for people.
    """
    text = text.strip()
    if not text:
        raise ValueError(_("Enter the name of an image, such as nginx:1.27."))
    if len(text) > LENGTH:
        raise ValueError(_("The name of an image has at most 255 characters."))
    try:
        return parse_reference(text).familiar
    except InvalidReference as error:
        raise ValueError(str(error)) from error
