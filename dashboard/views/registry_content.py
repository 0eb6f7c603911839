"""What is in a registry: repositories, tags, one image. Each page comes at once, and asks then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from dashboard.requests import actor_of, is_part
from dashboard.views.container import private
from fleet.access import access_registry
from fleet.actor import Actor
from fleet.models import Registry
from fleet.registries.abilities import ABILITIES
from fleet.registries.reference import (
    InvalidReference,
    check_digest,
    check_repository,
    check_tag,
    is_digest,
)
from fleet.selectors import registry_content as content
from fleet.selectors import registry_images as images
from fleet.selectors.given import given_text
from fleet.selectors.registries import registry_page
from fleet.selectors.registry_asking import Answer
from fleet.selectors.registry_content import COUNT, Names, Wanted

TEXT_LIMIT = 1000
Look = Callable[[], dict[str, Any]]


def wanted_of(request: HttpRequest) -> Wanted:
    """Return which part of a list an address asks for."""
    as_is = request.GET.get("sort") == "registry"
    return Wanted.parse(request.GET.get("q", ""), request.GET.get("after", ""), COUNT, as_is=as_is)


def named(check: Callable[[str], str], text: str) -> str:
    """Return a name of an address. Raises Http404 for what nothing can be called."""
    try:
        return check(text)
    except InvalidReference as error:
        raise Http404(str(error)) from error


def version_of(text: str) -> str:
    """Return a tag or digest of an address. Raises Http404."""
    return named(check_digest if ":" in text else check_tag, text)


def context_of(actor: Actor, registry: Registry, **more: Any) -> dict[str, Any]:
    """Return what every page of a registry's content shows."""
    may = {verb for verb in ("test", "delete") if actor.access.may(f"registry.{verb}")}
    return {
        "registry": registry,
        "abilities": ABILITIES[registry.kind],
        "may_delete": "delete" in may and ABILITIES[registry.kind].deletes,
        "may_see_raw": "test" in may,
        "may_pull": bool(actor.access.reach("image.pull")),
        **more,
    }


def _asked(
    request: HttpRequest, page: str, context: dict[str, Any], look: Look, *, kept: bool = False
) -> HttpResponse:
    """Show a page at once; what the registry says comes as its fragment, or with `?now` with it.

    What was answered a moment ago (`kept`) needs no second look.
    """
    if is_part(request) or kept or "now" in request.GET:
        context |= look()
    template = f"registries/{page}_body.html" if is_part(request) else f"registries/{page}.html"
    return private(render(request, template, context))


# -- repositories --------------------------------------------------------------------------------


