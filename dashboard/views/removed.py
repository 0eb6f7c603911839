"""The page of a container that is gone: 404, but in words for who may know of it.

One that was updated leads to the one that was made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from dashboard.requests import actor_of, is_part, wants_json
from fleet.access import Unknown
from fleet.selectors.container import removed_container

View = Callable[[HttpRequest, int], HttpResponse]


def or_removed(view: View) -> View:
    """Let a page of a container say what became of it once it is gone."""

    @wraps(view)
    def shown(request: HttpRequest, pk: int) -> HttpResponse:
        try:
            return view(request, pk)
        except Unknown:
            if is_part(request) or wants_json(request):
                raise
            return _removed(request, pk)

    return shown


def _removed(request: HttpRequest, pk: int) -> HttpResponse:
    """Return what the reader may know of a removed container, or lead to what it became.

    Raises Unknown, as for nonsense.
    """
    fate = removed_container(actor_of(request), pk)
    if fate.updated and fate.successor is not None:
        return redirect("container-detail", fate.successor.pk)
    context = {"fate": fate, "host": fate.host}
    return render(request, "container/removed.html", context, status=404)
