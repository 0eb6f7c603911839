"""Jobs, live: their list, one job's page, the tray, and toasts for who asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import QueryDict
from django.template.loader import get_template
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard import job_words
from dashboard.forms.actions import param_label
from dashboard.live.moments import ago_mark
from dashboard.live.topics.args import id_of
from dashboard.live.topics.base import AROUND, Notice, Part, Snapshot, Toast, Topic, register
from dashboard.templatetags.states import JOB
from dashboard.trigger_words import via_words
from fleet.access import visible_jobs
from fleet.actor import Actor, actor_for
from fleet.jobs.meter import PARTS_LIMIT
from fleet.models import OPEN_STATES, Job, JobLine, JobState
from fleet.operations import REGISTRY
from fleet.operations.build_failures import is_disk_full
from fleet.publish import ContainersChanged, Hint, JobsChanged
from fleet.selectors.hosts import revision_of
from fleet.selectors.jobs import LINES as LINES_SHOWN
from fleet.selectors.jobs import (
    SIZES,
    JobDetail,
    JobPage,
    JobQuery,
    JobRow,
    count_open,
    job_detail,
    job_page,
    open_jobs,
)

ROWS, LINES, CHILDREN, TRAY = "job-rows", "job-lines", "job-children", "tray-jobs"
PARTS = "job-parts"
TOAST_SECONDS = 60  # what ended longer ago is no news
ROW = "jobs/row.html"
TONES = {"waiting": "idle", "retrying": "warn"}  # of a part's bar
VERSION = "4"  # count up when a template of a row changes


class JobTopic(Topic):
    """What one sees of jobs depends on what one may see, and on which are one's own."""

    def key(self, actor: Actor) -> Hashable:
        """Own jobs are shown wherever they ran: the user is part of the picture."""
        return (actor.access, actor.user.pk if actor.user else None)

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """A change of a job may change the list; without its container none is tried again."""
        return isinstance(hint, JobsChanged) or containers_went(hint)


@register
class Jobs(JobTopic):
    """`jobs`, with the list's query string as arguments."""

    name = "jobs"
    most = max(SIZES) + AROUND

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the page of the list that the arguments ask for."""
        return list_snapshot(job_page(actor, JobQuery.parse(args)))


@register
class OneJob(JobTopic):
    """`job`, with `id=7` and the filters of its children as arguments."""

    name = "job"
    most = LINES_SHOWN + max(SIZES) + PARTS_LIMIT + AROUND

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """A child's hint carries its parent's id as well."""
        mine = isinstance(hint, JobsChanged) and id_of(args) in hint.ids
        return mine or containers_went(hint)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the job as its page shows it."""
        return job_snapshot(job_detail(actor, id_of(args), JobQuery.parse(args)))


@register
class Tray(JobTopic):
    """`tray`: how many jobs are open, and with `open=1` which."""

    name = "tray"

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Nothing that is open is tried again: what containers do is the same to it."""
        return isinstance(hint, JobsChanged)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the count, and the jobs while the tray is open."""
        count = count_open(actor)
        parts = {"tray-count": fragment("tray-count", "jobs/tray_count.html", {"count": count})}
        shown = open_jobs(actor) if args.get("open") else []
        rows = {f"tray-job-{row.job.pk}": row for row in shown}
        for element_id, row in rows.items():
            parts[element_id] = row_part(element_id, "jobs/tray_row.html", row)
        return Snapshot(parts=parts, lists={TRAY: list(rows)})


@register
class JobToasts(Notice):
    """Tells who asked for a job how it ended, on whatever page they are."""

    name = "jobs"

    def interested(self, hint: Hint) -> bool:
        """Ends come as changes of jobs."""
        return isinstance(hint, JobsChanged)

    def toasts(self, hint: Hint, users: frozenset[int]) -> list[Toast]:
        """Return a toast for each ended job of these users; children speak by their parent."""
        if not isinstance(hint, JobsChanged):
            return []
        just_now = timezone.now() - timedelta(seconds=TOAST_SECONDS)
        ended = Job.objects.filter(
            pk__in=hint.ids, actor__in=users, parent__isnull=True, finished_at__gt=just_now
        )
        ended = ended.exclude(state__in=OPEN_STATES).select_related("actor")
        return [toast_of(job) for job in ended if _may_still_see(job)]


