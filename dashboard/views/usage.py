"""What containers and hosts use: charts over time, small pictures in lists, who uses most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from dashboard.requests import actor_of, is_part
from dashboard.templatetags.words import size_text
from fleet.access import visible_environments
from fleet.actor import Actor
from fleet.selectors.containers import container_hosts
from fleet.selectors.given import given_number, given_text
from fleet.selectors.usage import RANGES
from fleet.selectors.usage_now import TOPS, Recent, Top, recent_usage, top_usage

MOST = 500  # rows of one page


def charts_context(request: HttpRequest, source: str) -> dict[str, Any]:
    """Return what components/charts.html needs; `source` tells the history, for `?range=`."""
    names = {"1h": _("1 hour"), "24h": _("24 hours"), "7d": _("7 days")}
    span = request.GET.get("range", "")
    span = span if span in RANGES else next(iter(RANGES))
    return {
        "source": source,
        "range": span,
        "ranges": [
            {"href": f"?range={name}", "label": label, "active": name == span}
            for name, label in names.items()
        ],
        "sampled": bool(settings.SAMPLE_SECONDS),
    }


@require_GET
def recent(request: HttpRequest) -> HttpResponse:
    """Tell a list what its containers and hosts use: `?containers=1,2&hosts=3`."""
    found = recent_usage(actor_of(request), _ids(request, "containers"), _ids(request, "hosts"))
    containers, hosts = ({pk: _brief(one) for pk, one in part.items()} for part in found)
    response = JsonResponse({"containers": containers, "hosts": hosts})
    response["Cache-Control"] = "no-store"
    return response


def _ids(request: HttpRequest, name: str) -> list[int]:
    texts = request.GET.get(name, "").split(",")[:MOST]
    return [pk for pk in map(given_number, texts) if pk is not None]


def _brief(one: Recent) -> list[Any]:
    cpu = None if one.cpu is None else round(one.cpu, 1)
    memory = None if one.memory is None else round(one.memory)
    return [cpu, memory, *one.shapes]


@dataclass(frozen=True)
class Place:
    """Where the page of who uses most looks, where else it may, and what was asked wrong."""

    environment: str = ""
    host: str = ""
    environments: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, actor: Actor, environment: str, host: str) -> Place:
        """Find names as people write them; what is not there is left out, and told."""
        environments = tuple(one.name for one in visible_environments(actor))
        problems = []
        found = _named(environments, environment)
        if environment and not found:
            problems.append(_("There is no such environment: the filter was left out."))
        hosts = container_hosts(actor).values()
        near = tuple(one.name for one in hosts if found in ("", one.environment.name))
        here = _named(near, host)
        if host and not here:
            elsewhere = _named([one.name for one in hosts], host)
            problems.append(
                _("%(host)s is not in %(environment)s: the filter was left out.")
                % {"host": elsewhere, "environment": found}
                if elsewhere
                else _("There is no such host: the filter was left out.")
            )
        return cls(found, here, environments, near, tuple(problems))


def _named(names: Iterable[str], text: str) -> str:
    wanted = given_text(text).casefold()
    return next((name for name in names if name.casefold() == wanted), "")


@require_GET
def top(request: HttpRequest) -> HttpResponse:
    """Show who uses most: `?by=memory&environment=production`."""
    actor = actor_of(request)
    asked = request.GET.get("by", "")
    by = asked if asked in TOPS else "cpu"
    place = Place.of(actor, request.GET.get("environment", ""), request.GET.get("host", ""))
    found = top_usage(actor, by, environment=place.environment, host=place.host)
    labels = {
        "cpu": _("Processor"), "memory": _("Memory"), "network": _("Network"), "disk": _("Disk"),
    }  # fmt: skip
    context = {
        "top": found,
        "whole": _whole(found),
        "place": place,
        "choices": [(name, label, name == by) for name, label in labels.items()],
        "label": labels[by],
        "sampled": bool(settings.SAMPLE_SECONDS),
    }
    return render(request, "usage/top.html" + ("#region" if is_part(request) else ""), context)


def _whole(found: Top) -> dict[str, Any]:
    """Return what all of them use together, and of how much, where the hosts tell that."""
    if found.by == "memory":
        return {"used": size_text(found.total), "of": found.memory and size_text(found.memory)}
    if found.by == "cpu":
        cores = ngettext("%(n)d processor", "%(n)d processors", found.cpus) % {"n": found.cpus}
        return {"used": f"{found.total / 100:.2f}", "of": found.cpus and cores}
    return {"used": f"{size_text(found.total)}/s", "of": ""}
