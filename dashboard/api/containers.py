"""/containers: the list over all hosts, one container, and what can be done to it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.filters import Text
from dashboard.api.jobs import JobOut, accepted
from dashboard.api.pages import Window, page
from dashboard.api.updates import UpdateOut
from fleet.access import access_container, access_filter, visible_containers
from fleet.actor import Actor
from fleet.models import Container
from fleet.operations import Operation, operations_on
from fleet.operations.bulk import Skipped, ask_many, preview_many
from fleet.operations.errors import Invalid
from fleet.operations.requests import request as request_job
from fleet.selectors.containers import ContainerQuery, filter_containers
from fleet.selectors.masking import mask_command, mask_labels
from fleet.selectors.updates import updates_of_containers

router = Router(tags=["containers"])

SORTS = {
    "id": "pk",
    "name": "name",
    "host": "host__name",
    "image": "image",
    "state": "state",
    "health": "health",
    "created_at": "created_at",
    "started_at": "started_at",
}


class ContainerOut(Schema):
    """A container as last seen; times in UTC.

    `update` is what its image's registry said, for who sees images; null where nothing is known.
    """

    id: int
    name: str
    host: str
    host_id: int
    environment: str
    engine_id: str
    image: str
    image_id: str
    command: str
    state: str
    health: str
    exit_code: int | None
    oom_killed: bool
    restart_count: int
    ports: list[dict[str, Any]]
    mounts: list[dict[str, Any]]
    networks: list[dict[str, Any]]
    labels: dict[str, str]
    stack: str
    compose_project: str
    compose_service: str
    swarm_service: str
    swarm_task: str
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    seen_at: datetime
    host_state: str
    update: UpdateOut | None

    @staticmethod
    def of(row: Container) -> dict[str, Any]:
        """Return what is shown of a row; what is known of updates comes beside it."""
        plain = {
            name: getattr(row, name)
            for name in ContainerOut.model_fields
            if name not in {"command", "labels", "host", "environment", "host_state", "update"}
        }
        return {
            **plain,
            "command": mask_command(row.command),
            "labels": mask_labels(row.labels),
            "host": row.host.name,
            "environment": row.host.environment.name,
            "host_state": row.host.state,
            "update": None,
        }


def _updates_beside(actor: Actor, rows: list[Container]) -> dict[int, dict[str, Any]]:
    """Return what is known of updates, by row, for who sees images."""
    seen = [row for row in rows if actor.access.may("image.view", row.host)]
    found = updates_of_containers(seen).items()
    return {pk: {"update": UpdateOut.of(update)} for pk, update in found}


class ContainersOut(Schema):
    """A part of a list."""

    items: list[ContainerOut]
    count: int


STATE_TEXT = (
    "created, running, paused, restarting, removing, exited or dead; or failed: exited with"
    " another code than 0, or killed when memory ran out (they are among exited too); or"
    " unreachable: its host cannot be reached"
)
HEALTH_TEXT = "starting, healthy or unhealthy, while it runs; or none: it has no health check"
UPDATE_TEXT = (
    "yes: a registry has something newer, which is newer_image (the tag is another image now) or"
    " newer_version; or current, or unknown: why is told by `update` of each"
)
LABEL_TEXT = (
    "key or key=value; a value that looks like a secret is found only on hosts where the caller"
    " has the permission container.secrets"
)
SERVICE_TEXT = "a Compose or swarm service; services of one name are told apart by their stack"

SAVED_TEXT = "the id of a saved filter"


class ContainerFilter(Schema, extra="forbid"):
    """Filters; all of them together. `host` is a name or an id, `label` is key or key=value."""

    q: Annotated[Text, Field(max_length=200, description="words; all of them are looked for")] = ""
    host: Annotated[Text, Field(max_length=60)] = ""
    environment: Annotated[Text, Field(max_length=60)] = ""
    state: Annotated[Text, Field(max_length=60, description=STATE_TEXT)] = ""
    health: Annotated[Text, Field(max_length=60, description=HEALTH_TEXT)] = ""
    update: Annotated[Text, Field(max_length=60, description=UPDATE_TEXT)] = ""
    image: Annotated[Text, Field(max_length=512)] = ""
    stack: Annotated[Text, Field(max_length=255)] = ""
    service: Annotated[Text, Field(max_length=255, description=SERVICE_TEXT)] = ""
    label: Annotated[Text, Field(max_length=512, description=LABEL_TEXT)] = ""

    def query(self, place: str = "") -> ContainerQuery:
        """Return the query. Raises Invalid, at `place` and field, for what matches nothing."""
        query = ContainerQuery.from_values(self.model_dump())
        if problems := query.filter_problems:
            raise Invalid({place + name: texts for name, texts in problems.items()})
        return query


class ContainerListFilter(ContainerFilter):
    """Filters, and a saved one; all of them together."""

    saved_filter: Annotated[int, Field(ge=0, lt=2**63, description=SAVED_TEXT)] = 0


@router.get("", response=ContainersOut, summary="List containers")
def list_containers(
    request: HttpRequest, wanted: Query[ContainerListFilter], window: Query[Window]
) -> Any:
    """Return the containers of all hosts that the caller may see."""
    actor = caller(request)
    rows = filter_containers(actor, wanted.query()).select_related("host__environment")
    if wanted.saved_filter:
        saved = ContainerQuery.from_text(access_filter(actor, wanted.saved_filter).query)
        rows = rows.filter(pk__in=filter_containers(actor, saved).order_by().values("pk"))
    return page(rows, window, ContainerOut.of, SORTS, partial(_updates_beside, actor))


@router.get("/{int:container_id}", response=ContainerOut, summary="Show a container")
def get_container(request: HttpRequest, container_id: int) -> Any:
    """Return one container."""
    actor = caller(request)
    row = access_container(actor, container_id)
    return ContainerOut.of(row) | _updates_beside(actor, [row]).get(row.pk, {})


class BulkIn(Schema, extra="forbid"):
    """Which containers, and the operation's parameters.

    Which: `ids`, or all that match `filter`, or `all` that the caller may see. An empty filter,
    or an empty value in it, is refused: a mistake must not mean the whole fleet.
    """

    operation: Annotated[str, Field(max_length=60, description="such as container.stop")]
    ids: Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(max_length=20_000)] = []
    filter: ContainerFilter | None = None
    all: bool = False
    params: dict[str, Any] = {}


class SkippedOut(Schema):
    """A container that is left alone, and why."""

    id: int
    name: str
    why: str

    @staticmethod
    def of(row: Skipped) -> dict[str, Any]:
        """Return what is shown of it."""
        return {"id": row.container.pk, "name": row.container.name, "why": row.why}


class PreviewOut(Schema):
    """What would happen."""

    affected: list[int]
    skipped: list[SkippedOut]
    hosts: list[str]
    at_once: int


def _chosen(request: HttpRequest, data: BulkIn) -> QuerySet[Container]:
    actor = caller(request)
    if data.ids and data.filter is None and not data.all:
        return _with_ids(actor, set(data.ids))
    if data.ids or (data.filter is None and not data.all):
        raise Invalid({"ids": [_("Give either ids or a filter.")]})
    return filter_containers(actor, _filter(data).query("filter."))


def _with_ids(actor: Actor, ids: set[int]) -> QuerySet[Container]:
    """Return these containers. Raises Invalid at `ids` when one of them is not to be seen."""
    found = visible_containers(actor).filter(pk__in=ids)
    if missing := sorted(ids.difference(found.values_list("pk", flat=True))):
        numbers = ", ".join(str(number) for number in missing[:10])
        raise Invalid({"ids": [_("There are no such containers: %(ids)s.") % {"ids": numbers}]})
    return found


def _filter(data: BulkIn) -> ContainerFilter:
    """Return the filter, empty only where all was asked for in so many words."""
    wanted = data.filter or ContainerFilter()
    sent = wanted.model_fields_set
    if empty := sorted(name for name in sent if not getattr(wanted, name).strip()):
        why = _("Say what to look for, or leave this out.")
        raise Invalid({f"filter.{name}": [why] for name in empty})
    if not sent and not data.all:
        why = _("An empty filter means all containers. Send “all”: true if you want that.")
        raise Invalid({"filter": [why]})
    if sent and data.all:
        raise Invalid({"all": [_("Give either a filter or all.")]})
    return wanted


@router.post("/bulk/preview", response=PreviewOut, summary="Preview a bulk operation")
def preview_bulk(request: HttpRequest, data: BulkIn) -> Any:
    """Say what would happen to which; change nothing."""
    found = preview_many(
        data.operation,
        actor=caller(request),
        containers=_chosen(request, data),
        params=data.params,
    )
    return {
        "affected": [row.pk for row in found.affected],
        "skipped": [SkippedOut.of(row) for row in found.skipped],
        "hosts": [host.name for host in found.hosts],
        "at_once": found.at_once,
    }


class BulkAccepted(JobOut):
    """The job, new or (`joined`) the one that does all of it already; and what is left out."""

    joined: bool
    skipped: list[SkippedOut]


@router.post("/bulk", response={202: BulkAccepted}, summary="Do something to many containers")
def bulk(request: HttpRequest, data: BulkIn) -> JsonResponse:
    """Make one job with a child for each container.

    Containers to which the very same is being done already are left out; when they are all that
    is left to do and one job does them, that job is the answer.
    """
    asked = ask_many(
        data.operation,
        actor=caller(request),
        containers=_chosen(request, data),
        params=data.params,
    )
    skipped = [SkippedOut.of(row) for row in asked.skipped]
    return accepted(asked.job, joined=asked.joined, skipped=skipped)


def _add(operation: Operation) -> None:
    """Add the route of one operation, with its parameters as the body."""

    def act(request: HttpRequest, container_id: int, params: Any = None) -> JsonResponse:
        values = params.model_dump() if params is not None else {}
        job = request_job(
            operation.name, actor=caller(request), target_id=container_id, params=values
        )
        return accepted(job)

    act.__annotations__ = {
        "request": HttpRequest,
        "container_id": int,
        "params": operation.params | None,
        "return": JsonResponse,
    }
    act.__doc__ = str(operation.sentence)
    router.post(
        f"/{{int:container_id}}/{operation.slug}",
        response={202: JobOut},
        summary=f"{operation.verb} a container",
        operation_id=f"container_{operation.slug}",
    )(act)


for _operation in operations_on("container"):
    if _operation.run is not None:
        _add(_operation)
