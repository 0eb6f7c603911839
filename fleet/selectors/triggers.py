"""What starts a build by itself, for pages and API."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F, QuerySet

from fleet.access import access_webhook
from fleet.actor import Actor
from fleet.models import Build, BuildSchedule, Webhook, WebhookDelivery
from fleet.operations.deliveries import KEPT
from fleet.operations.triggers import CHANGE
from fleet.selectors.hosts import revision_of


@dataclass(frozen=True)
class Triggers:
    """The schedules and webhooks of a build."""

    schedules: list[BuildSchedule]
    webhooks: list[Webhook]
    may_change: bool

    @property
    def rev(self) -> str:
        """Changes with everything that a page shows of them."""
        rows = (*self.schedules, *self.webhooks)
        shown = [(row.pk, row.changed_at, row.last_at, row.last_result) for row in rows]
        times = [row.next_at for row in self.schedules]
        refused = [row.refused_at for row in self.webhooks]
        return revision_of(shown, times, refused, self.may_change)


def triggers_of(actor: Actor, build: Build) -> Triggers:
    """Return what starts a build that the actor sees: two queries."""
    return Triggers(
        list(schedules_of(build)), list(webhooks_of(build)), may_change_triggers(actor, build)
    )


def may_change_triggers(actor: Actor, build: Build) -> bool:
    """Return whether the actor may change what starts a build, but for switching it on."""
    return actor.user is not None and not actor.narrowed and actor.access.may(CHANGE, build.host)


def schedules_of(build: Build) -> QuerySet[BuildSchedule]:
    """Return a build's schedules; each with the `run` that it led to last."""
    rows = BuildSchedule.objects.filter(build=build).select_related("owner")
    return rows.annotate(run=F("job__build_run__number"))


def webhooks_of(build: Build) -> QuerySet[Webhook]:
    """Return a build's webhooks."""
    return Webhook.objects.filter(build=build).select_related("owner")


def deliveries_of(webhook: Webhook) -> QuerySet[WebhookDelivery]:
    """Return what a webhook was sent, the newest first; each with the `run` that it led to."""
    rows = WebhookDelivery.objects.filter(webhook=webhook)
    return rows.annotate(run=F("job__build_run__number")).order_by("-pk")


@dataclass(frozen=True)
class WebhookPage:
    """A webhook as its page shows it."""

    webhook: Webhook
    deliveries: list[WebhookDelivery]
    may_change: bool

    @property
    def rev(self) -> str:
        """Changes with what stands above the deliveries."""
        row = self.webhook
        return revision_of(
            row.pk, row.changed_at, row.last_at, row.refused_at, row.refused_why, self.may_change,
            bool(self.deliveries),
        )  # fmt: skip


def webhook_page(actor: Actor, build_id: int, webhook_id: int) -> WebhookPage:
    """Return a webhook with its last deliveries. Raises Unknown."""
    webhook = access_webhook(actor, build_id, webhook_id)
    deliveries = list(deliveries_of(webhook)[:KEPT])
    return WebhookPage(webhook, deliveries, may_change_triggers(actor, webhook.build))
