"""Who sends a request: the actor, and the address that the proxies in front let through."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.http import HttpRequest

from fleet.actor import Actor, actor_for


def client_address(remote: str, forwarded_for: str) -> str:
    """Return the client's address; only as many proxies are believed as are configured."""
    hops = [part.strip() for part in forwarded_for.split(",") if part.strip()]
    count = settings.TRUSTED_PROXIES
    if count and hops:
        return hops[-min(count, len(hops))]
    return remote


def wants_json(request: HttpRequest) -> bool:
    """Return whether the page's script asked, which shows the answer as a toast."""
    return request.headers.get("Accept", "").startswith("application/json")


def is_part(request: HttpRequest) -> bool:
    """Return whether htmx asked, which puts the answer into a page that is there."""
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.history_restore_request  # type: ignore[union-attr]


def address_of(request: HttpRequest) -> str:
    """Return the address that the request came from."""
    return client_address(
        request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")
    )


def actor_of(request: HttpRequest) -> Actor:
    """Return the request's actor; rights are read once for each request."""
    found = getattr(request, "_actor", None)
    if found is None:
        user = request.user if request.user.is_authenticated else None
        found = actor_for(user, address=address_of(request))
        request._actor = found  # type: ignore[attr-defined]
    return cast(Actor, found)
