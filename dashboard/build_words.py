"""What pages say of builds and their runs."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from dashboard.job_words import duration_of as job_duration
from dashboard.job_words import seconds_words
from dashboard.templatetags.words import size_text
from fleet.models import BuildRun

# Colours and other orders to a terminal, for who sees the text without our script.
CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?|[\x00-\x08\x0b-\x1f\x7f]"
)


def without_colours(text: str) -> str:
    """Return a line as plain text."""
    return CONTROL.sub("", text)


def duration_of(run: BuildRun) -> str:
    """Return how long a run took, the whole of its job; empty while it runs."""
    return job_duration(run.job) if run.job.finished_at else ""


def seconds_text(seconds: float | None) -> str:
    """Return seconds as people read them: `0.3 s`, `2 min 10 s`."""
    if seconds is None:
        return ""
    return _("%(n).1f s") % {"n": seconds} if seconds < 10 else seconds_words(round(seconds))


def grown_words(grown: int | None) -> str:
    """Return how an image compares to the one before: `+1.2 MB`."""
    if grown is None:
        return ""
    if not grown:
        return _("same size")
    return f"{'+' if grown > 0 else '−'}{size_text(abs(grown))}"


def result_words(run: BuildRun) -> str:
    """Return in a sentence how a run stands."""
    job = run.job
    if job.state == "queued":
        return _("It waits for a worker, and for the run before it.")
    if job.state == "running":
        return _("It runs.")
    return job.message
