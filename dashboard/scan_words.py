"""How scans look: severities as icon, word and colour, counts, and what was not looked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.templatetags.states import Look
from fleet.models import Looked, Scan, Severity

LOOKS = {
    Severity.CRITICAL: Look("bad", "flame", gettext_lazy("critical")),
    Severity.HIGH: Look("warn", "alert-triangle", gettext_lazy("high")),
    Severity.MEDIUM: Look("busy", "alert-circle", gettext_lazy("medium")),
    Severity.LOW: Look("idle", "circle-dot", gettext_lazy("low")),
    Severity.UNKNOWN: Look("idle", "help", gettext_lazy("unknown")),
}
COUNTED = ("critical", "high", "medium", "low", "unknown")


@dataclass(frozen=True)
class Count:
    """So many vulnerabilities of a severity."""

    look: Look
    number: int


def severity_badge(severity: int) -> SafeString:
    """Return a severity as icon and word."""
    look = LOOKS.get(Severity(severity), LOOKS[Severity.UNKNOWN])
    return format_html(
        '<span class="state severity with-icon qi-{} tone-{}">{}</span>',
        look.icon, look.tone, look.words,
    )  # fmt: skip


def counts_of(scan: Scan) -> list[Count]:
    """Return the counts by severity, the worst first; unknown ones only where there are any."""
    found = [Count(LOOKS[Severity[name.upper()]], getattr(scan, name)) for name in COUNTED]
    return [one for one in found if one.number or one.look is not LOOKS[Severity.UNKNOWN]]


def counts_badges(scan: Scan) -> SafeString:
    """Return what counts most as a small mark: nothing else is news in a list."""
    if not scan.looked_for:
        return SafeString("")
    worst = [one for one in counts_of(scan)[:2] if one.number]
    return format_html_join(" ", "{}", ((_mark(one),) for one in worst))


def _mark(one: Count) -> SafeString:
    title = ngettext(
        "%(number)d vulnerability is %(severity)s",
        "%(number)d vulnerabilities are %(severity)s",
        one.number,
    ) % {"number": one.number, "severity": one.look.words}
    return format_html(
        '<span class="state severity with-icon qi-{} tone-{}" title="{}">{} {}</span>',
        one.look.icon, one.look.tone, title, one.number, one.look.words,
    )  # fmt: skip


def not_looked_words(scan: Scan) -> str:
    """Return why the scan says nothing of vulnerabilities; "" when it does."""
    if scan.looked == Looked.NO_DATABASE:
        return _("Vulnerabilities were not looked for: no database is set"
                 " (QUAYSIDE_TRIVY_DB_REPOSITORY).")  # fmt: skip
    if scan.looked == Looked.DATABASE_FAILED:
        return _("Vulnerabilities were not looked for: the database did not come from where"
                 " QUAYSIDE_TRIVY_DB_REPOSITORY says.")  # fmt: skip
    return ""


def signature(scan: Scan | None) -> tuple[Any, ...]:
    """Return what changes when a scan does."""
    return (scan.pk, scan.scanned_at) if scan is not None else ()


def signatures(scans: Iterable[Scan | None]) -> list[tuple[Any, ...]]:
    """Return the same of many."""
    return [signature(scan) for scan in scans]
