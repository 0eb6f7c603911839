"""/registries/{id}/…: what is in a registry, asked while one waits; the search of Docker Hub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, TypeVar

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from dashboard.api.auth import caller
from dashboard.api.filters import Text
from dashboard.failures import problem
from dashboard.registry_words import status_of
from fleet.access import access_registry
from fleet.operations.errors import Invalid
from fleet.operations.registry_delete import (
    PERMISSION,
    not_deleted_words,
    registry_delete_image,
    registry_delete_tag,
)
from fleet.registries.reference import (
    InvalidReference,
    check_digest,
    check_repository,
    check_tag,
    is_digest,
)
from fleet.selectors import registry_content as content
from fleet.selectors import registry_images as images
from fleet.selectors.hub_search import search
from fleet.selectors.registry_asking import Answer
from fleet.selectors.registry_content import COUNT, CURSOR_LIMIT, Names, Wanted
from fleet.selectors.registry_images import ImagePage

router = Router(tags=["registries"])

Found = TypeVar("Found")
NameText = Annotated[Text, Field(max_length=255, description="such as team/app")]
ReferenceText = Annotated[Text, Field(max_length=255, description="a tag or a digest")]
NEXT_TEXT = "`after` of the next part; empty on the last"


def answered(answer: Answer[Found], show: Callable[[Found], dict[str, Any]]) -> JsonResponse:
    """Return what the registry said, for no cache to keep.

    Without a value it is a problem: 404 when the registry has no such thing, 409 when it does not
    do that, 429 when it has had enough, 503 when it was not asked, 504 when it did not answer in
    time, and 502 for every other fault of the registry or the way to it.
    """
    if answer.value is None:
        response = problem(status_of(answer), answer.problem, code=answer.code)
    else:
        response = JsonResponse(show(answer.value))
    if answer.retry_after:
        response["Retry-After"] = str(answer.retry_after)
    response["Cache-Control"] = "no-store"
    return response


def _checked(field: str, check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except InvalidReference as error:
        raise Invalid({field: [str(error)]}) from error


def _image(name: str, reference: str) -> None:
    """Raise Invalid unless both can be asked for."""
    _checked("name", check_repository, name)
    _checked("reference", check_digest if ":" in reference else check_tag, reference)


class PartFilter(Schema):
    """Which part of a list."""

    q: Annotated[Text, Field(max_length=200, description="what is in the name")] = ""
    after: Annotated[Text, Field(max_length=CURSOR_LIMIT, description="`next` of before")] = ""
    limit: Annotated[int, Field(ge=1, le=1000, description="How many at most")] = COUNT

    def wanted(self) -> Wanted:
        """Return it as the selectors take it."""
        return Wanted.parse(self.q, self.after, self.limit)


class NamesOut(Schema):
    """A part of a list of names. `complete` is false for a search that could not see all."""

    items: list[str]
    next: Annotated[str, Field(description=NEXT_TEXT)]
    complete: bool


def _names(found: Names) -> dict[str, Any]:
    return {"items": list(found.names), "next": found.after, "complete": found.complete}


@router.get(
    "/{int:registry_id}/repositories", response=NamesOut, summary="List a registry's repositories"
)
def list_repositories(
    request: HttpRequest, registry_id: int, wanted: Query[PartFilter]
) -> HttpResponseBase:
    """Ask the registry, within 5 s, for its repositories; 409 where it does not list them.

    502 or 504 say in words why it did not answer.
    """
    return answered(content.repositories(caller(request), registry_id, wanted.wanted()), _names)


class TagFilter(PartFilter):
    """Which tags of which repository: all, or those that stand for a digest."""

    name: NameText = ""
    digest: Annotated[Text, Field(max_length=255, description="only tags of this digest")] = ""


@router.get(
    "/{int:registry_id}/repositories/tags", response=NamesOut, summary="List a repository's tags"
)
def list_tags(request: HttpRequest, registry_id: int, wanted: Query[TagFilter]) -> HttpResponseBase:
    """Ask the registry, within 5 s, for tags: the newest version first where all come at once.

    With `digest` the first 100 tags are compared, and `complete` says whether these were all.
    """
    actor = caller(request)
    access_registry(actor, registry_id)
    name = _checked("name", check_repository, wanted.name)
    if not wanted.digest:
        return answered(content.tags(actor, registry_id, name, wanted.wanted()), _names)
    digest = _checked("digest", check_digest, wanted.digest)
    same = images.same_tags(actor, registry_id, name, digest)
    return answered(
        same, lambda found: {"items": list(found.tags), "next": "", "complete": found.complete}
    )


class PlatformOut(Schema):
    """An image for one platform; `size` is null where it was not asked for."""

    name: str
    digest: str
    size: int | None
    attestation: bool


class StepOut(Schema):
    """A step of how the image was made; without a layer it only set something."""

    command: str
    created: datetime | None
    digest: str | None
    size: int | None


class ConfigOut(Schema):
    """What the image runs, and how."""

    os: str
    architecture: str
    variant: str
    author: str
    entrypoint: list[str]
    command: list[str]
    env: list[str]
    ports: list[str]
    volumes: list[str]
    labels: dict[str, str]
    user: str
    workdir: str
    stop_signal: str


class ManifestOut(Schema):
    """What a tag or digest stands for.

    `size`, `steps` and `config` are of `platform`, where there are several. `artifact` is the
    media type that says what it is when it is no image.
    """

    digest: str
    media_type: str
    platforms: list[PlatformOut]
    platform: str | None
    size: int | None
    created: datetime | None
    artifact: str
    annotations: dict[str, str]
    steps: list[StepOut]
    config: ConfigOut | None


def _manifest(page: ImagePage) -> dict[str, Any]:
    config = page.config
    return {
        "digest": page.top.digest,
        "media_type": page.top.media_type,
        "platforms": [
            {"name": p.name, "digest": p.digest, "size": p.size, "attestation": p.attestation}
            for p in page.top.platforms
        ],
        "platform": page.chosen.name if page.chosen else None,
        "size": page.image.size if page.image else None,
        "created": config.created if config else None,
        "artifact": page.artifact,
        "annotations": page.notes,
        "steps": [
            {
                "command": step.command,
                "created": step.created,
                "digest": step.layer.digest if step.layer else None,
                "size": step.layer.size if step.layer else None,
            }
            for step in page.steps
        ],
        "config": {name: getattr(config, name) for name in ConfigOut.model_fields}
        if config
        else None,
    }


class ManifestFilter(Schema):
    """Which image, and which platform of it."""

    name: NameText = ""
    reference: ReferenceText = ""
    platform: Annotated[Text, Field(max_length=255, description="such as linux/arm64")] = ""


@router.get(
    "/{int:registry_id}/manifest", response=ManifestOut, summary="Show an image in a registry"
)
def get_manifest(
    request: HttpRequest, registry_id: int, wanted: Query[ManifestFilter]
) -> HttpResponseBase:
    """Ask the registry, within 5 s, what a tag or digest stands for; nothing is pulled.

    What looks like a secret is hidden from who sees none in containers.
    """
    actor = caller(request)
    access_registry(actor, registry_id)
    _image(wanted.name, wanted.reference)
    answer = images.image_page(actor, registry_id, wanted.name, wanted.reference, wanted.platform)
    return answered(answer, _manifest)


class DeleteFilter(Schema):
    """Which image, by a tag or its digest; `only_tag`: the tag alone, not what it stands for."""

    name: NameText = ""
    reference: ReferenceText = ""
    only_tag: Annotated[bool, Field(description="the tag alone; not with a digest")] = False
    digest: Annotated[
        Text, Field(max_length=255, description="with `only_tag`: 409 if the tag means another")
    ] = ""


@router.delete(
    "/{int:registry_id}/manifest", response={204: None}, summary="Delete an image in a registry"
)
def delete_manifest(request: HttpRequest, registry_id: int, wanted: Query[DeleteFilter]) -> Any:
    """Delete the digest of a tag, and with it every tag that stands for it.

    Which ones these are tells `repositories/tags?digest=`. With `only_tag` the tag goes alone,
    where the registry can do that. 409 where it does not delete.
    """
    actor = caller(request)
    registry = access_registry(actor, registry_id, PERMISSION)
    _image(wanted.name, wanted.reference)
    digest = wanted.reference
    if wanted.only_tag:
        # What was asked for is less than what would go: a digest goes with all its tags.
        _checked("reference", check_tag, wanted.reference)
        answer = registry_delete_tag(
            actor=actor,
            registry_id=registry_id,
            name=wanted.name,
            tag=wanted.reference,
            digest=wanted.digest,
        )
        return _deleted(answer)
    if not is_digest(digest):
        now = images.digest_now(registry, wanted.name, wanted.reference)
        if now.value is None:
            return answered(now, lambda found: {})
        digest = now.value
    named = [] if digest == wanted.reference else [wanted.reference]
    answer = registry_delete_image(
        actor=actor, registry_id=registry_id, name=wanted.name, digest=digest, tags=named
    )
    return _deleted(answer)


def _deleted(answer: Answer[str]) -> Any:
    if answer.value is None:
        return problem(status_of(answer), not_deleted_words(answer), code=answer.code)
    return Status(204, None)


class HubImageOut(Schema):
    """An image that was found."""

    name: str
    description: str
    stars: int
    pulls: int
    official: bool


class HubPageOut(Schema):
    """A page of what was found; `count` is how many there are, as Docker Hub tells."""

    items: list[HubImageOut]
    count: int
    more: bool


class HubFilter(Schema):
    """What is looked for."""

    q: Annotated[Text, Field(max_length=200, description="words")] = ""
    page: Annotated[int, Field(ge=1, le=100)] = 1


@router.get("/search", response=HubPageOut, summary="Search Docker Hub")
def search_docker_hub(request: HttpRequest, wanted: Query[HubFilter]) -> HttpResponseBase:
    """Ask Docker Hub, or the mirror that the setting QUAYSIDE_HUB_URL names, within 8 s."""
    actor = caller(request)
    if not wanted.q.strip():
        raise Invalid({"q": [_("Say what to look for.")]})
    return answered(
        search(actor, wanted.q, wanted.page),
        lambda found: {
            "items": [asdict(image) for image in found.images],
            "count": found.total,
            "more": found.more,
        },
    )
