"""How schedules, webhooks and what they led to are told on pages."""

from __future__ import annotations

import zoneinfo
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.models import Webhook, WebhookKind
from fleet.triggers.cron import BadCron, zone_named

VIA: dict[str, Promise] = {
    "schedule": gettext_lazy("by schedule"),
    "webhook": gettext_lazy("by webhook"),
}
ICONS = {
    WebhookKind.GITHUB: "brand-github",
    WebhookKind.GITLAB: "brand-gitlab",
    WebhookKind.GITEA: "code",
    WebhookKind.PLAIN: "bolt",
}
# The state of a job that a delivery's result looks like.
LOOKS = {
    "started": "succeeded",
    "joined": "succeeded",
    "ignored": "queued",
    "refused": "failed",
}


def via_words(via: str) -> str:
    """Return what asked for a job, where nobody did just then."""
    return str(VIA.get(via, ""))


def kind_icon(webhook: Webhook) -> str:
    """Return the icon of who sends."""
    return ICONS[WebhookKind(webhook.kind)]


def clock_words(moment: datetime, zone: str) -> str:
    """Return a time by the clock of a zone: `Monday 2 March 2026, 03:30`."""
    try:
        local = moment.astimezone(zone_named(zone))
    except BadCron:
        local = moment.astimezone(zoneinfo.ZoneInfo("UTC"))
    naive = timezone.make_naive(local, local.tzinfo)
    day = date_format(naive, "l j F Y")
    return _("%(day)s, %(time)s") % {"day": day, "time": f"{local:%H:%M}"}


def script_of(address: str, secret: str) -> str:
    """Return how a shell sends to a webhook of the plain kind."""
    secret = secret or _("the secret, whsec_…")
    return f"""secret='{secret}'
body='{{"branch": "main"}}'
id=$(date +%s)-$$
at=$(date +%s)
key=$(printf %s "${{secret#whsec_}}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')
sign=$(printf %s "$id.$at.$body" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
curl -d "$body" -H "Content-Type: application/json" \\
  -H "webhook-id: $id" -H "webhook-timestamp: $at" \\
  -H "webhook-signature: v1,$sign" \\
  {address}"""
