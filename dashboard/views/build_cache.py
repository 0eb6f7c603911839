"""Pruning the build cache of hosts: a form with what each keeps, then the job."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard.forms.host_choice import HostChoice
from dashboard.forms.prune import CacheForm
from dashboard.views.actions import asked_for
from fleet.operations.build_cache import PRUNE_NAME

START = {"keep_gib": "0", "unused_days": "7"}


@require_http_methods(["GET", "POST"])
def cache_prune(request: HttpRequest) -> HttpResponse:
    """Ask what stays and on which hosts, and make the job; `?host=` chooses one."""
    choice = HostChoice(request, PRUNE_NAME)
    form = CacheForm(request.POST) if request.method == "POST" else CacheForm(initial=START)
    if request.method == "POST" and form.is_valid():
        asked = choice.ask(form)
        if asked:
            return asked_for(request, asked.job, follow=True)
    context = {
        **choice.context(),
        "form": form,
        "title": _("Prune build cache"),
        "none_words": _("There is no host yet whose build cache you may prune."),
        "show_cache": True,
    }
    return render(request, "builds/cache.html", context, status=400 if form.errors else 200)
