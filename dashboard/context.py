"""What the frame around every page shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from dashboard.requests import actor_of
from fleet.selectors.jobs import count_open

THEMES = ("light", "dark", "auto")


def theme_of(request: HttpRequest) -> str:
    """Return the theme that the browser remembers."""
    theme = request.COOKIES.get("theme", "auto")
    return theme if theme in THEMES else "auto"


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's context; only the theme for who has not signed in."""
    found: dict[str, Any] = {
        "theme": theme_of(request),
        "quayside_version": settings.VERSION,
        "drawn_at": timezone.now(),
    }
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return found
    actor = actor_of(request)
    match = request.resolver_match
    return {
        **found,
        "actor": actor,
        "nav_active": (match.url_name or "").split("-")[0] if match else "",
        # Other pages have searches of their own in `q`.
        "sought": request.GET.get("q", "") if match and match.url_name == "container-list" else "",
        "may_administer": any(
            actor.access.may(name) for name in ("people.manage", "audit.view", "system.view")
        ),
        "running_jobs": count_open(actor),
    }