def _may_still_see(job: Job) -> bool:
    return visible_jobs(actor_for(job.actor)).filter(pk=job.pk).exists()


def toast_of(job: Job) -> Toast:
    """Return how a job ended, as a toast of who asked for it."""
    well = job.state == JobState.SUCCEEDED
    calm = job.state == JobState.CANCELLED
    return Toast(
        user=job.actor_id or 0,
        level="success" if well else "info" if calm else "error",
        message=job_words.ending_of(job),
        key=f"job-{job.pk}-{job.attempt}",
        href=f"/jobs/{job.pk}/",
    )


def containers_went(hint: Hint) -> bool:
    """Return whether containers were removed, which jobs may have been about."""
    return isinstance(hint, ContainersChanged) and bool(hint.removed)


# --- Pictures ------------------------------------------------------------------------------


def list_snapshot(page: JobPage) -> Snapshot:
    """Return the list as its page shows it, at first and live."""
    rows = _rows(page, "job")
    return Snapshot(parts={**_around("jobs", page), **rows}, lists={ROWS: list(rows)})


def job_snapshot(found: JobDetail) -> Snapshot:
    """Return one job's page, at first and live."""
    head = row_part("job-head", "jobs/head.html", found.row, again=found.again)
    state = row_part("job-state", "jobs/progress.html", found.row)
    bar = row_part("job-bar", "jobs/bar.html", found.row)
    parts = {"job-head": head, "job-bar": bar, "job-state": state}
    more = {"more": found.lines_total - len(found.lines), "job_id": found.job.pk}
    parts["job-more"] = fragment("job-more", "jobs/more.html", more)
    lines = {f"job-line-{line.pk}": line_part(line) for line in found.lines}
    layers = {f"job-part-{at}": layer_part(at, facts) for at, facts in enumerate(found.parts)}
    on_hosts = found.job.target_kind == "host"
    children = _rows(found.children, "child", "jobs/row_many.html" if on_hosts else ROW)
    around = _around("children", found.children)
    return Snapshot(
        parts={**parts, **around, **layers, **lines, **children},
        lists={PARTS: list(layers), LINES: list(lines), CHILDREN: list(children)},
    )


def _rows(page: JobPage, prefix: str, template: str = ROW) -> dict[str, Part]:
    return {
        f"{prefix}-{row.job.pk}": row_part(f"{prefix}-{row.job.pk}", template, row)
        for row in page.rows
    }


def row_part(element_id: str, template: str, row: JobRow, again: int | None = None) -> Part:
    """Return the picture of one job; what the viewer may do is part of its revision.

    `again` is the newest job that tries it again, for a picture that names it.
    """
    job = row.job
    related = "".join(f".{pk:x}" for pk in sorted(row.related))
    flags = f"{VERSION}{int(row.may_cancel)}{int(row.may_retry)}{related}.{again or 0:x}"
    # What a job of many moves is in the rows of its children.
    moved = f".{revision_of(row.transfer)}" if job.children_count and row.transfer else ""
    rev = f"{job.pk:x}.{job.revision:x}.{flags}{moved}"
    return part(element_id, rev, template, lambda: {**facts_of(row), "again": again})


