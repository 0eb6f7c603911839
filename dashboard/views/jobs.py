"""Jobs: their list, one job, cancel, try again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from dashboard import job_words
from dashboard.live.html import draw
from dashboard.live.moments import site_of
from dashboard.live.topics.base import Snapshot
from dashboard.live.topics.jobs import CHILDREN, LINES, PARTS, ROWS, job_snapshot, list_snapshot
from dashboard.requests import actor_of, wants_json
from dashboard.views.actions import asked_for, or_say_why
from fleet.access import access_job, visible_hosts
from fleet.models import Job, JobState
from fleet.operations import REGISTRY
from fleet.operations.jobs import job_cancel, job_retry
from fleet.selectors.builds import run_place
from fleet.selectors.jobs import JobQuery, job_detail, job_page
from fleet.selectors.releases import run_of_job

LAYERED = ("image.pull", "image.push", "build.push")  # their parts are layers
FILTERS = {
    "operation": gettext_lazy("what"),
    "host": gettext_lazy("host"),
    "actor": gettext_lazy("who"),
}


class Drawn:
    """A snapshot as HTML for a first paint."""

    def __init__(self, request: HttpRequest, snapshot: Snapshot) -> None:
        self._html = draw(snapshot, snapshot.parts, site_of(request.get_host()))
        self._lists = snapshot.lists

    def rows(self, name: str) -> SafeString:
        """Return a list's rows in order."""
        return SafeString("".join(self._html[row] for row in self._lists[name]))

    def parts(self, *prefixes: str) -> dict[str, SafeString]:
        """Return the fragments of these prefixes by the rest of their id."""
        return {
            key.partition("-")[2]: SafeString(html)
            for key, html in self._html.items()
            if key.partition("-")[0] in prefixes and not key[-1].isdigit()
        }


@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    """Show the jobs that the reader may see, newest first."""
    actor = actor_of(request)
    query = JobQuery.parse(request.GET)
    page = job_page(actor, query)
    drawn = Drawn(request, list_snapshot(page))
    context = {
        "query": query,
        "live_args": query.urlencode(page=page.page),
        "rows": drawn.rows(ROWS),
        "parts": drawn.parts("jobs"),
        "filter_chips": _filter_chips(query),
        "operations": [operation for operation in REGISTRY.values() if operation.run],
        "hosts": list(visible_hosts(actor).values_list("name", flat=True)),
    }
    return render(request, "jobs/list.html", context)


def _filter_chips(query: JobQuery) -> list[dict[str, Any]]:
    return [
        {"href": f"?{query.toggled(name, value)}", "label": FILTERS[name], "value": value,
         "active": True, "count": None}
        for name, value in query.pairs()
        if name in FILTERS
    ]  # fmt: skip


@require_safe
def job_detail_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one job: how far, its output or its children, and why it failed.

    That of a build has a page that shows more.
    """
    if (place := run_place(actor_of(request), pk)) is not None:
        return redirect("build-run", *place)
    query = JobQuery.parse(request.GET)
    found = job_detail(actor_of(request), pk, query)
    drawn = Drawn(request, job_snapshot(found))
    context = {
        "job": found.job,
        "title": job_words.title_of(found.job),
        "live_args": f"id={pk}&{query.urlencode(page=found.children.page)}".rstrip("&"),
        "parts": drawn.parts("job", "children"),
        "lines": drawn.rows(LINES),
        "layers": drawn.rows(PARTS),
        "on_layers": found.job.operation in LAYERED,
        "children": drawn.rows(CHILDREN),
        "run": run_of_job(actor_of(request), pk),
    }
    return render(request, "jobs/detail.html", context)


@require_safe
def job_lines(request: HttpRequest, pk: int) -> HttpResponse:
    """Return a job's whole output as text."""
    job = access_job(actor_of(request), pk)
    rows = job.lines.values_list("at", "level", "text")
    text = "".join(f"{at:%Y-%m-%dT%H:%M:%S}Z {level} {text}\n" for at, level, text in rows)
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'inline; filename="job-{pk}.txt"'
    return response


@require_POST
def job_cancel_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a job, or what is left of one."""
    job = job_cancel(actor=actor_of(request), job_id=pk)
    return _told(request, pk, _cancel_words(job))


def _cancel_words(job: Job) -> str:
    title = {"title": job_words.title_of(job)}
    if job.state == JobState.CANCELLED:
        return _("Cancelled: %(title)s.") % title
    if job.is_open:
        return _("Cancelling: %(title)s …") % title
    return _("It had ended already: %(title)s.") % title


@require_POST
def job_retry_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask again for what a job did not do."""
    actor = actor_of(request)
    back = reverse("job-detail", args=[pk])
    return or_say_why(request, back, lambda: asked_for(request, job_retry(actor=actor, job_id=pk)))


def _told(request: HttpRequest, pk: int, message: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"message": message})
    messages.info(request, message)
    return HttpResponseRedirect(reverse("job-detail", args=[pk]))
