"""Filters that several lists share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import AfterValidator

from fleet.operations.errors import Invalid
from fleet.selectors.given import given_number


def _no_nul(text: str) -> str:
    if "\x00" in text:  # PostgreSQL refuses it, wherever it stands
        raise ValueError(_("This contains a character that is not allowed."))
    return text


# What a filter compares with; say its length with a Field as well.
Text = Annotated[str, AfterValidator(_no_nul)]


def _in_utc(moment: datetime) -> datetime:
    try:
        aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
        return aware.astimezone(UTC)
    except OverflowError as error:  # the first and the last day that there is
        raise ValueError(_("This time is out of range.")) from error


# A time to compare with; without a zone it is in Quayside's own.
Moment = Annotated[datetime, AfterValidator(_in_utc)]


def by_name_or_id(path: str, value: str) -> Q:
    """Return the filter for a row named by its name, or by its id when that is a number."""
    found = Q(**{f"{path}__name": value})
    if (pk := given_number(value)) is not None:
        found |= Q(**{f"{path}__pk": pk})
    return found


def known(field: str, value: str, values: Iterable[str]) -> str:
    """Return a filter's value. Raises Invalid at `field` for one that nothing can have."""
    if value in (names := list(values)):
        return value
    sentence = _("Choose one of %(names)s.") % {"names": ", ".join(names)}
    raise Invalid({field: [sentence]})
