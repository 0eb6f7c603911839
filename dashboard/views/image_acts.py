"""Doing something with an image of a host, after a question that says what it will do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard.forms.image_acts import ImageActionForm
from dashboard.forms.people import attempt
from dashboard.requests import actor_of
from dashboard.views.actions import answer_form, asked_for, operation_of
from fleet.access import access_image
from fleet.actor import Actor
from fleet.models import Image, Job
from fleet.operations import Operation
from fleet.operations.requests import request as request_job
from fleet.selectors.image import ImageUse, image_use


@require_http_methods(["GET", "POST"])
def image_action(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Ask for an operation on an image; GET, or a POST without `confirmed`, shows its form."""
    actor = actor_of(request)
    operation = operation_of("image", slug)
    image = access_image(actor, pk, operation.permission)
    use = image_use(actor, image)
    confirmed = request.method == "POST" and bool(request.POST.get("confirmed"))
    form = _form(operation, image, request.POST if confirmed else None)
    job = _request(actor, form, image) if confirmed else None
    if job is None:
        return _ask(request, operation, use, form)
    return asked_for(request, job, follow=operation.queue == "transfer")


def _form(operation: Operation, image: Image, sent: QueryDict | None) -> ImageActionForm:
    careful = operation.destructive and image.host.environment.careful
    return ImageActionForm(
        sent,
        operation=operation,
        image=image,
        wanted=str(image) if careful else "",
        label=_("Type %(name)s to confirm") % {"name": str(image)},
    )


def _request(actor: Actor, form: ImageActionForm, image: Image) -> Job | None:
    if not form.is_valid():
        return None
    name = form.operation.name
    return attempt(
        form, lambda: request_job(name, actor=actor, target_id=image.pk, params=form.params())
    )


def _ask(
    request: HttpRequest, operation: Operation, use: ImageUse, form: ImageActionForm
) -> HttpResponse:
    """Show the form; with errors it is a 400."""
    named = {"verb": operation.verb, "image": str(use.image)}
    context: dict[str, Any] = {
        "operation": operation,
        "use": use,
        "image": use.image,
        "form": form,
        "title": _("%(verb)s %(image)s") % named,
        "nameless": operation.slug == "push" and not use.image.tags,
    }
    return answer_form(request, form, "actions/image", context)
