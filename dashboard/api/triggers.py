"""/builds/{id}/schedules and /builds/{id}/webhooks: what starts a build by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.urls import reverse
from ninja import Field, Query, Router, Schema, Status

from dashboard.api.auth import caller
from dashboard.api.pages import Window, page
from fleet.access import access_build, access_schedule, access_webhook
from fleet.models import BuildSchedule, Webhook, WebhookDelivery
from fleet.operations import schedules, webhooks
from fleet.selectors.triggers import deliveries_of, schedules_of, webhooks_of

router = Router(tags=["builds"])
Kind = Literal["github", "gitlab", "gitea", "plain"]
Globs = Annotated[str | None, Field(max_length=500, description="patterns: `main, release/*`")]


class TriggerOut(Schema):
    """What schedules and webhooks tell alike. `owner` is whose rights count."""

    id: int
    build_id: int
    enabled: bool
    owner: str
    created_at: datetime
    changed_at: datetime
    last_at: datetime | None
    last_result: str
    last_ok: bool


class ScheduleOut(TriggerOut):
    """A schedule; `run` is the number of the run that it led to last."""

    cron: str
    zone: str
    ref: str
    next_at: datetime | None
    run: int | None

    @staticmethod
    def of(row: BuildSchedule) -> dict[str, Any]:
        """Return what is shown of a row."""
        made = {"owner": row.owner_name, "run": getattr(row, "run", None)}
        return _shown(row, ScheduleOut, made)


class SchedulesOut(Schema):
    """A part of a list."""

    items: list[ScheduleOut]
    count: int


class ScheduleIn(Schema, extra="forbid"):
    """A schedule. `cron` has five fields; `ref` is a branch, a tag or a commit for its runs."""

    cron: Annotated[str, Field(max_length=100)]
    zone: Annotated[str | None, Field(max_length=60, description="as Europe/Berlin")] = None
    ref: Annotated[str | None, Field(max_length=200)] = None
    enabled: bool | None = None


class SchedulePatch(ScheduleIn):
    """Changes: what is left out stays. It runs with the caller's rights from then on."""

    cron: Annotated[str | None, Field(max_length=100)] = None  # type: ignore[assignment]


class WebhookOut(TriggerOut):
    """A webhook. Never its secret; `url` alone opens nothing."""

    name: str
    kind: str
    url: str
    branches: str
    tags: str
    secret_at: datetime
    refused_at: Annotated[datetime | None, Field(description="something without a right proof")]
    refused_why: str

    @staticmethod
    def of(row: Webhook, request: HttpRequest) -> dict[str, Any]:
        """Return what is shown of a row."""
        url = request.build_absolute_uri(reverse("hook", args=[row.public_id]))
        return _shown(row, WebhookOut, {"owner": row.owner_name, "url": url})


class WebhooksOut(Schema):
    """A part of a list."""

    items: list[WebhookOut]
    count: int


class WebhookSecretOut(WebhookOut):
    """A webhook with its secret, which is told this once."""

    secret: str


class WebhookPatch(Schema, extra="forbid"):
    """Changes: what is left out stays. It runs with the caller's rights from then on."""

    name: Annotated[str | None, Field(max_length=60)] = None
    kind: Kind | None = None
    branches: Globs = None
    tags: Globs = None
    enabled: bool | None = None


class WebhookIn(WebhookPatch):
    """A webhook. Without `branches` the build's own branch, or main; without `secret` a new one."""

    name: Annotated[str, Field(max_length=60)]
    kind: Kind
    secret: Annotated[str | None, Field(max_length=200)] = None


class SecretIn(Schema, extra="forbid"):
    """A secret that the sender has made; empty: a new one is made here."""

    secret: Annotated[str, Field(max_length=200)] = ""


class DeliveryOut(Schema):
    """What came; `result` is started, joined, ignored or refused, `message` says why."""

    id: int
    delivery_id: str
    at: datetime
    event: str
    ref: str
    commit: str
    result: str
    message: str
    run: int | None

    @staticmethod
    def of(row: WebhookDelivery) -> dict[str, Any]:
        """Return what is shown of a row."""
        made = {"run": getattr(row, "run", None), "message": row.words}
        return _shown(row, DeliveryOut, made)


class DeliveriesOut(Schema):
    """A part of a list."""

    items: list[DeliveryOut]
    count: int


def _shown(row: Any, schema: type[Schema], made: dict[str, Any]) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in schema.model_fields if name not in made}
    return {**plain, **made}


def _given(data: Schema) -> dict[str, Any]:
    return {name: value for name, value in data.model_dump().items() if value is not None}


@router.get("/{int:build_id}/schedules", response=SchedulesOut, summary="List a build's schedules")
def list_schedules(request: HttpRequest, build_id: int, window: Query[Window]) -> Any:
    """Return the times at which a build is run."""
    build = access_build(caller(request), build_id)
    return page(schedules_of(build), window, ScheduleOut.of, {"id": "pk"})


