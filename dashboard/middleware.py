"""Nonsense out, sign-in first, each in their own time zone, and the domain's refusals as pages."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from urllib.parse import urlencode

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.failures import failure
from dashboard.requests import actor_of, wants_json
from fleet import audit
from fleet.access import AccessError, Refused
from fleet.models import AuditResult
from fleet.setup import is_set_up

GetResponse = Callable[[HttpRequest], HttpResponse]
ACTIVITY_SECONDS = 60


def public(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view that nobody needs to sign in for."""
    view.public = True  # type: ignore[attr-defined]
    return view


class Wellformed:
    """Refuses cookies with NUL, which PostgreSQL would not look up."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on. Raises BadRequest."""
        if any("\x00" in value for value in request.COOKIES.values()):
            request.COOKIES.clear()  # the page that says so reads some
            raise BadRequest("No cookie of ours holds NUL.")
        return self.get_response(request)


class SignInRequired:
    """Every page needs a user, but for those marked `public` and the sign-in pages."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], _a: object, _k: object
    ) -> HttpResponse | None:
        """Send strangers to the sign-in page, or to the set-up; scripts of a page get 401."""
        unguarded = request.path.startswith("/api/") or getattr(view, "public", False)
        if unguarded or request.user.is_authenticated:
            return None
        if wants_json(request) or getattr(request, "htmx", False):
            return self._sign_in_again(request)
        if not is_set_up():
            return HttpResponseRedirect(resolve_url("setup"))
        if request.path.startswith("/accounts/"):
            return None
        query = urlencode({"next": request.get_full_path()})
        return HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?{query}")

    def _sign_in_again(self, request: HttpRequest) -> HttpResponse | None:
        if request.path.startswith("/accounts/"):
            return None
        response = JsonResponse({"message": _("Sign in again.")}, status=401)
        response["HX-Redirect"] = resolve_url(settings.LOGIN_URL)
        return response


class Personal:
    """Times on pages in the user's zone, and a sign of life for the list of sessions."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, in the user's time zone."""
        key = request.session.session_key
        if key is None or not request.user.is_authenticated:
            return self.get_response(request)
        # One write a minute and process is enough.
        if caches["process"].add(f"session-seen:{key}", 1, ACTIVITY_SECONDS):
            UserSession.objects.create_from_request(request)
        with timezone.override(self._zone(request.user.preferences.get("time_zone"))):
            return self.get_response(request)

    def _zone(self, name: object) -> zoneinfo.ZoneInfo | None:
        try:
            return zoneinfo.ZoneInfo(name) if name and isinstance(name, str) else None
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            return None


class AccessErrors:
    """Unknown becomes 404 and Refused 403, with an audit entry for the latter."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for the domain's access errors; others are not ours."""
        if not isinstance(error, AccessError):
            return None
        status = 403 if isinstance(error, Refused) else 404
        if isinstance(error, Refused):
            audit_refusal(request, error)
        return failure(request, status, str(error))


def audit_refusal(request: HttpRequest, error: Refused) -> None:
    """Write down that somebody tried what they may not."""
    audit.record(
        actor_of(request),
        error.permission,
        error.target,
        result=AuditResult.REFUSED,
        detail={"path": request.path[:200]},
    )
