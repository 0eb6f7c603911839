"""Pulling an image on one or many hosts: a form, what it will do where that is not plain, a job."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard.forms.people import attempt
from dashboard.forms.pulls import PLATFORMS, PullForm, chosen_ids, groups_of
from dashboard.requests import actor_of
from dashboard.views.actions import asked_for
from fleet.access import Refused, visible_hosts
from fleet.actor import Actor
from fleet.models import Host
from fleet.operations.many_hosts import AskedHosts, HostsPreview, ask_on_hosts, preview_on_hosts
from fleet.selectors.given import given_text

PULL = "image.pull"


@require_http_methods(["GET", "POST"])
def image_pull(request: HttpRequest) -> HttpResponse:
    """Ask for a pull; `?reference=` and `?host=` fill the form in."""
    actor = actor_of(request)
    hosts = _hosts(actor)
    if request.method == "GET":
        reference = given_text(request.GET.get("reference", ""), 512)
        form = PullForm(initial={"reference": reference})
        return _show(request, form, hosts, chosen_ids(request.GET, hosts))
    form, chosen = PullForm(request.POST), chosen_ids(request.POST, hosts)
    rows = visible_hosts(actor).filter(pk__in=chosen)
    plan = _preview(form, actor, rows)
    if plan is None:
        return _show(request, form, hosts, chosen)
    told = bool(request.POST.get("confirmed"))
    if plan.affected and (plan.skipped or plan.unreachable) and not told:
        return _show(request, form, hosts, chosen, plan)
    asked = _ask(form, actor, rows)
    if asked is None:
        return _show(request, form, hosts, chosen)
    return asked_for(request, asked.job, follow=True)


def _hosts(actor: Actor) -> list[Host]:
    """Return the hosts on which the actor may pull. Raises Refused when there is none."""
    reach = actor.access.reach(PULL)
    if not reach:
        raise Refused(PULL)
    rows = visible_hosts(actor).filter(reach.q())
    return list(rows.order_by("environment__name", "name"))


def _preview(form: PullForm, actor: Actor, rows: QuerySet[Host]) -> HostsPreview | None:
    if not form.is_valid():
        return None
    params = form.params()
    return attempt(form, lambda: preview_on_hosts(PULL, actor=actor, hosts=rows, params=params))


def _ask(form: PullForm, actor: Actor, rows: QuerySet[Host]) -> AskedHosts | None:
    params = form.params()
    return attempt(form, lambda: ask_on_hosts(PULL, actor=actor, hosts=rows, params=params))


def _show(
    request: HttpRequest,
    form: PullForm,
    hosts: list[Host],
    chosen: set[int],
    plan: HostsPreview | None = None,
) -> HttpResponse:
    """Show the form, with what it will do once it is sent; with errors it is a 400."""
    if plan is not None:
        form.fields["reference"].widget.attrs.pop("autofocus", None)  # the button has it
    context: dict[str, Any] = {
        "form": form,
        "title": _("Pull an image"),
        "groups": groups_of(hosts, chosen),
        "any_hosts": bool(hosts),
        "none_words": _("There is no host yet on which you may pull."),
        "count": len(chosen),
        "platforms": PLATFORMS,
        "plan": plan,
    }
    return render(request, "images/pull.html", context, status=400 if form.errors else 200)
