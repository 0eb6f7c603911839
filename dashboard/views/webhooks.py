"""Webhooks of builds: one with what it was sent and how it is set up, its forms, its secret."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.forms.people import attempt, posted
from dashboard.forms.triggers import SecretForm, WebhookForm
from dashboard.live.topics.triggers import DELIVERIES, webhook_snapshot
from dashboard.requests import actor_of
from dashboard.trigger_words import ICONS, script_of
from dashboard.views.builds import done
from dashboard.views.jobs import Drawn
from fleet.access import access_webhook
from fleet.models import Webhook, WebhookKind
from fleet.operations.triggers import access_to_change
from fleet.operations.webhooks import (
    webhook_create,
    webhook_remove,
    webhook_rotate,
    webhook_update,
)
from fleet.selectors.triggers import webhook_page

KINDS = [(kind.value, kind.label, ICONS[kind]) for kind in WebhookKind]


@require_GET
def detail(request: HttpRequest, pk: int, hook: int) -> HttpResponse:
    """Show a webhook: its address, how it is set up, what it was sent."""
    return _page(request, pk, hook)


def _page(request: HttpRequest, pk: int, hook: int, secret: str = "") -> HttpResponse:
    page = webhook_page(actor_of(request), pk, hook)
    drawn = Drawn(request, webhook_snapshot(page))
    address = request.build_absolute_uri(reverse("hook", args=[page.webhook.public_id]))
    context = {
        "build": page.webhook.build,
        "hook": page.webhook,
        "rows": drawn.rows(DELIVERIES),
        "parts": drawn.parts("hook"),
        "address": address,
        "secret": secret,
        "script": script_of(address, secret),
    }
    return render(request, "builds/hook.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a webhook, and show its secret this once; `?kind=` says who sends."""
    actor = actor_of(request)
    build = access_to_change(actor, pk)
    asked = request.GET.get("kind", "")
    kind = asked if asked in WebhookKind.values else WebhookKind.GITHUB
    form = WebhookForm(posted(request), build=build, row=None, kind=kind)
    if request.method == "POST" and form.is_valid():
        data = {**form.cleaned_data, "kind": str(kind)}
        made = attempt(form, lambda: webhook_create(actor=actor, build_id=pk, data=data))
        if made is not None:
            return _shown_once(request, made[0], made[1], given=bool(data["secret"]))
    context = {"form": form, "build": build, "kind": kind, "kinds": KINDS}
    status = 422 if form.errors else 200
    return render(request, "builds/hook_form.html", context, status=status)


def _shown_once(request: HttpRequest, row: Webhook, secret: str, *, given: bool) -> HttpResponse:
    """Show the page with the secret, unless who asks has given it."""
    if given:
        messages.success(request, _("%(name)s has its secret.") % {"name": row.name})
        return redirect("webhook-detail", row.build_id, row.pk)
    return _page(request, row.build_id, row.pk, secret)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int, hook: int) -> HttpResponse:
    """Change a webhook."""
    actor = actor_of(request)
    build = access_to_change(actor, pk)
    row = access_webhook(actor, pk, hook)
    form = WebhookForm(posted(request), build=build, row=row)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        if attempt(
            form,
            lambda: webhook_update(actor=actor, build_id=pk, webhook_id=hook, data=data),
        ):
            messages.success(request, _("%(name)s was changed.") % {"name": row.name})
            return redirect("webhook-detail", pk, hook)
    context = {"form": form, "build": build, "hook": row}
    status = 422 if form.errors else 200
    return render(request, "builds/hook_form.html", context, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
def rotate(request: HttpRequest, pk: int, hook: int) -> HttpResponse:
    """Replace the secret, and show the new one this once."""
    actor = actor_of(request)
    build = access_to_change(actor, pk)
    row = access_webhook(actor, pk, hook)
    form = SecretForm(posted(request), kind=row.kind)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data["secret"]
        made = attempt(
            form,
            lambda: webhook_rotate(actor=actor, build_id=pk, webhook_id=hook, secret=given),
        )
        if made is not None:
            return _shown_once(request, made[0], made[1], given=bool(given))
    context = {"form": form, "build": build, "hook": row}
    status = 422 if form.errors else 200
    return render(request, "builds/hook_rotate.html", context, status=status)


@require_POST
def remove(request: HttpRequest, pk: int, hook: int) -> HttpResponse:
    """Remove a webhook."""
    webhook_remove(actor=actor_of(request), build_id=pk, webhook_id=hook)
    return done(request, pk, _("The webhook was removed."))
