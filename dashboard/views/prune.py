"""Pruning images of hosts: a form, then what would go, then the job."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from dashboard.forms.people import attempt
from dashboard.forms.prune import FIELDS, PruneForm, initial_of
from dashboard.forms.pulls import chosen_ids, groups_of
from dashboard.requests import actor_of
from dashboard.views.actions import asked_for
from fleet.access import Refused, visible_hosts
from fleet.actor import Actor
from fleet.models import Host
from fleet.operations.many_hosts import AskedHosts, ask_on_hosts
from fleet.operations.prune import PRUNE_NAME, PrunePreview, prune_preview

LISTED = 100  # images of a host that a preview names; the rest is a number


@require_http_methods(["GET", "POST"])
def image_prune(request: HttpRequest) -> HttpResponse:
    """Ask for rules and hosts, show what would go, and with `confirmed` make the job."""
    actor = actor_of(request)
    hosts = _hosts(actor)
    if request.method == "GET":
        form = PruneForm(initial=initial_of(request.GET))
        return _show(request, form, hosts, chosen_ids(request.GET, hosts))
    form, chosen = PruneForm(request.POST), chosen_ids(request.POST, hosts)
    rows = visible_hosts(actor).filter(pk__in=chosen)
    preview = _preview(form, actor, rows)
    if preview is None:
        return _show(request, form, hosts, chosen)
    if not request.POST.get("confirmed") or not _is_typed(form, preview):
        return _show_plan(request, form, preview)
    asked = _ask(form, actor, rows)
    if asked is None:
        return _show(request, form, hosts, chosen)
    return asked_for(request, asked.job, follow=True)


def _hosts(actor: Actor) -> list[Host]:
    """Return the hosts on which the actor may prune. Raises Refused when there is none."""
    reach = actor.access.reach(PRUNE_NAME)
    if not reach:
        raise Refused(PRUNE_NAME)
    rows = visible_hosts(actor).filter(reach.q())
    return list(rows.order_by("environment__name", "name"))


def _preview(form: PruneForm, actor: Actor, rows: QuerySet[Host]) -> PrunePreview | None:
    if not form.is_valid():
        return None
    return attempt(form, lambda: prune_preview(actor=actor, hosts=rows, params=form.params()))


def _ask(form: PruneForm, actor: Actor, rows: QuerySet[Host]) -> AskedHosts | None:
    params = form.params()
    return attempt(form, lambda: ask_on_hosts(PRUNE_NAME, actor=actor, hosts=rows, params=params))


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


def _show(
    request: HttpRequest, form: PruneForm, hosts: list[Host], chosen: set[int]
) -> HttpResponse:
    """Show the form; with errors it is a 400."""
    context: dict[str, Any] = {
        "form": form,
        "title": _("Prune images"),
        "groups": groups_of(hosts, chosen),
        "any_hosts": bool(hosts),
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
