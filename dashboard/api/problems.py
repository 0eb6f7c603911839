"""Every error of the API as problem+json (RFC 9457)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from dashboard.failures import problem
from dashboard.middleware import audit_refusal
from dashboard.views.errors import too_large
from fleet.access import AccessError, Refused
from fleet.operations.errors import Invalid
from fleet.operations.params import sentence_of

log = structlog.get_logger(__name__)


def _access(request: HttpRequest, error: Any) -> JsonResponse:
    if isinstance(error, Refused):
        audit_refusal(request, error)
        return problem(403, str(error))
    return problem(404, str(error))


def _invalid(request: HttpRequest, error: Any) -> JsonResponse:
    return problem(422, _("Correct the fields named here."), errors=error.fields)


def _validation(request: HttpRequest, error: Any) -> JsonResponse:
    fields: dict[str, list[str]] = {}
    for found in error.errors:
        fields.setdefault(_place(found.get("loc", ())), []).append(sentence_of(found))
    return problem(422, _("Correct the fields named here."), errors=fields)


def _place(parts: Sequence[Any]) -> str:
    """Return the field's name, without where it was sent and what our function calls it."""
    place = [str(part) for part in parts]
    for leading in (("body", "query", "path", "form"), ("data", "params")):
        if place and place[0] in leading:
            place.pop(0)
    return ".".join(place) or "body"


def _http(request: HttpRequest, error: Any) -> JsonResponse:
    return problem(error.status_code, str(error))


def _too_large(request: HttpRequest, error: Any) -> HttpResponse:
    return too_large(request)


def _unexpected(request: HttpRequest, error: Any) -> JsonResponse:
    log.exception("api_error", path=request.path)
    return problem(500, _("The server could not answer this request. It was logged."))


def add_handlers(api: NinjaAPI) -> None:
    """Make every error of the API a problem."""
    api.add_exception_handler(AccessError, _access)
    api.add_exception_handler(Invalid, _invalid)
    api.add_exception_handler(ValidationError, _validation)
    api.add_exception_handler(
        AuthenticationError,
        lambda request, error: problem(401, _("Send a valid bearer token, or sign in.")),
    )
    api.add_exception_handler(HttpError, _http)
    api.add_exception_handler(
        Http404, lambda request, error: problem(404, _("There is no such page."))
    )
    api.add_exception_handler(RequestDataTooBig, _too_large)
    api.add_exception_handler(Exception, _unexpected)
