"""Deleting an image in a registry, or one of its tags: what goes with it is said first."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard.forms.hosts import TypedName
from dashboard.registry_words import status_of
from dashboard.requests import actor_of
from dashboard.views.container import private
from dashboard.views.registry_content import image_context, named, version_of
from fleet.access import access_registry
from fleet.operations.errors import Invalid
from fleet.operations.registry_delete import (
    PERMISSION,
    asks_for_name,
    is_unsure,
    not_deleted_words,
    registry_delete_image,
    registry_delete_tag,
)
from fleet.registries.reference import check_repository
from fleet.selectors.registry_asking import Answer
from fleet.selectors.registry_images import same_tags


@require_http_methods(["GET", "POST"])
def delete_image(request: HttpRequest, pk: int, name: str, reference: str) -> HttpResponse:
    """Say which tags go with an image, and delete it once that is confirmed."""
    actor = actor_of(request)
    registry = access_registry(actor, pk, PERMISSION)
    named(check_repository, name)
    version_of(reference)
    sent = request.POST if request.method == "POST" else None
    form = TypedName(sent, name=name) if asks_for_name(registry) else None
    context: dict[str, Any] = {**image_context(actor, registry, name, reference), "form": form}
    if sent is None or (form is not None and not form.is_valid()):
        return _ask_first(request, context, pk, name, reference)
    answer = _delete(request, pk, name, reference)
    if answer.value is None:
        context |= {
            "failed": not_deleted_words(answer),
            "raw": answer.raw,
            "unsure": is_unsure(answer),
        }
        return _show(request, context, status_of(answer))
    messages.success(request, _("%(image)s was deleted.") % {"image": context["full"]})
    return redirect("registry-repository", pk, name)


def _delete(request: HttpRequest, pk: int, name: str, reference: str) -> Answer[str]:
    """Delete what the button says: the image, or its tag alone."""
    actor, digest = actor_of(request), request.POST.get("digest", "")
    try:
        if "only" in request.POST:
            return registry_delete_tag(
                actor=actor, registry_id=pk, name=name, tag=reference, digest=digest
            )
        tags = request.POST.getlist("tag")
        return registry_delete_image(
            actor=actor, registry_id=pk, name=name, digest=digest, tags=tags
        )
    except Invalid as error:
        return Answer(problem=str(error), code="invalid_name")


def _ask_first(
    request: HttpRequest, context: dict[str, Any], pk: int, name: str, reference: str
) -> HttpResponse:
    answer = same_tags(actor_of(request), pk, name, reference, PERMISSION, fresh=True)
    form = context["form"]
    context |= {"answer": answer}
    if answer.value is not None:
        context["others"] = [tag for tag in answer.value.tags if tag != reference]
    return _show(request, context, 422 if form is not None and form.errors else 200)


def _show(request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
    return private(render(request, "registries/delete.html", context, status=status))
