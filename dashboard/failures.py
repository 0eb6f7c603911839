"""What went wrong, told as it was asked for: a page, a script's message, or the API's problem."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.requests import wants_json

TITLES = {
    400: gettext_lazy("Bad request"),
    401: gettext_lazy("Sign in"),
    403: gettext_lazy("Not allowed"),
    404: gettext_lazy("Not found"),
    405: gettext_lazy("Nothing to show here"),
    409: gettext_lazy("Conflict"),
    413: gettext_lazy("Too large"),
    422: gettext_lazy("Invalid input"),
    429: gettext_lazy("Too many requests"),
    500: gettext_lazy("Something broke"),
    502: gettext_lazy("The other side failed"),
    503: gettext_lazy("Not available now"),
    504: gettext_lazy("No answer in time"),
    507: gettext_lazy("No room"),
}


def problem(status: int, detail: str = "", **more: Any) -> JsonResponse:
    """Return problem+json (RFC 9457); `errors` maps a field to its sentences."""
    body = {"type": "about:blank", "title": str(TITLES.get(status, _("Error"))), "status": status}
    if detail:
        body["detail"] = detail
    response = JsonResponse({**body, **more}, status=status)
    response["Content-Type"] = "application/problem+json"
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def failure(request: HttpRequest, status: int, message: str, **more: Any) -> HttpResponse:
    """Return what went wrong in words; the page also takes where to go on: `href`, `onward`."""
    if request.path.startswith(("/api/", "/hooks/")):
        return problem(status, message)
    if wants_json(request):
        return JsonResponse({"message": message}, status=status)
    context = {"title": TITLES[status], "message": message, "href": "/", **more}
    return render(request, "errors/page.html", context, status=status)
