"""Sign-in first, and the domain's refusals as pages."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url

from dashboard.requests import actor_of
from fleet import audit
from fleet.access import AccessError, Refused
from fleet.models import AuditResult

GetResponse = Callable[[HttpRequest], HttpResponse]


def public(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view that nobody needs to sign in for."""
    view.public = True  # type: ignore[attr-defined]
    return view


def wants_json(request: HttpRequest) -> bool:
    """Return whether the page's script asked, which shows the answer as a toast."""
    return request.headers.get("Accept", "").startswith("application/json")


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
        """Send strangers to the sign-in page; scripts of a page get 401."""
        open_paths = request.path.startswith(("/api/", "/accounts/"))
        if request.user.is_authenticated or open_paths or getattr(view, "public", False):
            return None
        if wants_json(request) or getattr(request, "htmx", False):
            response: HttpResponse = JsonResponse({"message": "Sign in."}, status=401)
            response["HX-Redirect"] = resolve_url(settings.LOGIN_URL)
            return response
        query = urlencode({"next": request.get_full_path()})
        return HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?{query}")


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
        if wants_json(request):
            return JsonResponse({"message": str(error)}, status=status)
        return render(request, f"errors/{status}.html", {"message": str(error)}, status=status)


def audit_refusal(request: HttpRequest, error: Refused) -> None:
    """Write down that somebody tried what they may not."""
    audit.record(
        actor_of(request),
        error.permission,
        error.target,
        result=AuditResult.REFUSED,
        detail={"path": request.path[:200]},
    )
