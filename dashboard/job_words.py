"""What pages say of a job: a title, where, how long."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.templatetags.words import size_text
from fleet.jobs.endings import parent_words
from fleet.models import Job
from fleet.operations import REGISTRY, words
from fleet.selectors.transfers import Transfer

# How far a part is, and in which colour its bar is shown.
PARTS = {
    "waiting": gettext_lazy("waiting"),
    "downloading": gettext_lazy("downloading"),
    "retrying": gettext_lazy("is tried again"),
    "verifying": gettext_lazy("checking"),
    "downloaded": gettext_lazy("downloaded"),
    "extracting": gettext_lazy("unpacking"),
    "preparing": gettext_lazy("preparing"),
    "uploading": gettext_lazy("uploading"),
    "sending": gettext_lazy("sending"),
    "done": gettext_lazy("done"),
    "exists": gettext_lazy("was there already"),
}


def operation_verb(name: str) -> str:
    """Return an operation's verb, or its name once it is gone from the list."""
    operation = REGISTRY.get(name)
    return str(operation.verb) if operation else name


def operation_icon(name: str) -> str:
    """Return an operation's icon."""
    operation = REGISTRY.get(name)
    return operation.icon if operation else "circle"


def title_of(job: Job) -> str:
    """Return what a job is about: `Restart web-1`, `Prune images: 3 hosts`."""
    mark = ":" if job.target_name == job.host_name else ""
    return f"{operation_verb(job.operation)}{mark} {job.target_name}"


def beginning_of(job: Job) -> str:
    """Return what is said when it was asked for: `Restarting web-1 on prod-2 …`."""
    operation = REGISTRY.get(job.operation)
    doing = words(operation, job.target_name)["doing"] if operation else title_of(job)
    if job.target_name == job.host_name:
        return _("%(doing)s …") % {"doing": doing}
    return _("%(doing)s on %(host)s …") % {"doing": doing, "host": job.host_name}


def ending_of(job: Job) -> str:
    """Return how it ended, for a toast: `Restarted web-1 in 1.8 s.`"""
    if job.state == "succeeded":
        operation = REGISTRY.get(job.operation)
        done = words(operation, job.target_name)["done"] if operation else title_of(job)
        return _("%(done)s in %(time)s.") % {"done": done, "time": duration_of(job)}
    return _("%(title)s: %(message)s") % {"title": title_of(job), "message": message_of(job)}


def message_of(job: Job) -> str:
    """Return the last that is known of a job, in words."""
    return parent_words(job) if job.children_count else job.message


def transfer_words(transfer: Transfer | None) -> str:
    """Return how many bytes came, how fast, how long it will take; empty when none did."""
    if transfer is None or not (transfer.done or transfer.speed):
        return ""
    done = size_text(transfer.done)
    if transfer.total is not None and transfer.total > transfer.done:
        done = _("%(done)s of %(total)s") % {"done": done, "total": size_text(transfer.total)}
    said = [done]
    if transfer.speed and transfer.done != transfer.total:
        said.append(_("%(size)s/s") % {"size": size_text(transfer.speed)})
    if (left := transfer.seconds_left) is not None:
        said.append(_("%(time)s left") % {"time": seconds_words(left)})
    return " · ".join(said)


def part_words(state: str) -> str:
    """Return how far a part is, such as a layer: `downloading`."""
    return str(PARTS.get(state, state))


def duration_of(job: Job) -> str:
    """Return how long it ran, or an empty string when it never began."""
    if job.started_at is None:
        return ""
    return duration_words(job.started_at, job.finished_at or timezone.now())


def duration_words(begin: datetime, end: datetime) -> str:
    """Return a time span with two units at most: `1.8 s`, `3 min 5 s`, `2 h 10 min`."""
    seconds = max(0.0, (end - begin).total_seconds())
    if seconds < 0.95:
        return _("%(n)d ms") % {"n": round(seconds * 1000)}
    if seconds < 10:
        return _("%(n).1f s") % {"n": seconds}
    return seconds_words(round(seconds))


def seconds_words(whole: int) -> str:
    """Return whole seconds with two units at most."""
    if whole < 60:
        return _("%(n)d s") % {"n": whole}
    if whole < 3600:
        return _("%(m)d min %(s)d s") % {"m": whole // 60, "s": whole % 60}
    return _("%(h)d h %(m)d min") % {"h": whole // 3600, "m": whole % 3600 // 60}
