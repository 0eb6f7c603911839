"""Builds: their list, one with its history, its form, its archive; running it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.forms.builds import SOURCES, BuildForm, initial_of
from dashboard.forms.hosts import TypedName
from dashboard.forms.people import attempt
from dashboard.live.topics.builds import (
    HISTORY,
    LOG,
    ROWS,
    build_snapshot,
    list_snapshot,
    run_snapshot,
)
from dashboard.release_words import after_words, place_words
from dashboard.requests import actor_of, is_part, wants_json
from dashboard.views.actions import or_say_why
from dashboard.views.jobs import Drawn
from fleet.access import Refused, access_build, access_run
from fleet.models import BuildRun
from fleet.operations import builds
from fleet.operations.errors import Invalid
from fleet.operations.requests import request as request_job
from fleet.operations.stages import run_go_on
from fleet.selectors.builds import build_list, build_page, run_page


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show the builds that the reader may see."""
    actor = actor_of(request)
    found = build_list(actor, request.GET.get("q", ""))
    context = {
        "found": found,
        "rows": Drawn(request, list_snapshot(found.rows)).rows(ROWS),
        "may_add": bool(actor.access.reach("build.create")),
        "may_prune": bool(actor.access.reach("build.prune")),
    }
    return render(request, "builds/list.html", context)


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a build: what it is made of, and its runs."""
    page = build_page(actor_of(request), access_build(actor_of(request), pk))
    drawn = Drawn(request, build_snapshot(page))
    context = {
        "build": page.build,
        "permissions": page.row.permissions,
        "rows": drawn.rows(HISTORY),
        "parts": drawn.parts("build"),
        "after": page.after,
        "after_words": after_words(page.build),
        "place_words": place_words(page.after),
    }
    return render(request, "builds/detail.html", context)


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a build; `?kind=` says where its files come from."""
    actor = actor_of(request)
    if not actor.access.reach("build.create"):
        raise Refused("build.create")
    form = BuildForm(*_sent(request), actor=actor, kind=_kind(request, "dockerfile"))
    if request.method == "POST" and form.is_valid():
        data = form.data_for_operation()
        build = attempt(form, lambda: builds.build_create(actor=actor, data=data))
        if build and "run" in request.POST and actor.access.may("build.run", build.host):
            return _run(request, build.pk)
        if build:
            messages.success(request, _("%(name)s was added.") % {"name": build.name})
            return redirect("build-detail", build.pk)
    return _form(request, form)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a build."""
    actor = actor_of(request)
    build = access_build(actor, pk, "build.update")
    kind = _kind(request, build.source)
    form = BuildForm(
        *_sent(request), actor=actor, kind=kind, build=build, initial=initial_of(build)
    )
    if request.method == "POST" and form.is_valid():
        data = form.data_for_operation()
        changed = attempt(form, lambda: builds.build_update(actor=actor, build_id=pk, data=data))
        if changed and "run" in request.POST and actor.access.may("build.run", changed.host):
            return _run(request, pk)
        if changed:
            messages.success(request, _("%(name)s was changed.") % {"name": changed.name})
            return redirect("build-detail", pk)
    return _form(request, form)


def _sent(request: HttpRequest) -> tuple[Any, ...]:
    return (request.POST,) if request.method == "POST" else ()


def _kind(request: HttpRequest, default: str) -> str:
    kind = request.GET.get("kind", default)
    return kind if kind in SOURCES else default


def _form(request: HttpRequest, form: BuildForm) -> HttpResponse:
    status = 422 if form.errors else 200
    context = {"form": form, "build": form.build, "kind": form.kind}
    return render(request, "builds/form.html", context, status=status)


@require_POST
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Run a build; `ref` is a branch, a tag or a commit for this once."""
    return _run(request, pk, request.POST.get("ref", ""))