def facts_of(row: JobRow) -> dict[str, Any]:
    """Return what templates of one job show."""
    job = row.job
    operation = REGISTRY.get(job.operation)
    unsaid = operation.unsaid if operation else ()
    return {
        "row": row,
        "job": job,
        "title": job_words.title_of(job),
        "params": [
            (param_label(name), _plainly(held))
            for name, held in job.params.items()
            if held not in ("", []) and name not in unsaid
        ],
        "verb": job_words.operation_verb(job.operation),
        "icon": job_words.operation_icon(job.operation),
        "message": job_words.message_of(job),
        "disk_full": is_disk_full(job.error),
        "moved": job_words.transfer_words(row.transfer),
        "duration": job_words.duration_of(job) if job.finished_at else "",
        "created": ago_mark(job.created_at),
        "via": via_words(job.via),
        "started": ago_mark(job.started_at),
        "finished": ago_mark(job.finished_at),
    }


def _plainly(value: object) -> object:
    """Return a parameter as people say it: ticks are yes and no, lists have commas."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return {True: _("yes"), False: _("no")}[value] if isinstance(value, bool) else value


def line_part(line: JobLine) -> Part:
    """Return the picture of a line; lines never change."""
    return part(f"job-line-{line.pk}", "1", "jobs/line.html", lambda: {"line": line})


def layer_part(at: int, facts: dict[str, Any]) -> Part:
    """Return the picture of one part of a job, such as a layer."""
    element_id, rev = f"job-part-{at}", revision_of(sorted(facts.items()))
    return part(element_id, rev, "jobs/part.html", lambda: layer_facts(facts))


def layer_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what the picture of a part shows."""
    state, done, total = facts["state"], facts["done"], facts["total"]
    ended = state in ("done", "exists")
    share = 100 if ended or state in ("downloaded", "verifying") else 0
    return {
        **facts,
        "percent": 100 * done // total if total and not share else share,
        "tone": "ok" if ended else TONES.get(state, "busy"),
        "words": job_words.part_words(state),
        "sizes": done if total and 0 < done < total else None,
    }


def _around(prefix: str, page: JobPage) -> dict[str, Part]:
    """Return what stands around a table: chips with counts, the empty state, pages."""
    pages = {
        "first": page.first,
        "last": page.last,
        "total": page.total,
        "page": page.page,
        "pages": page.pages,
        "base": page.query.urlencode(),
    }
    return {
        f"{prefix}-chips": fragment(
            f"{prefix}-chips", "jobs/chips.html", {"chips": state_chips(page)}
        ),
        f"{prefix}-foot": fragment(f"{prefix}-foot", "jobs/foot.html", pages),
        f"{prefix}-empty": fragment(
            f"{prefix}-empty",
            "jobs/empty.html",
            {"empty": not page.total, "filtered": bool(page.query.pairs())},
        ),
    }


def state_chips(page: JobPage) -> list[dict[str, Any]]:
    """Return the states that there are, each with its count, to filter by."""
    query = page.query
    chips: list[dict[str, Any]] = [
        {
            "href": f"?{query.urlencode(state=())}",
            "label": _("all"),
            "count": sum(page.states.values()),
            "active": False,
        }
    ]
    for state in JobState.values:
        if page.states[state] or state in query.state:
            look = JOB[state]
            chips.append(
                {
                    "href": f"?{query.toggled('state', state)}",
                    "label": str(look.words),
                    "count": page.states[state],
                    "tone": f"tone-{look.tone}",
                    "icon": look.icon,
                    "active": state in query.state,
                }
            )
    return chips if len(chips) > 1 else []


def fragment(element_id: str, template: str, context: dict[str, Any]) -> Part:
    """Return a part whose revision follows from all that it shows."""
    # Not a checksum: whoever makes two searches of one revision would draw for others.
    rev = revision_of(sorted(context.items()))
    return part(element_id, rev, template, lambda: context)


def part(element_id: str, rev: str, template: str, facts: Callable[[], dict[str, Any]]) -> Part:
    """Return a part that a template draws."""

    def render() -> str:
        context = {**facts(), "element_id": element_id, "rev": rev}
        if "pages" in context:
            numbers = Paginator(range(context["pages"]), 1).page(context["page"])
            context["page_obj"] = numbers
        return get_template(template).render(context)

    return Part(rev, render)
