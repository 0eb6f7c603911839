"""What starts a build by itself, live: the card of a build's page, and a webhook's page."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from dashboard.live.moments import ago_mark
from dashboard.live.topics.args import id_of, number_of
from dashboard.live.topics.base import Part, Snapshot, register
from dashboard.live.topics.jobs import JobTopic, part
from dashboard.trigger_words import LOOKS, clock_words, kind_icon
from fleet.actor import Actor
from fleet.models import Build, WebhookDelivery
from fleet.operations.deliveries import KEPT
from fleet.publish import BuildsChanged, Hint
from fleet.selectors.hosts import revision_of
from fleet.selectors.triggers import Triggers, WebhookPage, webhook_page

DELIVERIES = "hook-deliveries"


@register
class OneWebhook(JobTopic):
    """`build-webhook`, with `id=7&hook=2`: how it stands, and what it was sent."""

    name = "build-webhook"
    most = KEPT + 10

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """A delivery changes its build."""
        return isinstance(hint, BuildsChanged) and id_of(args) in hint.ids

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the webhook. Raises Unknown."""
        return webhook_snapshot(webhook_page(actor, id_of(args), number_of(args, "hook")))


def webhook_snapshot(page: WebhookPage) -> Snapshot:
    """Return a webhook's page."""
    build = page.webhook.build
    facts = lambda: {  # noqa: E731
        "page": page,
        "hook": page.webhook,
        "build": build,
        "icon": kind_icon(page.webhook),
        "refused_at": ago_mark(page.webhook.refused_at),
        "secret_at": ago_mark(page.webhook.secret_at),
    }
    parts = {
        "hook-head": part("hook-head", page.rev, "builds/hook_head.html", facts),
        "hook-none": part("hook-none", page.rev, "builds/hook_none.html", facts),
    }
    rows = {f"delivery-{row.pk}": _delivery(row, build) for row in page.deliveries}
    return Snapshot(parts={**parts, **rows}, lists={DELIVERIES: list(rows)})


def _delivery(row: WebhookDelivery, build: Build) -> Part:
    """Deliveries never change; the run that they led to may go."""
    run: int | None = getattr(row, "run", None)

    def facts() -> dict[str, Any]:
        shown = {"row": row, "build": build, "run": run, "at": ago_mark(row.at)}
        return {**shown, "look": LOOKS[row.result]}

    return part(f"delivery-{row.pk}", revision_of(run), "builds/delivery.html", facts)


def triggers_part(triggers: Triggers, build: Build) -> Part:
    """Return the card that says what starts a build by itself."""

    def facts() -> dict[str, Any]:
        schedules = [
            {
                "row": row,
                "run": getattr(row, "run", None),
                "next": ago_mark(row.next_at) if row.next_at else "",
                "clock": clock_words(row.next_at, row.zone) if row.next_at else "",
                "last": ago_mark(row.last_at) if row.last_at else "",
            }
            for row in triggers.schedules
        ]
        webhooks = [
            {"row": row, "icon": kind_icon(row), "last": ago_mark(row.last_at)}
            for row in triggers.webhooks
        ]
        return {"triggers": triggers, "schedules": schedules, "webhooks": webhooks, "build": build}

    rev = revision_of(triggers.rev, build.pk)
    return part("build-triggers", rev, "builds/triggers.html", facts)