@router.post("/{int:build_id}/schedules", response={201: ScheduleOut}, summary="Add a schedule")
def create_schedule(request: HttpRequest, build_id: int, data: ScheduleIn) -> Any:
    """Run a build at times, with the caller's rights."""
    actor = caller(request)
    made = schedules.schedule_create(actor=actor, build_id=build_id, data=_given(data))
    return Status(201, ScheduleOut.of(made))


@router.get(
    "/{int:build_id}/schedules/{int:schedule_id}", response=ScheduleOut, summary="Show a schedule"
)
def get_schedule(request: HttpRequest, build_id: int, schedule_id: int) -> Any:
    """Return one schedule."""
    row = access_schedule(caller(request), build_id, schedule_id)
    return ScheduleOut.of(schedules_of(row.build).get(pk=row.pk))


@router.patch(
    "/{int:build_id}/schedules/{int:schedule_id}", response=ScheduleOut, summary="Change a schedule"
)
def update_schedule(
    request: HttpRequest, build_id: int, schedule_id: int, data: SchedulePatch
) -> Any:
    """Change what is given."""
    row = schedules.schedule_update(
        actor=caller(request), build_id=build_id, schedule_id=schedule_id, data=_given(data)
    )
    return ScheduleOut.of(row)


@router.delete(
    "/{int:build_id}/schedules/{int:schedule_id}", response={204: None}, summary="Remove a schedule"
)
def remove_schedule(request: HttpRequest, build_id: int, schedule_id: int) -> Any:
    """Remove a schedule; what it started goes on."""
    schedules.schedule_remove(actor=caller(request), build_id=build_id, schedule_id=schedule_id)
    return Status(204, None)


@router.get("/{int:build_id}/webhooks", response=WebhooksOut, summary="List a build's webhooks")
def list_webhooks(request: HttpRequest, build_id: int, window: Query[Window]) -> Any:
    """Return the addresses at which a push starts a build."""
    build = access_build(caller(request), build_id)
    shown = lambda row: WebhookOut.of(row, request)  # noqa: E731
    return page(webhooks_of(build), window, shown, {"id": "pk", "name": "name"})


@router.post("/{int:build_id}/webhooks", response={201: WebhookSecretOut}, summary="Add a webhook")
def create_webhook(request: HttpRequest, build_id: int, data: WebhookIn) -> Any:
    """Let a push start a build, with the caller's rights; `secret` is told this once."""
    row, secret = webhooks.webhook_create(
        actor=caller(request), build_id=build_id, data=_given(data)
    )
    return Status(201, {**WebhookOut.of(row, request), "secret": secret})


@router.get(
    "/{int:build_id}/webhooks/{int:webhook_id}", response=WebhookOut, summary="Show a webhook"
)
def get_webhook(request: HttpRequest, build_id: int, webhook_id: int) -> Any:
    """Return one webhook."""
    return WebhookOut.of(access_webhook(caller(request), build_id, webhook_id), request)


@router.patch(
    "/{int:build_id}/webhooks/{int:webhook_id}", response=WebhookOut, summary="Change a webhook"
)
def update_webhook(request: HttpRequest, build_id: int, webhook_id: int, data: WebhookPatch) -> Any:
    """Change what is given."""
    row = webhooks.webhook_update(
        actor=caller(request), build_id=build_id, webhook_id=webhook_id, data=_given(data)
    )
    return WebhookOut.of(row, request)


@router.delete(
    "/{int:build_id}/webhooks/{int:webhook_id}", response={204: None}, summary="Remove a webhook"
)
def remove_webhook(request: HttpRequest, build_id: int, webhook_id: int) -> Any:
    """Remove a webhook with its deliveries."""
    webhooks.webhook_remove(actor=caller(request), build_id=build_id, webhook_id=webhook_id)
    return Status(204, None)


@router.post(
    "/{int:build_id}/webhooks/{int:webhook_id}/rotate",
    response=WebhookSecretOut,
    summary="Replace a webhook's secret",
)
def rotate_webhook(request: HttpRequest, build_id: int, webhook_id: int, data: SecretIn) -> Any:
    """Replace the secret at once; the new one is told this once."""
    row, secret = webhooks.webhook_rotate(
        actor=caller(request), build_id=build_id, webhook_id=webhook_id, secret=data.secret
    )
    return {**WebhookOut.of(row, request), "secret": secret}


@router.get(
    "/{int:build_id}/webhooks/{int:webhook_id}/deliveries",
    response=DeliveriesOut,
    summary="List what a webhook was sent",
)
def list_deliveries(
    request: HttpRequest, build_id: int, webhook_id: int, window: Query[Window]
) -> Any:
    """Return the last hundred deliveries whose signature was right, the newest first."""
    webhook = access_webhook(caller(request), build_id, webhook_id)
    return page(deliveries_of(webhook), window, DeliveryOut.of, {"id": "pk"})
