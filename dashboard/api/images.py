"""/images: what every host has to run, and what an engine tells of one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.container import answered
from dashboard.api.filters import Text
from dashboard.api.pages import Window, page
from dashboard.api.updates import UpdateOut
from fleet.access import access_image
from fleet.actor import Actor
from fleet.models import Image
from fleet.operations.errors import Invalid
from fleet.selectors import image as one
from fleet.selectors.image_compare import Group, compare, image_side
from fleet.selectors.image_query import ImageQuery
from fleet.selectors.images import Place, filter_images
from fleet.selectors.masking import mask_labels
from fleet.selectors.scan_compare import compare_packages
from fleet.selectors.updates import first_of, updates_of_images

router = Router(tags=["images"])

SORTS = {
    "id": "pk",
    "name": "name",
    "host": "host__name",
    "size": "size",
    "created_at": "created_at",
}
STATE_TEXT = (
    "used: a container on its host uses it; unused: none does; dangling: it has no tag;"
    " outdated: a registry has something newer for a name that runs"
)
LABEL_TEXT = (
    "key or key=value; a value that looks like a secret is found only on hosts where the caller"
    " has the permission container.secrets"
)


class ImageOut(Schema):
    """An image on one host as last seen; times in UTC, `size` in bytes.

    The same image on other hosts has the same `engine_id`. What images of a host share is counted
    in the size of each. `used` tells whether a container on its host uses it, `update` what counts
    most of what registries said of its names that run.
    """

    id: int
    engine_id: str
    host: str
    host_id: int
    environment: str
    tags: list[str]
    digests: list[str]
    size: int
    labels: dict[str, str]
    dangling: bool
    platform: str
    used: bool
    created_at: datetime | None
    seen_at: datetime
    host_state: str
    update: UpdateOut | None

    @staticmethod
    def of(row: Image, used: bool | None = None) -> dict[str, Any]:
        """Return what is shown of a row; `used` where the row itself does not know."""
        said = {
            "labels": mask_labels(row.labels),
            "host": row.host.name,
            "environment": row.host.environment.name,
            "host_state": row.host.state,
            "update": None,
            "platform": row.platform or "",
            "used": getattr(row, "used", False) if used is None else used,
        }
        return said | {name: getattr(row, name) for name in ImageOut.model_fields.keys() - said}


class ImagesOut(Schema):
    """A part of a list."""

    items: list[ImageOut]
    count: int


class PlaceOut(Schema):
    """One host that has the image, how it is called there, and how many containers use it."""

    id: int
    host: str
    host_id: int
    tags: list[str]
    used: bool
    containers: int

    @staticmethod
    def of(place: Place) -> dict[str, Any]:
        """Return what is shown of a place."""
        return {
            "id": place.image.pk,
            "host": place.host.name,
            "host_id": place.host.pk,
            "tags": place.image.tags,
            "used": place.used,
            "containers": place.containers,
        }


class ImageDetailOut(ImageOut):
    """An image on one host, and all hosts that have it which the caller may see."""

    hosts: list[PlaceOut]
    updates: list[UpdateOut]


class ImageFilter(Schema):
    """Filters; all of them together. `host` is a name or an id."""

    q: Annotated[
        Text, Field(max_length=200, description="words; looked for in tags, digests, id, labels")
    ] = ""
    host: Annotated[Text, Field(max_length=60)] = ""
    environment: Annotated[Text, Field(max_length=60)] = ""
    state: Annotated[Text, Field(max_length=60, description=STATE_TEXT)] = ""
    label: Annotated[Text, Field(max_length=512, description=LABEL_TEXT)] = ""
    engine_id: Annotated[Text, Field(max_length=80, description="sha256:…, in full")] = ""


@router.get("", response=ImagesOut, summary="List images")
def list_images(request: HttpRequest, wanted: Query[ImageFilter], window: Query[Window]) -> Any:
    """Return the images of all hosts that the caller may see, one for each host."""
    query = ImageQuery.from_values(wanted.model_dump(exclude={"engine_id"}))
    if problems := query.filter_problems:
        raise Invalid(problems)
    rows = filter_images(caller(request), query)
    if wanted.engine_id:
        rows = rows.filter(engine_id=wanted.engine_id)
    return page(rows, window, ImageOut.of, SORTS, _updates_beside)


def _updates_beside(rows: list[Image]) -> dict[int, dict[str, Any]]:
    found = updates_of_images(rows).items()
    return {pk: {"update": UpdateOut.of(first_of(updates))} for pk, updates in found}


class DifferenceOut(Schema):
    """Something of the config that differs; secrets are masked, and not compared then."""

    name: str
    left: str
    right: str


class LayersOut(Schema):
    """Layers from the base up; `size` is null where the history does not tell."""

    digests: list[str]
    size: int | None

    @staticmethod
    def of(group: Group) -> dict[str, Any]:
        """Return what is shown of a group."""
        return {"digests": [layer.digest for layer in group.layers], "size": group.size}


class PackageDifferenceOut(Schema):
    """A package of which the versions differ; "" where an image has none."""

    name: str
    kind: str
    left: str
    right: str


class ComparisonOut(Schema):
    """What differs between two images, and the layers that they share from the base up.

    `packages` is null unless both were scanned.
    """

    config: list[DifferenceOut]
    env: list[DifferenceOut]
    labels: list[DifferenceOut]
    shared: LayersOut
    left: LayersOut
    right: LayersOut
    packages: list[PackageDifferenceOut] | None


Side = Annotated[int, Field(ge=1, lt=2**63, description="the id of an image")]


@router.get("/compare", response=ComparisonOut, summary="Compare two images")
def compare_images(request: HttpRequest, left: Query[Side], right: Query[Side]) -> JsonResponse:
    """Ask the engines that have them, within 5 s each; 503 with the reason when one cannot be."""
    actor: Actor = caller(request)
    answers = [image_side(actor, pk) for pk in (left, right)]
    for answer in answers:
        if answer.value is None:
            return answered(answer, lambda _side: {})
    sides = [answer.value for answer in answers if answer.value is not None]
    found = compare(*sides)
    return JsonResponse(
        {
            "config": [vars(one) for one in found.differences],
            "env": [vars(one) for one in found.env],
            "labels": [vars(one) for one in found.labels],
            **{name: LayersOut.of(getattr(found, name)) for name in ("shared", "left", "right")},
            "packages": _packages(actor, left, right),
        }
    )


def _packages(actor: Actor, left: int, right: int) -> list[dict[str, Any]] | None:
    found = compare_packages(actor, *(access_image(actor, pk) for pk in (left, right)))
    return None if found.unscanned else [vars(row) for row in found.rows]


@router.get("/{int:image_id}", response=ImageDetailOut, summary="Show an image")
def get_image(request: HttpRequest, image_id: int) -> Any:
    """Return one image of a host, with all hosts that have the same."""
    overview = one.image_overview(caller(request), image_id)
    places = overview.line.places
    used = any(place.used for place in places if place.image.pk == image_id)
    return ImageOut.of(overview.image, used) | {
        "hosts": [PlaceOut.of(place) for place in places],
        **_updates_beside([overview.image]).get(image_id, {}),
        "updates": [UpdateOut.of(update) for update in overview.line.updates],
    }


class StepOut(Schema):
    """A step of how an image was made; without bytes it only changed the config."""

    number: int
    command: str
    comment: str
    size: int
    created_at: datetime | None


class HistoryOut(Schema):
    """All steps, the base first."""

    items: list[StepOut]
    count: int


@router.get("/{int:image_id}/history", response=HistoryOut, summary="Show how an image was made")
def get_history(request: HttpRequest, image_id: int) -> JsonResponse:
    """Ask an engine that has it, within 5 s; what looks like a secret is masked.

    503 with the reason when no such host can be asked.
    """
    answer = one.image_layers(caller(request), image_id)
    names = StepOut.model_fields
    return answered(
        answer,
        lambda steps: {
            "items": [{name: getattr(step, name) for name in names} for step in steps],
            "count": len(steps),
        },
    )


@router.get("/{int:image_id}/inspect", response=dict[str, Any], summary="Inspect an image")
def get_inspect(request: HttpRequest, image_id: int) -> JsonResponse:
    """Ask an engine that has it for its whole knowledge, within 5 s; secrets are masked."""
    return answered(one.image_inspect(caller(request), image_id), lambda said: said)
