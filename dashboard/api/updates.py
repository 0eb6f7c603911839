"""/updates: what registries said of the names that run, and asking them now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.db.models import Q
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.filters import Text, known
from dashboard.api.pages import Window, page
from dashboard.update_words import update_sentence
from fleet.models import ImageUpdate
from fleet.operations.image_updates import container_image_check, image_check
from fleet.selectors.updates import Update, visible_updates

router = Router(tags=["updates"])

SORTS = {
    "id": "pk",
    "reference": "reference",
    "checked_at": "checked_at",
    "next_check_at": "next_check_at",
}
SHOW = ("newer", "failing")
SHOW_TEXT = "newer: there are newer versions; failing: the last question was not answered"
HAS_NEWER = ~Q(newer_patch="") | ~Q(newer_minor="") | ~Q(newer_major="")


class NewerOut(Schema):
    """The newest tags that are newer by patch, minor and major version; empty: none."""

    patch: str
    minor: str
    major: str


class AnswerOut(Schema):
    """What a registry said of one name, to one account; times in UTC.

    `digest` is that of the tag at `checked_at`. Whether it is newer than what a host has depends on
    the host: see `update` of images and containers. `code` and `message` tell why the last question
    failed, `failures` how many did in a row; `rate_*` what the registry told of its limit.
    """

    id: int
    reference: str
    has_account: bool
    digest: str
    newer: NewerOut
    checked_at: datetime | None
    next_check_at: datetime
    code: str
    message: str
    failures: int
    rate_limit: int | None
    rate_remaining: int | None

    @staticmethod
    def of(row: ImageUpdate) -> dict[str, Any]:
        """Return what is shown of a row."""
        said = {
            "has_account": bool(row.registry and row.registry.username),
            "newer": {step: getattr(row, f"newer_{step}") for step in NewerOut.model_fields},
        }
        return said | {name: getattr(row, name) for name in AnswerOut.model_fields.keys() - said}


class AnswersOut(Schema):
    """A part of a list."""

    items: list[AnswerOut]
    count: int


class UpdateOut(Schema):
    """What it means for one image on a host.

    `state` is current, newer_image (the tag is another image now), newer_version or unknown;
    `message` says it in words, or why it is not known. `newer_tags` are those of `newer`, the
    nearest first.
    """

    state: str
    reference: str
    message: str
    newer: NewerOut
    newer_tags: list[str]
    checked_at: datetime | None

    @staticmethod
    def of(update: Update | None) -> dict[str, Any] | None:
        """Return what is shown; None where nothing is known."""
        if update is None:
            return None
        return {
            "state": update.state,
            "reference": update.reference,
            "message": update_sentence(update),
            "newer": vars(update.newer),
            "newer_tags": list(dict.fromkeys(tag for tag in vars(update.newer).values() if tag)),
            "checked_at": update.checked_at,
        }


class UpdateFilter(Schema):
    """Filters; all of them together."""

    q: Annotated[Text, Field(max_length=200, description="a part of the reference")] = ""
    show: Annotated[Text, Field(max_length=20, description=SHOW_TEXT)] = ""


@router.get("/updates", response=AnswersOut, summary="List what registries said")
def list_updates(request: HttpRequest, wanted: Query[UpdateFilter], window: Query[Window]) -> Any:
    """Return the names that run where the caller sees images, as they are asked for there."""
    rows = visible_updates(caller(request)).select_related("registry")
    rows = rows.defer("registry__password_encrypted", "registry__tls_ca")
    if wanted.q:
        rows = rows.filter(reference__icontains=wanted.q)
    if wanted.show:
        newer = known("show", wanted.show, SHOW) == "newer"
        rows = rows.filter(HAS_NEWER) if newer else rows.exclude(code="")
    return page(rows, window, AnswerOut.of, SORTS)


@router.post(
    "/images/{int:image_id}/check", response=UpdateOut | None, summary="Check an image for updates"
)
def check_image(request: HttpRequest, image_id: int) -> Any:
    """Ask its registries now, within 15 s each; the same name at most once a minute."""
    return UpdateOut.of(image_check(actor=caller(request), image_id=image_id))


@router.post(
    "/containers/{int:container_id}/image-check",
    response=UpdateOut | None,
    summary="Check the image of a container for updates",
)
def check_container(request: HttpRequest, container_id: int) -> Any:
    """Ask its registry now, within 15 s; the same name at most once a minute."""
    return UpdateOut.of(container_image_check(actor=caller(request), container_id=container_id))
