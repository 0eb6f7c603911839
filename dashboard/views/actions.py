"""Doing something to containers: at once, or after a question that says what it will do.

Without scripts each step is a page. With them the same answers come as a dialog (htmx header)
or as JSON (`Accept: application/json`), which a page shows as a toast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from dashboard import job_words
from dashboard.forms.actions import ActionForm
from dashboard.forms.people import attempt
from dashboard.requests import actor_of, wants_json
from dashboard.update_words import update_badge
from fleet.access import Unknown, access_container, visible_containers
from fleet.actor import Actor
from fleet.models import Container, ContainerState, Job
from fleet.operations import REGISTRY, Operation
from fleet.operations.bulk import MANY, Asked, Preview, ask_many, preview_many
from fleet.operations.errors import Invalid
from fleet.operations.params import check_params
from fleet.operations.requests import request as request_job
from fleet.selectors.containers import ContainerQuery, filter_containers
from fleet.selectors.given import given_number
from fleet.selectors.updates import update_of

FEW = 10  # more than these are confirmed by typing their number
LISTED = 100  # names in a preview; the rest is a number


def operation_of(target: str, slug: str) -> Operation:
    """Return the operation on such things that an address names. Raises Unknown."""
    operation = REGISTRY.get(f"{target}.{slug}")
    if operation is None or operation.run is None or operation.target != target:
        raise Unknown(_("operation"))
    return operation


# --- One container -------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def container_action(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Ask for an operation on a container; GET shows its form."""
    actor = actor_of(request)
    operation = operation_of("container", slug)
    container = access_container(actor, pk, operation.permission)
    if request.method == "GET":
        return _ask(request, operation, container, _form(operation, container))
    confirmed = bool(request.POST.get("confirmed"))
    if operation.asks_first and not confirmed:
        return _ask_first(request, operation, container)
    form = _form(operation, container, request.POST, typing=confirmed)
    job = _request_one(actor, form, container)
    if job is None:
        return _ask(request, operation, container, form)
    return asked_for(request, job, back=request.POST.get("next", ""))


def _form(
    operation: Operation, container: Container, sent: QueryDict | None = None, typing: bool = True
) -> ActionForm:
    careful = operation.destructive and typing and container.host.environment.careful
    return ActionForm(
        sent,
        operation=operation,
        wanted=container.name if careful else "",
        label=_("Type %(name)s to confirm") % {"name": container.name},
        initial={"name": container.name},
    )


def _request_one(actor: Actor, form: ActionForm, container: Container) -> Job | None:
    if not form.is_valid():
        return None
    name = form.operation.name
    return attempt(
        form,
        lambda: request_job(name, actor=actor, target_id=container.pk, params=form.params()),
    )


def _ask_first(request: HttpRequest, operation: Operation, container: Container) -> HttpResponse:
    if not wants_json(request):
        return _ask(request, operation, container, _form(operation, container))
    message = _("This has to be confirmed first.")
    return JsonResponse({"message": message, "confirm": request.path}, status=409)


def _ask(
    request: HttpRequest, operation: Operation, container: Container, form: ActionForm
) -> HttpResponse:
    """Show the form; with errors it is a 400."""
    context = {
        "operation": operation,
        "container": container,
        "form": form,
        "title": f"{operation.verb} {container.name}",
        "volumes": [m for m in container.mounts if m.get("type") == "volume"],
        "update": _update_badge(actor_of(request), operation, container),
    }
    return answer_form(request, form, "actions/one", context)


def _update_badge(actor: Actor, operation: Operation, container: Container) -> str:
    """Return what its registry said of its image, for who sees images."""
    sees = actor.access.may("image.view", container.host)
    update = update_of(container) if operation.slug == "recreate" and sees else None
    return update_badge(update) if update is not None else ""


def answer_form(
    request: HttpRequest, form: ActionForm, template: str, context: dict[str, Any]
) -> HttpResponse:
    """Show a form as a page, a dialog or JSON; with errors it is a 400."""
    status = 400 if form.is_bound and form.errors else 200
    if wants_json(request):
        fields = {name: [str(e) for e in errors] for name, errors in form.errors.items()}
        text = " ".join(sentence for errors in fields.values() for sentence in errors)
        return JsonResponse({"message": text, "fields": fields}, status=status)
    name = f"{template}_dialog.html" if getattr(request, "htmx", False) else f"{template}.html"
    return render(request, name, context, status=status)


def asked_for(
    request: HttpRequest, job: Job, *, back: str = "", follow: bool = False, more: str = ""
) -> HttpResponse:
    """Answer that a job was asked for, and what `more` says; `follow` leads on to its page."""
    href = reverse("job-detail", args=[job.pk])
    message = " ".join(filter(None, [job_words.beginning_of(job), more]))
    if wants_json(request):
        told: dict[str, Any] = {"job": {"id": job.pk, "href": href, "message": message}}
        return JsonResponse({**told, "location": href} if follow else told, status=202)
    messages.info(request, message)
    safe = back.startswith("/") and not back.startswith(("//", "/\\"))
    return HttpResponseRedirect(back if safe else href)


