"""Deleting an image in a registry: by its digest, so that all tags of that digest go."""

from __future__ import annotations

from collections.abc import Collection
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
from fleet.registries.reference import InvalidReference, check_digest, check_repository
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
    detail: dict[str, Any] = {"image": name, "digest": digest, "tags": sorted(tags)[:NAMED]}
    # Before it is asked: what is deleted there is gone, whatever becomes of us.
    audit.record(actor, PERMISSION, registry, detail=detail)

    def question(client: RegistryClient) -> str:
        client.delete_manifest(name, digest)
        return digest

    answer = ask(registry, "", question, keep=False)
    if answer.value is None:
        failed = {"image": name, "digest": digest, "code": answer.code}
        audit.record(actor, PERMISSION, registry, result=AuditResult.FAILED, detail=failed)
    if answer.value is not None or answer.code in UNSURE:
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


def not_deleted_words(answer: Answer[str]) -> str:
    """Say why an image is still there, or may be."""
    if answer.code in UNSURE:
        return f"{answer.problem} {_('Look whether the image is still there.')}"
    return answer.problem


register(
    Operation(
        name="registry.delete",
        target="registry",
        verb=gettext_lazy("Delete image"),
        doing=gettext_lazy("Deleting an image in %(target)s"),
        done=gettext_lazy("Deleted an image in %(target)s"),
        sentence=gettext_lazy("Deletes an image in a registry, with all tags of its digest."),
        icon="trash",
        destructive=True,
    )
)
