"""Deleting in a registry: an image by its digest, with all its tags; or, where it can, one tag."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet import audit
from fleet.access import access_registry
from fleet.actor import Actor
from fleet.models import AuditResult, Environment, Registry
from fleet.operations.errors import Invalid
from fleet.operations.registry import Operation, register
from fleet.publish import RegistriesChanged, publish_on_commit
from fleet.registries.client import RegistryClient
from fleet.registries.errors import RegistryError
from fleet.registries.reference import InvalidReference, check_digest, check_repository, check_tag
from fleet.selectors.registry_asking import Answer, ask

PERMISSION = "registry.delete"
UNSURE = ("timeout", "disconnected")  # it may have been deleted all the same
NAMED = 100  # tags that the audit log names


def registry_delete_image(
    *, actor: Actor, registry_id: int, name: str, digest: str, tags: Collection[str] = ()
) -> Answer[str]:
    """Delete an image with all its tags; `tags` are those that the person was told of.

    The answer is the digest, or why the registry did not. Raises Unknown, Refused or Invalid.
    """
    registry = access_registry(actor, registry_id, PERMISSION)
    _check("name", check_repository, name)
    _check("reference", check_digest, digest)
    named = {"digest": digest, "tags": sorted(tags)[:NAMED]}
    return _delete(
        actor, registry, name, named, digest, lambda client: client.delete_manifest(name, digest)
    )


def registry_delete_tag(
    *, actor: Actor, registry_id: int, name: str, tag: str, digest: str = ""
) -> Answer[str]:
    """Delete a tag alone; `digest` is what it stood for when the person was told.

    The answer is the tag, or why the registry did not: not where it means another image by now.
    Raises Unknown, Refused or Invalid.
    """
    registry = access_registry(actor, registry_id, PERMISSION)
    _check("name", check_repository, name)
    _check("reference", check_tag, tag)
    if digest:
        _check("digest", check_digest, digest)

    def act(client: RegistryClient) -> None:
        if digest and client.head(name, tag) != digest:
            raise RegistryError("tag_moved")
        client.delete_tag(name, tag)

    return _delete(actor, registry, name, {"tag": tag, "digest": digest}, tag, act)


def _delete(
    actor: Actor,
    registry: Registry,
    name: str,
    named: dict[str, Any],
    done: str,
    act: Callable[[RegistryClient], None],
) -> Answer[str]:
    detail: dict[str, Any] = {"image": name, **named}
    # Before it is asked: what is deleted there is gone, whatever becomes of us.
    audit.record(actor, PERMISSION, registry, detail=detail)

    def question(client: RegistryClient) -> str:
        act(client)
        return done

    answer = ask(registry, "", question, keep=False)
    if answer.value is None:
        failed = {**detail, "code": answer.code}
        failed.pop("tags", None)
        audit.record(actor, PERMISSION, registry, result=AuditResult.FAILED, detail=failed)
    if answer.value is not None or is_unsure(answer):
        # What was answered before holds no more, in no process: it is kept by the revision.
        Registry.objects.filter(pk=registry.pk).update(revision=F("revision") + 1)
        publish_on_commit(RegistriesChanged([registry.pk]))
    return answer


def asks_for_name(registry: Registry) -> bool:
    """Return whether a careful environment is served: then the name is typed before deleting."""
    rows = Environment.objects.all() if registry.everywhere else registry.environments.all()
    return rows.filter(careful=True).exists()


def _check(field: str, rule: Any, value: str) -> None:
    try:
        rule(value)
    except InvalidReference as error:
        raise Invalid({field: [str(error)]}) from error


def is_unsure(answer: Answer[str]) -> bool:
    """Return whether something may have been deleted all the same."""
    return answer.code in UNSURE


def not_deleted_words(answer: Answer[str]) -> str:
    """Say why an image is still there, or may be."""
    if is_unsure(answer):
        return f"{answer.problem} {_('Look whether the image is still there.')}"
    return answer.problem


register(
    Operation(
        name="registry.delete",
        target="registry",
        verb=gettext_lazy("Delete image"),
        doing=gettext_lazy("Deleting an image in %(target)s"),
        done=gettext_lazy("Deleted an image in %(target)s"),
        sentence=gettext_lazy(
            "Deletes an image in a registry, with all tags of its digest, or one tag of it."
        ),
        icon="trash",
        destructive=True,
    )
)
