"""The list of images over all hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from dashboard.live.html import draw
from dashboard.live.moments import site_of
from dashboard.live.topics.images import FRAGMENTS, LIST, LOOKS, filter_chips, snapshot_of
from dashboard.requests import actor_of, is_part
from dashboard.views.preferences import table_preferences
from fleet.selectors.images import ImagePage, ImageQuery, image_page, image_problems
from fleet.selectors.query_parts import SIZES

SAVE_ACTION = {"label": _("Save as tar …"), "icon": "download", "plain": True}


@require_safe
def image_list(request: HttpRequest) -> HttpResponse:
    """Show the list; for htmx just its table."""
    actor = actor_of(request)
    wanted = table_preferences(request.user, "images", ())
    query = ImageQuery.parse(request.GET, size=wanted.page_size)
    page = image_page(actor, query)
    context = {
        **_table(page, site_of(request.get_host())),
        "problems": image_problems(actor, query),
        "may_pull": bool(actor.access.reach("image.pull")),
        "may_load": bool(actor.access.reach("image.load")),
        "may_save": bool(actor.access.reach("image.save")),
        "save_actions": [
            {
                "href": reverse("image-save"),
                "label": _("Save as tar …"),
                "icon": "download",
                "plain": True,
            }
        ],
        "may_prune": bool(actor.access.reach("image.prune")),
        "sort": query.sort,
        "hosts": [host.name for host in page.hosts.values()],
        "environments": sorted({host.environment.name for host in page.hosts.values()}),
        "states": [(state, look.words) for state, look in LOOKS.items()],
        "density": wanted.density,
        "page_sizes": SIZES,
        "page_size": query.size,
    }
    part = "#region" if is_part(request) else ""
    return render(request, f"images/list.html{part}", context)


def _table(page: ImagePage, site: str) -> dict[str, Any]:
    """Return what is shown now, drawn from what is kept for everybody."""
    query = replace(page.query, page=page.page)
    snapshot = snapshot_of(page)
    drawn = draw(snapshot, snapshot.parts, site)
    return {
        "query": query,
        "live_args": query.live_args(),
        "rows": SafeString("".join(drawn[row] for row in snapshot.lists[LIST])),
        "fragments": {name.removeprefix("image-"): SafeString(drawn[name]) for name in FRAGMENTS},
        "filter_chips": filter_chips(query),
    }
