"""Scans, live: that of one image, and how all images in use stand."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.paginator import Paginator
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from dashboard import job_words
from dashboard.live.moments import ago_mark
from dashboard.live.topics.args import id_of
from dashboard.live.topics.base import Part, Snapshot, Topic, register
from dashboard.scan_words import (
    counts_badges,
    counts_of,
    not_looked_words,
    severity_badge,
    signature,
)
from fleet.actor import Actor
from fleet.publish import (
    ContainersChanged,
    Hint,
    HostsChanged,
    ImagesChanged,
    JobsChanged,
    ScansChanged,
)
from fleet.selectors.hosts import revision_of
from fleet.selectors.scan_survey import InUse, Survey, survey_scans
from fleet.selectors.scans import (
    MISCONFIGURATIONS,
    PACKAGES,
    SECRETS,
    VULNERABILITIES,
    ScanQuery,
    ScanRows,
    ScanState,
    scan_rows,
    scan_state,
)


@register
class ImageScan(Topic):
    """`image-scan`, with `id=7` and the query of its lists: how far a scan is, and its result."""

    name = "image-scan"
    renders_per_second = 1.0

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """The image may be scanned by a job on any host that has it."""
        return isinstance(hint, JobsChanged | ImagesChanged | ScansChanged)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the scan. Raises Unknown once the image is gone."""
        return scan_snapshot(scan_state(actor, id_of(args)), ScanQuery.parse(args))


@register
class Scans(Topic):
    """`scans`: the images in use, which of them are worst and which were never scanned."""

    name = "scans"
    renders_per_second = 0.5

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """What is in use changes with containers, what was scanned with jobs."""
        kinds = JobsChanged | ScansChanged | ImagesChanged | ContainersChanged | HostsChanged
        return isinstance(hint, kinds)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the whole page as one part: it is small."""
        return Snapshot(parts={SURVEY: survey_part(survey_scans(actor))})


# --- One image -----------------------------------------------------------------------------


def scan_snapshot(found: ScanState, query: ScanQuery) -> Snapshot:
    """Return the scan of an image as its page shows it, at first and live."""
    pk = found.image.pk
    rows = scan_rows(found.scan, query) if found.scan else None
    listed = list_id(pk, query)
    parts = {f"scan-state-{pk}": _state_part(found), listed: _list_part(listed, found, rows)}
    return Snapshot(parts=parts)


def list_id(pk: int, query: ScanQuery) -> str:
    """Return the id of a list's element: what comes late for one must not replace another."""
    return f"scan-list-{pk}-{revision_of(query.urlencode(page=query.page))}"


def _state_part(found: ScanState) -> Part:
    scan, job, failed = found.scan, found.job, found.failed
    shown = (
        signature(scan),
        (job.pk, job.revision) if job else None,
        failed.pk if failed else None,
        found.why_not,
        found.may_scan,
        found.has_document,
    )
    context: dict[str, Any] = {"found": found, "image": found.image, "scan": scan, "job": job}
    if scan is not None:
        context |= {
            "counts": counts_of(scan) if scan.looked_for else [],
            "not_looked": not_looked_words(scan),
            "scanned": ago_mark(scan.scanned_at),
        }
    if job is not None:
        moved = job_words.transfer_words(found.transfer)
        context |= {"moved": moved, "percent": job.progress, "doing": job_words.message_of(job)}
    return _part("image/scan_state.html", f"scan-state-{found.image.pk}", shown, context)


def _list_part(element_id: str, found: ScanState, rows: ScanRows | None) -> Part:
    scan = found.scan
    if scan is None or rows is None:
        return _part("image/scan_list.html", element_id, (), {})
    shown = (signature(scan), rows.query.urlencode(page=rows.page))
    paged = Paginator(range(rows.total), rows.query.size).page(rows.page)
    context = {
        "scan": scan,
        "rows": _shown_rows(rows),
        "page": rows,
        "show": rows.query.show,
        "lists": _lists(rows, looked=scan.looked_for),
        "not_looked": not_looked_words(scan),
        "page_obj": paged,
        "base": rows.query.urlencode(),
        "id": found.image.pk,
    }
    return _part("image/scan_list.html", element_id, shown, context)


def _lists(rows: ScanRows, *, looked: bool) -> list[dict[str, Any]]:
    labels = {
        VULNERABILITIES: _("Vulnerabilities"),
        SECRETS: _("Secrets"),
        MISCONFIGURATIONS: _("Misconfigurations"),
        PACKAGES: _("Packages"),
    }
    return [
        {
            "href": f"?{rows.query.urlencode(show=name, q='')}",
            "label": label,
            "count": rows.counts[name] if looked or name != VULNERABILITIES else "–",
            "active": name == rows.query.show,
        }
        for name, label in labels.items()
    ]


def _shown_rows(rows: ScanRows) -> list[Any]:
    """Return the rows, each with its badge where it has a severity."""
    if rows.query.show == PACKAGES:
        return rows.rows
    return [{"row": row, "severity": severity_badge(row.severity)} for row in rows.rows]


# --- All in use ----------------------------------------------------------------------------

SURVEY = "scans-survey"


def survey_part(survey: Survey) -> Part:
    """Return how all images in use stand."""
    lines = [(row.pk, row.name, row.hosts, signature(row.scan)) for row in survey.worst]
    shown = (
        lines,
        [(row.pk, row.name, row.hosts) for row in survey.never],
        [host.name for host in survey.hosts],
        (survey.total, survey.scanned, survey.looked_for, survey.bad, survey.others),
        (survey.newest, survey.oldest, survey.open_jobs, survey.why_not),
    )
    context = {
        "survey": survey,
        "worst": [_line(row) for row in survey.worst],
        "newest": ago_mark(survey.newest) if survey.newest else "",
        "oldest": ago_mark(survey.oldest) if survey.oldest else "",
    }
    return _part("scans/survey.html", SURVEY, shown, context)


def _line(row: InUse) -> dict[str, Any]:
    scan = row.scan
    return {
        "row": row,
        "counts": counts_badges(scan) if scan else "",
        "scanned": ago_mark(scan.scanned_at) if scan else "",
    }


def _part(template: str, element_id: str, shown: object, context: dict[str, Any]) -> Part:
    rev = revision_of(template, shown)
    around = {"element_id": element_id, "rev": rev}
    return Part(rev, partial(render_to_string, template, {**context, **around}))
