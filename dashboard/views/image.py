"""One image's page: what its rows know at once, what an engine knows when asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.live.html import draw
from dashboard.live.moments import site_of
from dashboard.live.topics.base import Snapshot
from dashboard.live.topics.image import CARDS, card_parts, head_part
from dashboard.live.topics.images import name_of
from dashboard.requests import actor_of, is_part
from dashboard.views.container import private
from fleet.actor import Actor
from fleet.models import Image
from fleet.operations.image_scan import SCAN_NAME
from fleet.scans.place import why_no_scans
from fleet.selectors import image as one
from fleet.selectors.engine_calls import Answer
from fleet.selectors.given import given_number
from fleet.selectors.image import ImageOverview
from fleet.selectors.image_compare import both_images, compare, compare_choices, image_side
from fleet.selectors.scan_compare import compare_packages

Question = Callable[[Actor, int], Answer[Any]]


def image_tab(
    request: HttpRequest, overview: ImageOverview, tab: str, template: str, **context: Any
) -> HttpResponse:
    """Return one tab with the image's head above it."""
    row = overview.image
    labels = {
        "detail": _("Overview"), "layers": _("Layers"), "scan": _("Scan"), "inspect": _("Inspect"),
    }  # fmt: skip
    head_id = f"image-head-{row.pk}"
    head = draw(Snapshot({head_id: head_part(overview)}), [head_id], site_of(request.get_host()))
    own = {
        "image": row,
        "name": name_of(overview.line) or str(row),
        "tab": tab,
        "tab_label": labels[tab],
        "tabs": [
            {"href": reverse(f"image-{key}", args=[row.pk]), "label": label, "active": key == tab}
            for key, label in labels.items()
        ],
        "tabs_label": _("Pages of %(name)s") % {"name": str(row)},
        "head": SafeString(head[head_id]),
    }
    return render(request, f"image/{template}.html", own | context)


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the overview; its config is asked for when it is there, or with `?now` at once."""
    actor = actor_of(request)
    overview = one.image_overview(actor, pk)
    parts = card_parts(overview)
    drawn = draw(Snapshot(parts), parts, site_of(request.get_host()))
    context: dict[str, Any] = {
        "cards": {name: SafeString(drawn[f"image-{name}-{pk}"]) for name in CARDS},
        "labels": overview.labels,
        "body": "image/config_body.html",
        "ask": reverse("image-config", args=[pk]),
    }
    if "now" in request.GET:
        context["answer"] = one.image_config(actor, pk)
    return private(image_tab(request, overview, "detail", "overview", **context))


@require_safe
def config(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the image says of containers made of it, inside of the overview."""
    return _asked(request, pk, "detail", "config", one.image_config)


@require_safe
def layers(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how the image was made."""
    return _asked(request, pk, "layers", "layers", one.image_layers)


@require_safe
def inspect(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an engine's whole knowledge as a tree."""
    return _asked(request, pk, "inspect", "inspect", one.image_inspect, _as_text)


def _asked(
    request: HttpRequest,
    pk: int,
    tab: str,
    name: str,
    question: Question,
    more: Callable[[Answer[Any]], dict[str, Any]] = lambda answer: {},
) -> HttpResponse:
    """Show a tab at once; the answer comes as its fragment, or with `?now` as a whole page."""
    actor = actor_of(request)
    overview = one.image_overview(actor, pk)
    context: dict[str, Any] = {"body": f"image/{name}_body.html", "asks": True, "ask": request.path}
    if is_part(request) or "now" in request.GET:
        answer = question(actor, pk)
        context |= {"answer": answer, **more(answer)}
    if is_part(request):
        return private(render(request, context["body"], context | {"image": overview.image}))
    return private(image_tab(request, overview, tab, "asked", **context))


def _as_text(answer: Answer[Any]) -> dict[str, Any]:
    return {"text": json.dumps(answer.value, indent=2, ensure_ascii=False)}


@require_safe
def inspect_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Download an engine's whole knowledge, secrets masked."""
    answer = one.image_inspect(actor_of(request), pk)
    if answer.value is None:
        return HttpResponse(f"{answer.problem}\n", status=503, content_type="text/plain")
    text = f"{_as_text(answer)['text']}\n"
    response = HttpResponse(text, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="image-{pk}.json"'
    return private(response)


@require_safe
def comparison(request: HttpRequest) -> HttpResponse:
    """Show two images beside each other; without a second one, what could be chosen."""
    actor = actor_of(request)
    left, right = both_images(actor, _number(request, "left"), _number(request, "right"))
    context: dict[str, Any] = {"left": left, "right": right, "ask": request.get_full_path()}
    if left is None or right is None:
        text = request.GET.get("q", "")
        kept = "left" if left else "right" if right else ""
        context |= {
            "choices": compare_choices(actor, left or right, text), "q": text, "kept": kept,
            "other": "right" if left else "left", "chosen": left or right,
        }  # fmt: skip
        return render(request, "image/choose.html", context)
    if is_part(request) or "now" in request.GET:
        context |= _compared(actor, left, right)
    if not is_part(request):
        context |= _packages(actor, left, right)
    template = "image/compare_body.html" if is_part(request) else "image/compare.html"
    return private(render(request, template, context))


def _compared(actor: Actor, left: Image, right: Image) -> dict[str, Any]:
    """Ask for both sides; each problem is told once."""
    answers = [image_side(actor, row.pk) for row in (left, right)]
    problems = [answer for answer in answers if answer.value is None]
    if problems:
        return {"asked": True, "problems": problems}
    sides = [answer.value for answer in answers if answer.value is not None]
    return {"asked": True, "found": compare(*sides)}


def _packages(actor: Actor, left: Image, right: Image) -> dict[str, Any]:
    """Return how their packages differ, and for which of them the reader may ask for a scan."""
    found = compare_packages(actor, left, right)
    may = [row for row in found.unscanned if actor.access.may(SCAN_NAME, row.host)]
    return {"packages": found, "may_scan": may, "why_no_scans": why_no_scans() if may else ""}


def _number(request: HttpRequest, name: str) -> int:
    return given_number(request.GET.get(name, "")) or 0
