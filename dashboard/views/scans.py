"""Scans: an image's tab, its bill of materials, and where in the fleet something is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.live.html import draw
from dashboard.live.moments import site_of
from dashboard.live.topics.base import Snapshot
from dashboard.live.topics.scans import SURVEY, list_id, scan_snapshot, survey_part
from dashboard.requests import actor_of
from dashboard.scan_words import severity_badge
from dashboard.views.actions import asked_for, or_say_why
from dashboard.views.container import private
from dashboard.views.image import image_tab
from fleet.access import visible_hosts
from fleet.actor import Actor
from fleet.models import Job
from fleet.operations.errors import Invalid
from fleet.operations.image_scan import MISSING_NAME, SCAN_NAME
from fleet.operations.many_hosts import ask_on_hosts
from fleet.operations.requests import request as request_job
from fleet.selectors.given import given_number, given_text
from fleet.selectors.image import image_overview
from fleet.selectors.scan_search import Found, Hit, search_scans
from fleet.selectors.scan_survey import Survey, survey_scans
from fleet.selectors.scans import ScanQuery, scan_document, scan_state

CONTAINERS_NAMED = 4


@require_http_methods(["GET", "HEAD", "POST"])
def image_scan(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the newest scan has found; a POST asks for another one."""
    actor = actor_of(request)
    if request.method == "POST":
        back = reverse("image-scan", args=[pk])
        return _ask(request, back, lambda: request_job(SCAN_NAME, actor=actor, target_id=pk))
    overview = image_overview(actor, pk)
    query = ScanQuery.parse(request.GET)
    snapshot = scan_snapshot(scan_state(actor, pk), query)
    drawn = draw(snapshot, snapshot.parts, site_of(request.get_host()))
    context = {
        "state": SafeString(drawn[f"scan-state-{pk}"]),
        "list": SafeString(drawn[list_id(pk, query)]),
        "live_args": f"id={pk}&{query.urlencode(page=query.page)}".rstrip("&"),
    }
    return private(image_tab(request, overview, "scan", "scan", **context))


def _ask(request: HttpRequest, back: str, ask: Callable[[], Job]) -> HttpResponse:
    return or_say_why(request, back, lambda: asked_for(request, ask(), back=back))


@require_safe
def image_sbom(request: HttpRequest, pk: int) -> HttpResponse:
    """Download the bill of materials, a CycloneDX document."""
    text = scan_document(actor_of(request), pk)
    if text is None:
        words = _("There is none: the image was not scanned, or it holds too much.")
        return HttpResponse(f"{words}\n", status=404, content_type="text/plain; charset=utf-8")
    response = HttpResponse(text, content_type="application/vnd.cyclonedx+json")
    response["Content-Disposition"] = f'attachment; filename="image-{pk}.cdx.json"'
    return private(response)


# --- The fleet -----------------------------------------------------------------------------


@require_safe
def scan_list(request: HttpRequest) -> HttpResponse:
    """Show where something is, or without a question how the images in use stand."""
    actor = actor_of(request)
    text = given_text(request.GET.get("q", ""))
    context: dict[str, Any] = {"q": text}
    survey = survey_scans(actor)
    if text:
        page = max(1, given_number(request.GET.get("page", ""), digits=6) or 1)
        found = search_scans(actor, text, page)
        context |= _found_context(found, survey)
    else:
        snapshot = Snapshot(parts={SURVEY: survey_part(survey)})
        drawn = draw(snapshot, snapshot.parts, site_of(request.get_host()))
        context["survey"] = SafeString(drawn[SURVEY])
    return private(render(request, "scans/list.html", context))


def _found_context(found: Found, survey: Survey) -> dict[str, Any]:
    return {
        "found": found,
        "hits": [_hit(hit) for hit in found.rows],
        "unknown": survey.total - survey.looked_for,
        "missing": survey.missing,
        "total": survey.total,
        "page_obj": Paginator(range(found.total), found.query.size).page(found.page),
    }


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "hit": hit,
        "line": hit.line,
        "severity": severity_badge(hit.severity) if hit.severity is not None else "",
        "users": hit.users[:CONTAINERS_NAMED],
        "more": max(0, len(hit.users) - CONTAINERS_NAMED),
    }


@require_POST
def scan_missing(request: HttpRequest) -> HttpResponse:
    """Have all images in use scanned that never were, where the reader may."""
    actor = actor_of(request)
    return _ask(request, reverse("scan-list"), lambda: _missing(actor))


def _missing(actor: Actor) -> Job:
    ids = [host.pk for host in survey_scans(actor).hosts]
    hosts = visible_hosts(actor).filter(pk__in=ids)
    if not ids and actor.access.reach(SCAN_NAME):
        raise Invalid({"": [_("Every image in use has been scanned.")]})
    return ask_on_hosts(MISSING_NAME, actor=actor, hosts=hosts, params={}).job