@require_GET
def other_ref(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask which branch, tag or commit to build for once."""
    build = access_build(actor_of(request), pk, "build.run")
    template = "other_ref_dialog" if is_part(request) else "other_ref"
    return render(request, f"builds/{template}.html", {"build": build})


def _run(request: HttpRequest, pk: int, ref: str = "") -> HttpResponse:
    back = reverse("build-detail", args=[pk])
    return or_say_why(request, back, lambda: _run_asked(request, pk, ref))


def _run_asked(request: HttpRequest, pk: int, ref: str) -> HttpResponse:
    params = {"ref": ref} if ref.strip() else {}
    job = request_job("build.run", actor=actor_of(request), target_id=pk, params=params)
    number = BuildRun.objects.values_list("number", flat=True).get(job=job)
    href = reverse("build-run", args=[pk, number])
    if wants_json(request):
        said = _("Building %(name)s …") % {"name": job.target_name}
        told = {"job": {"id": job.pk, "href": href, "message": said}, "location": href}
        return JsonResponse(told, status=202)
    return redirect(href)


@require_GET
def run_detail(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Show one run: its steps with what they wrote, and why it failed."""
    page = run_page(actor_of(request), pk, number)
    drawn = Drawn(request, run_snapshot(page))
    context = {
        "build": page.run.build,
        "run": page.run,
        "parts": drawn.parts("run"),
        "log": drawn.rows(LOG),
    }
    return render(request, "builds/run.html", context)


@require_POST
def go_on(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Try the stage of a run again that did not succeed, and go on after it."""
    href = reverse("build-run", args=[pk, number])

    def go() -> HttpResponse:
        run_go_on(actor=actor_of(request), build_id=pk, number=number)
        if wants_json(request):
            return JsonResponse({"message": _("It goes on …"), "location": href}, status=202)
        return redirect(href)

    return or_say_why(request, href, go)


@require_GET
def run_log(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Return a run's whole log as text; `?step=` is one step's."""
    found = access_run(actor_of(request), pk, number)
    lines = found.job.lines.all()
    step = request.GET.get("step", "")
    if step.isascii() and step.isdigit() and len(step) < 7:
        lines = lines.filter(part=int(step))
    names = {each["number"]: each["name"] for each in found.steps}
    text, last = [], None
    for at, part, said in lines.values_list("at", "part", "text"):
        if part != last and part in names:
            text.append(f"#{part} {names[part]}\n")
        last = part
        text.append(f"{at:%Y-%m-%dT%H:%M:%S}Z {said}\n")
    response = HttpResponse("".join(text), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'inline; filename="build-{pk}-{number}.txt"'
    return response


@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an archive as a build's files."""
    actor = actor_of(request)
    access_build(actor, pk, "build.update")
    sent = request.FILES.get("archive")

    def take() -> HttpResponse:
        if sent is None:
            raise Invalid({"archive": [_("Choose an archive: tar, tar.gz or zip.")]})
        name = str(sent.name or "")
        builds.build_archive(actor=actor, build_id=pk, name=name, pieces=sent.chunks())
        return done(request, pk, _("The archive is there."))

    return or_say_why(request, reverse("build-detail", args=[pk]), take)


@require_POST
def forget_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the pinned key of a Git host."""
    builds.build_forget_key(actor=actor_of(request), build_id=pk)
    return done(request, pk, _("The key is forgotten. The next run pins the one it meets."))


def done(request: HttpRequest, pk: int, message: str) -> HttpResponse:
    """Say what was done to a build, and lead to its page."""
    href = reverse("build-detail", args=[pk])
    if wants_json(request):
        return JsonResponse({"message": message, "location": href})
    messages.success(request, message)
    return redirect(href)


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a build, after having its name typed."""
    actor = actor_of(request)
    build = access_build(actor, pk, "build.remove")
    form = TypedName(request.POST if request.method == "POST" else None, name=build.name)
    if request.method == "POST" and form.is_valid():
        attempt(form, lambda: builds.build_remove(actor=actor, build_id=pk))
        if not form.errors:
            messages.success(request, _("%(name)s was removed.") % {"name": build.name})
            return redirect("build-list")
    context = {"build": build, "form": form, "runs": build.runs.count()}
    return render(request, "builds/remove.html", context, status=422 if form.errors else 200)
