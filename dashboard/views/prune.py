"""Pruning images of hosts: a form, then what would go, then the job."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from dashboard.forms.host_choice import HostChoice
from dashboard.forms.people import attempt
from dashboard.forms.prune import FIELDS, PruneForm, initial_of
from dashboard.views.actions import asked_for
from fleet.operations.prune import PRUNE_NAME, PrunePreview, prune_preview

LISTED = 100  # images of a host that a preview names; the rest is a number


@require_http_methods(["GET", "POST"])
def image_prune(request: HttpRequest) -> HttpResponse:
    """Ask for rules and hosts, show what would go, and with `confirmed` make the job."""
    choice = HostChoice(request, PRUNE_NAME)
    if request.method == "GET":
        return _show(request, PruneForm(initial=initial_of(request.GET)), choice)
    form = PruneForm(request.POST)
    preview = _preview(form, choice)
    if preview is None:
        return _show(request, form, choice)
    if not request.POST.get("confirmed") or not _is_typed(form, preview):
        return _show_plan(request, form, preview)
    asked = choice.ask(form)
    if asked is None:
        return _show(request, form, choice)
    return asked_for(request, asked.job, follow=True)


def _preview(form: PruneForm, choice: HostChoice) -> PrunePreview | None:
    if not form.is_valid():
        return None
    actor, params = choice.actor, form.params()
    return attempt(form, lambda: prune_preview(actor=actor, hosts=choice.rows, params=params))


def _wanted(preview: PrunePreview) -> str:
    """Return what has to be typed: the number, where an environment is careful."""
    careful = any(one.going and one.host.environment.careful for one in preview.hosts)
    return str(preview.count) if careful else ""


def _is_typed(form: PruneForm, preview: PrunePreview) -> bool:
    wanted = _wanted(preview)
    if not wanted or form.data.get("typed", "").strip() == wanted:
        return True
    form.add_error("typed", _("Type %(wanted)s. Nothing was done.") % {"wanted": wanted})
    return False


def _show(request: HttpRequest, form: PruneForm, choice: HostChoice) -> HttpResponse:
    """Show the form; with errors it is a 400."""
    context: dict[str, Any] = {
        **choice.context(),
        "form": form,
        "title": _("Prune images"),
        "none_words": _("There is no host yet on which you may prune images."),
    }
    return render(request, "images/prune.html", context, status=400 if form.errors else 200)


def _show_plan(request: HttpRequest, form: PruneForm, preview: PrunePreview) -> HttpResponse:
    """Show what would go, with all that was chosen held as it is."""
    count = preview.count
    verb = ngettext("Remove %(count)d image", "Remove up to %(count)d images", count)
    chosen = [*preview.plan.affected, *(row.host for row in preview.plan.skipped)]
    held = [(name, form.data.get(name, "")) for name in FIELDS]
    back = [*held, *(("host", host.pk) for host in chosen)]
    context = {
        "form": form,
        "title": _("Prune images"),
        "preview": preview,
        "listed": [(one, one.going[:LISTED], len(one.going[LISTED:])) for one in preview.hosts],
        "held": held,
        "back": urlencode(back),
        "host_ids": [host.pk for host in chosen],
        "wanted": _wanted(preview),
        "button": verb % {"count": count},
    }
    return render(request, "images/prune_plan.html", context, status=400 if form.errors else 200)
