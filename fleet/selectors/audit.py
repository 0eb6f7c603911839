"""The audit log for pages and the API: filtered, newest first, by number instead of offset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.access import require
from fleet.actor import Actor
from fleet.models import AuditEntry, AuditResult
from fleet.operations import REGISTRY
from fleet.permissions import PERMISSIONS
from fleet.selectors.given import given_number, given_text

PERMISSION = "audit.view"
# What is written down beside operations: what people do with what is their own.
OTHERS: dict[str, Promise] = {
    "account.password": gettext_lazy("Change one's password"),
    "account.profile": gettext_lazy("Change one's name or address"),
    "filter.create": gettext_lazy("Save a filter"),
    "filter.remove": gettext_lazy("Delete a saved filter"),
    "filter.update": gettext_lazy("Change a saved filter"),
    "job.cancel": gettext_lazy("Cancel a job"),
    "session.end": gettext_lazy("End one's sessions"),
    "session.sign_in": gettext_lazy("Sign in"),
    "session.sign_out": gettext_lazy("Sign out"),
    "setup.finish": gettext_lazy("Finish the set-up"),
    "terminal.close": gettext_lazy("Close a terminal"),
    "terminal.open": gettext_lazy("Open a terminal"),
    "token.create": gettext_lazy("Make an API token"),
}
PAGE_SIZE = 50
TEXT_LIMIT = 255


@dataclass
class AuditQuery:
    """What an address asks for; wrong values are left out and told in `problems`."""

    actor: str = ""
    action: str = ""
    target: str = ""
    result: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None  # entries with smaller numbers, for the next page
    problems: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> AuditQuery:
        """Read a query string; never raises."""
        found = cls()
        for name in ("actor", "action", "target"):
            setattr(found, name, given_text(data.get(name, ""), TEXT_LIMIT))
        found.result = found._choice(data.get("result", ""))
        found.since = found._time(data.get("since", ""), _("From"), end=False)
        found.until = found._time(data.get("until", ""), _("To"), end=True)
        found.before = given_number(data.get("before", ""))
        return found

    def _choice(self, text: str) -> str:
        if text and text not in AuditResult.values:
            self.problems.append(_("Result: choose one from the list."))
            return ""
        return text

    def _time(self, text: str, label: str, *, end: bool) -> datetime | None:
        """Read a date or a time; a date as `until` includes the whole day."""
        if not text.strip():
            return None
        try:
            moment, day = parse_datetime(text.strip()), parse_date(text.strip())
            if day is not None and (moment is None or len(text.strip()) == 10):
                moment = datetime(day.year, day.month, day.day) + timedelta(days=int(end))  # noqa: DTZ001 - made aware below
            if moment is not None and timezone.is_naive(moment):
                moment = timezone.make_aware(moment)
            if moment is not None and 1970 <= moment.year <= 9000:
                return moment
        except (ValueError, OverflowError):
            pass
        self.problems.append(_("%(field)s: write a date such as 2026-01-31.") % {"field": label})
        return None


def audit_entries(actor: Actor, query: AuditQuery) -> QuerySet[AuditEntry]:
    """Return the entries that a query asks for, newest first. Raises Refused."""
    require(actor, PERMISSION)
    entries = AuditEntry.objects.order_by("-number")
    if query.actor:
        entries = entries.filter(actor_name__iexact=query.actor)
    if query.action:
        entries = entries.filter(action__startswith=query.action)
    if query.target:
        name = Q(target_name__icontains=query.target)
        entries = entries.filter(name | Q(target_kind=query.target))
    if query.result:
        entries = entries.filter(result=query.result)
    if query.since:
        entries = entries.filter(at__gte=query.since)
    if query.until:
        entries = entries.filter(at__lt=query.until)
    return entries


def audit_page(
    actor: Actor, query: AuditQuery, size: int = PAGE_SIZE
) -> tuple[list[AuditEntry], int | None]:
    """Return a page of entries, and the `before` of the next page or None. Raises Refused."""
    entries = audit_entries(actor, query)
    if query.before is not None:
        entries = entries.filter(number__lt=query.before)
    found = list(entries[: size + 1])
    more = len(found) > size
    return found[:size], found[size - 1].number if more else None


def audit_actions(actor: Actor) -> list[str]:
    """Return every action that the log knows, for a list of choices. Raises Refused."""
    require(actor, PERMISSION)
    return list(AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct())


def action_words(action: str) -> tuple[str, str]:
    """Return what an action is called and what it does, in words for people.

    It is an operation, one of `OTHERS`, or a permission that somebody was refused. What an older
    Quayside wrote is its own name.
    """
    if operation := REGISTRY.get(action):
        return str(operation.verb), str(operation.sentence)
    found = OTHERS.get(action) or PERMISSIONS.get(action)
    return (str(found), "") if found else (action, "")