@require_safe
def repositories(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a part of the repositories, inside of the registry's page or on a page of its own."""
    actor, wanted = actor_of(request), wanted_of(request)
    registry = access_registry(actor, pk)
    answer: Answer[Names] = Answer(code="catalog_off")
    if content.lists_repositories(registry):
        answer = content.repositories(actor, pk, wanted)
    context = context_of(actor, registry, answer=answer, wanted=wanted, next=_next(request, answer))
    template = "repositories_body" if is_part(request) else "repositories"
    return private(render(request, f"registries/{template}.html", context))


def _next(request: HttpRequest, answer: Answer[Names]) -> str:
    """The query of the next part of a list, "" on its end."""
    if answer.value is None or not answer.value.after:
        return ""
    kept = {key: request.GET[key] for key in ("q", "sort") if request.GET.get(key)}
    return urlencode({**kept, "after": answer.value.after})


@require_safe
def open_named(request: HttpRequest, pk: int) -> HttpResponse:
    """Go to the repository or image whose name somebody typed."""
    actor = actor_of(request)
    registry = access_registry(actor, pk)
    text = request.GET.get("name", "")[:TEXT_LIMIT].strip()
    if not text:
        return redirect("registry-detail", pk)
    try:
        name, version = content.opened_name(registry, text)
    except InvalidReference as error:
        return _not_opened(request, actor, registry, text, str(error))
    if version:
        return redirect("registry-image", pk, name, version)
    return redirect("registry-repository", pk, name)


def _not_opened(
    request: HttpRequest, actor: Actor, registry: Registry, text: str, problem: str
) -> HttpResponse:
    page = registry_page(actor, registry)
    context = context_of(
        actor, registry, page=page, row=page.row, open_text=text, open_problem=problem
    )
    return render(request, "registries/detail.html", context, status=422)


@require_safe
def repository(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Show a repository's tags; what each stands for follows by `tag_rows`."""
    actor, wanted = actor_of(request), wanted_of(request)
    registry = access_registry(actor, pk)
    named(check_repository, name)

    def look() -> dict[str, Any]:
        answer = content.tags(actor, pk, name, wanted)
        groups = _groups(pk, name, answer.value)
        return {
            "answer": answer, "groups": groups, "next": _next(request, answer), "answered": True,
        }  # fmt: skip

    context = context_of(
        actor, registry, name=name, wanted=wanted,
        shown=content.reference_of(registry, name).familiar_name,
        counted=registry.kind == "hub",
    )  # fmt: skip
    return _asked(
        request, "repository", context, look, kept=content.tags_kept(registry, name, wanted)
    )


def _groups(pk: int, name: str, found: Names | None) -> list[tuple[str, list[str]]]:
    """Tags in groups that are looked at together, each with the address that tells about it."""
    # What is no tag cannot be asked for, and has no page: whoever runs the registry may send it.
    good = [tag for tag in (found.names if found else ()) if _is_tag(tag)]
    address = reverse("registry-tag-rows", args=[pk, name])
    parts = [good[at : at + images.ROWS] for at in range(0, len(good), images.ROWS)]
    return [(f"{address}?{urlencode({'tag': part}, doseq=True)}", part) for part in parts]


def _is_tag(text: str) -> bool:
    try:
        return bool(check_tag(text))
    except InvalidReference:
        return False


@require_safe
def tag_rows(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Show rows of a repository's page with what their tags stand for."""
    actor = actor_of(request)
    registry = access_registry(actor, pk)
    named(check_repository, name)
    tags = [tag for tag in request.GET.getlist("tag")[: images.ROWS] if _is_tag(tag)]
    rows = images.tag_rows(actor, pk, name, tags)
    context = context_of(actor, registry, name=name, rows=rows)
    return private(render(request, "registries/tag_rows.html", context))


# -- one image -----------------------------------------------------------------------------------


@require_safe
def image(request: HttpRequest, pk: int, name: str, reference: str) -> HttpResponse:
    """Show what a tag or digest stands for; `?platform=` chooses one of several."""
    actor = actor_of(request)
    registry = access_registry(actor, pk)
    named(check_repository, name)
    version_of(reference)
    platform = given_text(request.GET.get("platform", ""))

    def look() -> dict[str, Any]:
        answer = images.image_page(actor, pk, name, reference, platform)
        more: dict[str, Any] = {"answer": answer, "answered": True, "oob": is_part(request)}
        if answer.value is not None:
            digest = answer.value.top.digest
            more["by_digest"] = content.reference_of(registry, name, digest=digest).familiar
        return more

    context = image_context(actor, registry, name, reference)
    kept = images.image_kept(registry, name, reference, platform)
    return _asked(request, "image", context, look, kept=kept)


def image_context(actor: Actor, registry: Registry, name: str, reference: str) -> dict[str, Any]:
    """Return what the pages of one image show."""
    by_digest = is_digest(reference)
    parts = {"digest": reference} if by_digest else {"tag": reference}
    full = content.reference_of(registry, name, **parts)
    return context_of(
        actor, registry, name=name, reference=reference, is_digest=by_digest,
        full=full.familiar, shown=full.familiar_name, counted=registry.kind == "hub",
    )  # fmt: skip


@require_safe
def same(request: HttpRequest, pk: int, name: str, reference: str) -> HttpResponse:
    """Show which other tags have the digest of one."""
    actor = actor_of(request)
    registry = access_registry(actor, pk)
    named(check_repository, name)
    version_of(reference)
    answer = images.same_tags(actor, pk, name, reference)
    others = [tag for tag in answer.value.tags if tag != reference] if answer.value else []
    context = context_of(
        actor, registry, name=name, reference=reference, answer=answer, others=others
    )
    return private(render(request, "registries/same_body.html", context))
