"""The container list over all hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from dashboard.filter_words import SavedMenu
from dashboard.live.html import draw
from dashboard.live.moments import site_of
from dashboard.live.topics.container_rows import COLUMNS, OPTIONAL, PLACES, columns_arg
from dashboard.live.topics.containers import FRAGMENTS, LIST, filter_chips, snapshot_of
from dashboard.requests import actor_of
from dashboard.update_words import UPDATE_CHOICES
from dashboard.views.preferences import TablePreferences, table_preferences
from fleet.actor import Actor
from fleet.logs.target import LOGS
from fleet.models import Host
from fleet.operations import operations_on
from fleet.selectors.container_query import HEALTHS, STATES
from fleet.selectors.containers import (
    ContainerPage,
    ContainerQuery,
    container_page,
    list_problems,
    service_choices,
    stack_choices,
)
from fleet.selectors.query_parts import SIZES

NOT_IN_BULK = {"container.rename"}
DEFAULTS = [(column.key, column.default) for column in COLUMNS]


@require_safe
def container_list(request: HttpRequest) -> HttpResponse:
    """Show the list; for htmx just its table."""
    actor = actor_of(request)
    wanted = table_preferences(request.user, "containers", DEFAULTS)
    query = ContainerQuery.parse(request.GET, size=wanted.page_size)
    page = container_page(actor, query)
    context = {
        **_table(page, wanted.columns, site_of(request.get_host())),
        **_choices(page, wanted),
        "problems": list_problems(actor, query),
        "sort": query.sort,
        "usage_place": _usage_place(query),
        "may_read_logs": bool(actor.access.reach(LOGS)),
        "saved": SavedMenu(actor, query, page="list"),
        "bulk_actions": _bulk_actions(actor, query),
        "row_actions": _row_actions(actor),
        "row_places": [one for one in PLACES if actor.access.reach(one.permission)],
    }
    return render(request, "containers/list.html" + ("#region" if _part(request) else ""), context)


def _usage_place(query: ContainerQuery) -> str:
    """Return the part of the address with which who uses most is shown for the same place."""
    one = {"environment": query.environment, "host": query.host}
    found = {name: values[0] for name, values in one.items() if len(values) == 1}
    return f"?{urlencode(found)}" if found else ""


def _part(request: HttpRequest) -> bool:
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.history_restore_request  # type: ignore[union-attr]


@require_safe
def container_stacks(request: HttpRequest) -> HttpResponse:
    """Return the names of stacks as options of the filter's field."""
    return HttpResponse(_options(stack_choices(actor_of(request))))


@require_safe
def container_services(request: HttpRequest) -> HttpResponse:
    """Return the names of services, of the chosen stack's if there is one, as options."""
    stacks = ContainerQuery.parse(request.GET).stack
    return HttpResponse(_options(service_choices(actor_of(request), stacks)))


def _options(values: list[str]) -> SafeString:
    return format_html_join("", '<option value="{}"></option>', ((value,) for value in values))


def _table(page: ContainerPage, columns: frozenset[str], site: str) -> dict[str, Any]:
    """Return what is shown now, drawn from what is kept for everybody."""
    query = replace(page.query, page=page.page)
    snapshot = snapshot_of(page, columns.intersection(column.key for column in OPTIONAL))
    drawn = draw(snapshot, snapshot.parts, site)
    return {
        "query": query,
        "live_args": f"{query.live_args()}&{columns_arg(columns)}",
        "table": page,
        "rows": SafeString("".join(drawn[row] for row in snapshot.lists[LIST])),
        "fragments": {
            name.removeprefix("container-"): SafeString(drawn[name]) for name in FRAGMENTS
        },
        "filter_chips": filter_chips(query),
    }


def _choices(page: ContainerPage, wanted: TablePreferences) -> dict[str, Any]:
    """Return what can be chosen: filters, columns, density, page size."""
    hosts: list[Host] = list(page.hosts.values())
    return {
        "hosts": [host.name for host in hosts],
        "environments": sorted({host.environment.name for host in hosts}),
        "states": STATES,
        "healths": HEALTHS,
        "updates": UPDATE_CHOICES,
        "columns": [
            {"key": column.key, "label": column.label, "shown": column.key in wanted.columns}
            for column in OPTIONAL
        ],
        "heads": COLUMNS,
        "hidden": " ".join(
            f"hide-{column.key}" for column in OPTIONAL if column.key not in wanted.columns
        ),
        "density": wanted.density,
        "page_sizes": SIZES,
        "page_size": page.query.size,
    }


def _bulk_actions(actor: Actor, query: ContainerQuery) -> list[dict[str, Any]]:
    """Return what the bar for chosen rows offers: what the actor may do somewhere."""
    url, filters = reverse("container-bulk"), query.urlencode()
    return [
        {
            "href": f"{url}?operation={operation.name}&{filters}".rstrip("&"),
            "label": operation.verb,
            "icon": operation.icon,
            "danger": operation.destructive,
        }
        for operation in operations_on("container")
        if operation.name not in NOT_IN_BULK and actor.access.reach(operation.permission)
    ]


def _row_actions(actor: Actor) -> list[dict[str, Any]]:
    """Return what the menu of the rows offers; each row says which of it apply."""
    return [
        {
            "name": operation.slug,
            "label": f"{operation.verb} …" if operation.asks_first else operation.verb,
            "icon": operation.icon,
            "danger": operation.destructive,
            "dialog": operation.asks_first,
        }
        for operation in operations_on("container")
        if actor.access.reach(operation.permission)
    ]
