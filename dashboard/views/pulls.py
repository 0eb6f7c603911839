"""Pulling an image on one or many hosts: a form, what it will do where that is not plain, a job."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard.forms.host_choice import HostChoice
from dashboard.forms.people import attempt
from dashboard.forms.pulls import PLATFORMS, PullForm
from dashboard.views.actions import asked_for
from fleet.operations.many_hosts import HostsPreview, preview_on_hosts
from fleet.selectors.given import given_text

PULL = "image.pull"


@require_http_methods(["GET", "POST"])
def image_pull(request: HttpRequest) -> HttpResponse:
    """Ask for a pull; `?reference=` and `?host=` fill the form in."""
    choice = HostChoice(request, PULL)
    if request.method == "GET":
        reference = given_text(request.GET.get("reference", ""), 512)
        return _show(request, PullForm(initial={"reference": reference}), choice)
    form = PullForm(request.POST)
    plan = _preview(form, choice)
    if plan is None:
        return _show(request, form, choice)
    told = bool(request.POST.get("confirmed"))
    if plan.affected and (plan.skipped or plan.unreachable) and not told:
        return _show(request, form, choice, plan)
    asked = choice.ask(form)
    if asked is None:
        return _show(request, form, choice)
    return asked_for(request, asked.job, follow=True)


def _preview(form: PullForm, choice: HostChoice) -> HostsPreview | None:
    if not form.is_valid():
        return None
    actor, params = choice.actor, form.params()
    return attempt(
        form, lambda: preview_on_hosts(PULL, actor=actor, hosts=choice.rows, params=params)
    )


def _show(
    request: HttpRequest, form: PullForm, choice: HostChoice, plan: HostsPreview | None = None
) -> HttpResponse:
    """Show the form, with what it will do once it is sent; with errors it is a 400."""
    if plan is not None:
        form.fields["reference"].widget.attrs.pop("autofocus", None)  # the button has it
    context: dict[str, Any] = {
        **choice.context(),
        "form": form,
        "title": _("Pull an image"),
        "none_words": _("There is no host yet on which you may pull."),
        "platforms": PLATFORMS,
        "plan": plan,
    }
    return render(request, "images/pull.html", context, status=400 if form.errors else 200)
