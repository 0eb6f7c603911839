"""Pages for what went wrong, in words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.body_limit import has_no_room, is_too_large
from dashboard.context import theme_of
from dashboard.failures import TITLES, failure
from dashboard.requests import wants_json

GetResponse = Callable[[HttpRequest], HttpResponse]
# What a page is of, by the first word of its name, and whether it is of one of them.
BACK = {
    ("account", False): gettext_lazy("Go back to your account"),
    ("administration", False): gettext_lazy("Go back to the administration"),
    ("administration", True): gettext_lazy("Go back to the administration"),
    ("build", False): gettext_lazy("Go back to the builds"),
    ("build", True): gettext_lazy("Go back to the build"),
    ("container", False): gettext_lazy("Go back to the containers"),
    ("container", True): gettext_lazy("Go back to the container"),
    ("environment", False): gettext_lazy("Go back to the environments"),
    ("fleet", False): gettext_lazy("Go back to the fleet"),
    ("host", False): gettext_lazy("Go back to the hosts"),
    ("host", True): gettext_lazy("Go back to the host"),
    ("image", False): gettext_lazy("Go back to the images"),
    ("image", True): gettext_lazy("Go back to the image"),
    ("job", False): gettext_lazy("Go back to the jobs"),
    ("job", True): gettext_lazy("Go back to the job"),
    ("registry", False): gettext_lazy("Go back to the registries"),
    ("registry", True): gettext_lazy("Go back to the registry"),
    ("scan", False): gettext_lazy("Go back to the scans"),
    ("webhook", True): gettext_lazy("Go back to the webhook"),
}


class FailurePages:
    """Words instead of the bare answers to a wrong method and to too much."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, unless its body was left out."""
        if is_too_large(request):
            return too_large(request)
        if has_no_room(request):
            return no_room(request)
        response = self.get_response(request)
        return not_allowed(request, response) if response.status_code == 405 else response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: the request made no sense."""
    if isinstance(exception, RequestDataTooBig):
        return too_large(request)
    message = _("The server could not make sense of this request, so it did nothing.")
    return failure(request, 400, message)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: known, but not allowed."""
    return failure(request, 403, str(exception) or _("You may not do this."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: no such page, or not for this user."""
    return failure(request, 404, _("There is no such page."))


def not_allowed(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """405: the address is right, the method is not; `answer` says which it takes."""
    takes = answer.get("Allow", "")
    href, page = _page_above(request.path)
    onward = BACK.get((str(page.url_name).split("-")[0], bool(page.kwargs)), _("Go back"))
    response = failure(request, 405, _takes_words(request, takes), href=href, onward=onward)
    response["Allow"] = takes
    return response


def _takes_words(request: HttpRequest, takes: str) -> str:
    if request.path.startswith("/api/"):
        return _("This address takes %(methods)s only.") % {"methods": takes}
    if request.method in {"GET", "HEAD"}:
        return _("This address only takes a form.")
    return _("This address takes no such form.")


def _page_above(path: str) -> tuple[str, ResolverMatch]:
    """Return the nearest address above that is one of ours."""
    while True:
        path = path.rstrip("/").rpartition("/")[0] + "/"
        with suppress(Resolver404):
            return path, resolve(path)


def too_large(request: HttpRequest) -> HttpResponse:
    """413: more than any form of ours needs."""
    message = _("What was sent is larger than Quayside takes. Nothing was changed.")
    return failure(request, 413, message)


def no_room(request: HttpRequest) -> HttpResponse:
    """507: the disk is too full for what was sent."""
    message = _(
        "There is no room for it on the disk of Quayside. Ask an administrator. Nothing was"
        " changed."
    )
    return failure(request, 507, message)


def too_many(request: HttpRequest) -> HttpResponse:
    """429: somebody tries too often."""
    message = _("There were too many attempts. Wait a minute, then try again.")
    return failure(request, 429, message, href=reverse("account_login"), onward=_("Sign in"))


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our bug. The page asks no database: it may be what broke."""
    message = _("The server could not answer this request. It was logged.")
    if request.path.startswith("/api/") or wants_json(request):
        return failure(request, 500, message)
    context = {"title": TITLES[500], "message": message, "href": "/", "theme": theme_of(request)}
    return HttpResponse(render_to_string("errors/page.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form was too old, or sent from elsewhere."""
    message = _("This form has expired. Go back, reload the page and send it again.")
    return failure(request, 403, message)
