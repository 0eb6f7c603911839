"""/images/…: as a file, from a file, and from host to host."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.jobs import accepted
from dashboard.api.pulls import PullAccepted, SkippedHostOut, hosts_of
from dashboard.downloads import tar_response
from dashboard.failures import problem
from dashboard.intake import kept_of
from fleet.access import Refused, access_image
from fleet.moves.downloads import MANY as MANY_IMAGES
from fleet.moves.downloads import NotSaved
from fleet.moves.store import LOAD, release
from fleet.operations.image_copy import COPY, NAMES, copy_params
from fleet.operations.image_files import load_params
from fleet.operations.many_hosts import MANY, AskedHosts, ask_on_hosts

router = Router(tags=["images"])
Ids = Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(max_length=MANY)]
Name = Annotated[str, Field(max_length=1000)]


class CopyIn(Schema, extra="forbid"):
    """To which hosts, and with which of its names; without any said, with all."""

    hosts: Ids
    names: Annotated[list[Name], Field(max_length=NAMES)] | None = None


class LoadFilter(Schema):
    """Onto which hosts, and what the file is called."""

    hosts: Ids = []
    name: Name = ""


class SaveFilter(Schema):
    """Whether it is packed with gzip."""

    gz: bool = False


class SaveManyFilter(SaveFilter):
    """Which images, all of one host."""

    image: Annotated[
        list[Annotated[int, Field(ge=1, lt=2**63)]], Field(min_length=1, max_length=MANY_IMAGES)
    ]


def _accepted(asked: AskedHosts) -> JsonResponse:
    skipped = [SkippedHostOut.of(row) for row in asked.skipped]
    return accepted(asked.job, joined=asked.joined, skipped=skipped)


@router.post("/{int:image_id}/copy", response={202: PullAccepted}, summary="Copy an image to hosts")
def copy_image(request: HttpRequest, image_id: int, data: CopyIn) -> JsonResponse:
    """Bring an image from its host straight to others; on several one job with a child for each.

    Only layers that a host has not are sent. It keeps its id; of its names those that mean another
    image there move. Needs `image.copy` on its host, too.
    """
    actor = caller(request)
    image = access_image(actor, image_id, COPY)
    hosts = hosts_of(actor, set(data.hosts))
    params = copy_params(image, data.names)
    return _accepted(ask_on_hosts(COPY, actor=actor, hosts=hosts, params=params))


@router.put("/load", response={202: PullAccepted}, summary="Load images from a tar")
def load_images(request: HttpRequest, wanted: Query[LoadFilter]) -> JsonResponse:
    """Send a tar (docker save, or an OCI archive; packed or not) as the body, to load on `hosts`.

    It is kept until the last of them has it.
    """
    actor = caller(request)
    if not actor.access.reach(LOAD):
        raise Refused(LOAD)
    kept = kept_of(request)
    try:
        hosts = hosts_of(actor, set(wanted.hosts))
        params = load_params(kept, wanted.name)
        return _accepted(ask_on_hosts(LOAD, actor=actor, hosts=hosts, params=params))
    finally:
        release(kept.archive)  # what no job is going to load


@router.get("/{int:image_id}/tar", summary="Save an image as a tar", response=Any)
def save_image(request: HttpRequest, image_id: int, wanted: Query[SaveFilter]) -> HttpResponseBase:
    """Return the image as docker save does, streamed; `gz` packs it.

    503 says why its host cannot be asked now, 429 that too many are being saved.
    """
    return _saved(request, [image_id], wanted)


@router.get("/tar", summary="Save images of one host as one tar", response=Any)
def save_images(request: HttpRequest, wanted: Query[SaveManyFilter]) -> HttpResponseBase:
    """Return the images that `image` names (once for each) as docker save does, streamed.

    Layers that they share are in it once. 422 where they are not of one host; else as for one.
    """
    return _saved(request, wanted.image, wanted)


def _saved(request: HttpRequest, pks: list[int], wanted: SaveFilter) -> HttpResponseBase:
    try:
        return tar_response(request, caller(request), pks, packed=wanted.gz)
    except NotSaved as error:
        return problem(error.status, str(error))
