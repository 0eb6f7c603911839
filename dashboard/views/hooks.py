"""Where webhooks are sent to: nobody is signed in here, a signature says who it is."""

from __future__ import annotations

import time

from allauth.core.internal import ratelimit
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from dashboard.accounts import APP
from dashboard.middleware import public
from dashboard.requests import address_of
from fleet.models import BuildRun, DeliveryResult
from fleet.operations.deliveries import Taken, Unproven, delivery_prove, delivery_take
from fleet.triggers.signatures import Sent

STATUS = {"malformed": 400, "not_allowed": 403, "repeated": 409, "not_possible": 422}


# Without the CSRF token: no cookie is looked at here, so none can be misused. What counts is the
# signature, by a secret that no other site has.
@csrf_exempt
@public
@never_cache
@require_POST
def receive(request: HttpRequest, public_id: str) -> JsonResponse:
    """Take a delivery. An address that is nobody's and a wrong signature get the same answer."""
    if request.headers.get("Content-Encoding", "identity").lower() not in ("identity", ""):
        return _said(415, _("Send it without compression."))
    headers = {name.lower(): value for name, value in request.headers.items()}
    sent = Sent(headers, request.body, time.time())
    # Unpacking a form is work, which who has failed often does not get.
    if sent.is_form and not _may_fail(request, dry_run=True):
        return _slow_down()
    try:
        proven = delivery_prove(public_id, sent, address_of(request))
        key = str(proven.webhook.pk)
        if not ratelimit.consume(request, app=APP, action="webhook", key=key):
            return _slow_down()
        return _answer(delivery_take(proven))
    except Unproven:
        # Counted after the proof: many senders share an address, and one that signs is let in.
        if not _may_fail(request):
            return _slow_down()
        return _said(401, _("There is no such webhook, or the signature does not fit."))


def _may_fail(request: HttpRequest, *, dry_run: bool = False) -> bool:
    """Count a failure of an address; return whether it had any left."""
    left = ratelimit.consume(request, app=APP, action="webhook_failed", dry_run=dry_run)
    return left is not None


def _answer(taken: Taken) -> JsonResponse:
    started = taken.result in (DeliveryResult.STARTED, DeliveryResult.JOINED)
    run = BuildRun.objects.filter(job=taken.job).values_list("number", flat=True).first()
    told = {"run": run} if started else {}
    status = 202 if started else STATUS.get(taken.code, 200)
    return _said(status, taken.words, result=str(taken.result), **told)


def _slow_down() -> JsonResponse:
    response = _said(429, _("There were too many of these. Wait a minute."))
    response["Retry-After"] = "60"
    return response


def _said(status: int, message: str, **more: object) -> JsonResponse:
    return JsonResponse({"message": message, **more}, status=status)
