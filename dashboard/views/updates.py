"""Asking a registry now whether there is something newer."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.requests import actor_of
from dashboard.update_words import update_sentence
from fleet.operations.errors import Invalid
from fleet.operations.image_updates import container_image_check, image_check
from fleet.selectors.updates import UNKNOWN, Update


@require_POST
def check_image(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the names of an image, and go back to its page."""
    actor = actor_of(request)
    _tell(request, lambda: image_check(actor=actor, image_id=pk))
    return redirect("image-detail", pk)


@require_POST
def check_container(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the image of a container, and go back to its page."""
    actor = actor_of(request)
    _tell(request, lambda: container_image_check(actor=actor, container_id=pk))
    return redirect("container-detail", pk)


def _tell(request: HttpRequest, ask: Callable[[], Update | None]) -> None:
    try:
        found = ask()
    except Invalid as error:
        for sentences in error.fields.values():
            for sentence in sentences:
                messages.warning(request, sentence)
        return
    if found is None or found.state == UNKNOWN:
        messages.warning(request, found.why if found else _("It is not known."))
    else:
        messages.success(request, update_sentence(found))