def or_say_why(request: HttpRequest, back: str, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """Return the answer, or say on the page `back`, or as JSON, why nothing was done."""
    try:
        return answer()
    except Invalid as error:
        if wants_json(request):
            return JsonResponse({"message": str(error)}, status=422)
        messages.error(request, str(error))
        return redirect(back)


# --- Many ----------------------------------------------------------------------------------


@require_POST
def container_bulk(request: HttpRequest) -> HttpResponse:
    """Preview an operation on many containers; with `confirmed`, ask for it."""
    actor = actor_of(request)
    name = request.POST.get("operation") or request.GET.get("operation", "")
    params = getattr(REGISTRY.get(name), "params", None)
    if params is None or any(info.is_required() for info in params.model_fields.values()):
        raise Unknown(_("operation"))
    confirmed = bool(request.POST.get("confirmed"))
    sent = _sent_params(request, REGISTRY[name]) if confirmed else {}
    try:
        plan = preview_many(name, actor=actor, containers=_chosen(request, actor), params=sent)
    except Invalid as error:
        return _nothing(request, str(error))
    if not plan.total:
        return _nothing(request, _("Choose at least one container first."))
    form = _bulk_form(plan, request.POST if confirmed else None)
    asked = _request_many(actor, form, plan) if confirmed else None
    if asked is None:
        return _show_plan(request, plan, form)
    return asked_for(request, asked.job, follow=True, more=_left_out_words(asked))


def _sent_params(request: HttpRequest, operation: Operation) -> dict[str, Any]:
    """Return what was sent; the defaults when it is wrong, which is said when it is asked for."""
    try:
        return check_params(operation, ActionForm(request.POST, operation=operation).params())
    except Invalid:
        return {}


def _left_out_words(asked: Asked) -> str:
    count = asked.under_way
    if not count:
        return ""
    words = ngettext(
        "%(count)d is left out: it is under way already.",
        "%(count)d are left out: they are under way already.",
        count,
    )
    return words % {"count": count}


def _chosen(request: HttpRequest, actor: Actor) -> Any:
    """Return the containers by ids, or all that match the filters in the address."""
    if request.POST.get("all") and not request.POST.get("confirmed"):
        return _all_that_match(actor, ContainerQuery.parse(request.GET))
    texts = [part for value in request.POST.getlist("ids") for part in value.split(",")]
    ids = {pk for pk in map(given_number, texts) if pk is not None}
    if len(ids) > MANY:
        raise Invalid({"": [_("Choose at most %(many)d containers.") % {"many": MANY}]})
    return visible_containers(actor).filter(pk__in=ids).order_by("host__name", "name", "pk")


def _all_that_match(actor: Actor, query: ContainerQuery) -> Any:
    """Return what the list shows. Raises Invalid when a filter of it cannot be understood."""
    if query.filter_problems:
        raise Invalid(query.filter_problems)
    return filter_containers(actor, query)


def _bulk_form(plan: Preview, sent: QueryDict | None) -> ActionForm:
    """Many, or destruction in a careful environment, are confirmed by typing the number."""
    count = len(plan.affected)
    operation = plan.operation
    ask = count > FEW or (plan.careful and operation.destructive)
    label = _("Type %(count)d to confirm") % {"count": count}
    return ActionForm(sent, operation=operation, wanted=str(count) if ask else "", label=label)


def _request_many(actor: Actor, form: ActionForm, plan: Preview) -> Asked | None:
    if not form.is_valid():
        return None
    # With those under way: if they are all, it was a double click, which leads to their job.
    ids = [row.pk for row in plan.affected] + [row.container.pk for row in plan.under_way]
    containers = visible_containers(actor).filter(pk__in=ids)
    name = plan.operation.name
    return attempt(
        form,
        lambda: ask_many(name, actor=actor, containers=containers, params=form.params()),
    )


def _show_plan(request: HttpRequest, plan: Preview, form: ActionForm) -> HttpResponse:
    count = len(plan.affected)
    button = ngettext("%(verb)s %(count)d container", "%(verb)s %(count)d containers", count)
    context = {
        "plan": plan,
        "operation": plan.operation,
        "form": form,
        "listed": plan.affected[:LISTED],
        "more": max(0, count - LISTED),
        "running": _running(plan) if plan.operation.name == "container.remove" else 0,
        "skipped": plan.skipped[:LISTED],
        "skipped_more": max(0, len(plan.skipped) - LISTED),
        "ids": ",".join(str(container.pk) for container in plan.affected),
        "button": button % {"verb": plan.operation.verb, "count": count},
    }
    return answer_form(request, form, "actions/many", context)


def _running(plan: Preview) -> int:
    return sum(container.state == ContainerState.RUNNING for container in plan.affected)


def _nothing(request: HttpRequest, message: str) -> HttpResponse:
    if wants_json(request) or getattr(request, "htmx", False):
        return JsonResponse({"message": message}, status=400)
    messages.warning(request, message)
    return HttpResponseRedirect(reverse("container-list"))
