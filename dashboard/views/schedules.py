"""Schedules of builds: their form, what it means while one types, and removing them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.forms.people import attempt, posted
from dashboard.forms.triggers import EXAMPLES, ScheduleForm, times_words
from dashboard.requests import actor_of
from dashboard.views.builds import done
from fleet.access import access_schedule
from fleet.models import Build, BuildSchedule
from fleet.operations.schedules import schedule_create, schedule_remove, schedule_update
from fleet.operations.triggers import access_to_change
from fleet.triggers.cron import LENGTH_LIMIT, BadCron


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a schedule; `?cron=` fills it in."""
    actor = actor_of(request)
    build = access_to_change(actor, pk)
    cron = request.GET.get("cron", "")[:LENGTH_LIMIT]
    form = ScheduleForm(posted(request), build=build, row=None, cron=cron)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        if attempt(form, lambda: schedule_create(actor=actor, build_id=pk, data=data)):
            messages.success(request, _("The schedule was added."))
            return redirect("build-detail", pk)
    return _form(request, form, build, None)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int, schedule: int) -> HttpResponse:
    """Change a schedule."""
    actor = actor_of(request)
    build = access_to_change(actor, pk)
    row = access_schedule(actor, pk, schedule)
    cron = request.GET.get("cron", "")[:LENGTH_LIMIT]
    form = ScheduleForm(posted(request), build=build, row=row, cron=cron)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        if attempt(
            form,
            lambda: schedule_update(actor=actor, build_id=pk, schedule_id=schedule, data=data),
        ):
            messages.success(request, _("The schedule was changed."))
            return redirect("build-detail", pk)
    return _form(request, form, build, row)


def _form(
    request: HttpRequest, form: ScheduleForm, build: Build, row: BuildSchedule | None
) -> HttpResponse:
    context = {"form": form, "build": build, "row": row, "examples": EXAMPLES}
    status = 422 if form.errors else 200
    return render(request, "builds/schedule_form.html", context, status=status)


@require_GET
def times(request: HttpRequest) -> HttpResponse:
    """Return the next times of what is typed in a form, or what is wrong with it."""
    cron, zone = request.GET.get("cron", ""), request.GET.get("zone", "")
    try:
        context: dict[str, object] = {"times": times_words(cron, zone or "UTC")}
    except BadCron as error:
        context = {"problem": str(error)}
    return render(request, "builds/times.html", context)


@require_POST
def remove(request: HttpRequest, pk: int, schedule: int) -> HttpResponse:
    """Remove a schedule."""
    schedule_remove(actor=actor_of(request), build_id=pk, schedule_id=schedule)
    return done(request, pk, _("The schedule was removed."))
