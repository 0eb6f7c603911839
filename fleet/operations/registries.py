"""Every change to registries of images: add, change, test, remove.

The list of operations is `registry.py`: that one has nothing to do with images.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet import audit
from fleet.access import access_registry, require
from fleet.actor import Actor
from fleet.models import Registry
from fleet.operations.errors import Invalid
from fleet.operations.registry import Operation, register
from fleet.operations.registry_input import RegistryInput, read_registry
from fleet.publish import RegistriesChanged, publish_on_commit
from fleet.selectors.registry_calls import RegistryProbe, probe

TEST = ("tested_at", "test_ok", "test_code", "test_message")
HIDDEN = ("tls_ca", "username", "password")  # in the audit log it says only that they changed


def registry_create(*, actor: Actor, data: Mapping[str, Any]) -> Registry:
    """Add a registry from `registry_input.FIELDS`. Raises Refused or Invalid."""
    require(actor, "registry.create")
    with transaction.atomic():
        found = read_registry(data)
        _check_name_is_free(found.name)
        registry = Registry()
        found.write(registry)
        _save(registry, force_insert=True)
        registry.environments.set(found.environments)
        audit.record(actor, "registry.create", registry, detail=_facts(registry))
        publish_on_commit(RegistriesChanged([registry.pk]))
    return registry


def registry_update(*, actor: Actor, registry_id: int, data: Mapping[str, Any]) -> Registry:
    """Change what `data` names of a registry; an empty user name or password takes both away.

    Raises Unknown, Refused or Invalid.
    """
    access_registry(actor, registry_id, "registry.update")
    with transaction.atomic():
        registry = Registry.objects.select_for_update().get(pk=registry_id)
        found = read_registry(data, registry)
        _check_name_is_free(found.name, registry)
        changes = _apply(registry, found)
        _save(registry)
        audit.record(actor, "registry.update", registry, detail={"changes": changes})
        publish_on_commit(RegistriesChanged([registry.pk]))
    return registry


def registry_remove(*, actor: Actor, registry_id: int) -> None:
    """Forget a registry and its account; nothing changes at the registry or on hosts.

    Raises Unknown or Refused.
    """
    access_registry(actor, registry_id, "registry.remove")
    with transaction.atomic():
        registry = Registry.objects.select_for_update().get(pk=registry_id)
        audit.record(actor, "registry.remove", registry, detail=_facts(registry))
        registry.delete()
        publish_on_commit(RegistriesChanged([registry_id]))


def registry_test(
    *, actor: Actor, registry_id: int | None = None, data: Mapping[str, Any] | None = None
) -> RegistryProbe:
    """Connect to a stored registry, to `data`, or to a stored one as `data` would change it.

    What a stored one as it is answers is kept with it. Raises Unknown, Refused or Invalid.
    """
    if registry_id is None:
        require(actor, "registry.test")
        registry = None
    else:
        registry = access_registry(actor, registry_id, "registry.test")
    found = read_registry(data or {}, registry, named=False)
    result = probe(found)
    with transaction.atomic():
        if registry is not None and not data:
            _keep_result(registry, result)
        detail = {"url": found.url, "ok": result.ok, "code": result.code}
        audit.record(actor, "registry.test", registry, detail=detail)
    return result


def _keep_result(registry: Registry, result: RegistryProbe) -> None:
    """Keep what was found, unless the registry was changed while it was asked."""
    kept = Registry.objects.filter(pk=registry.pk, revision=registry.revision).update(
        tested_at=timezone.now(),
        test_ok=result.ok,
        test_code=result.code,
        test_message=result.message,
        revision=registry.revision + 1,
    )
    if kept:
        publish_on_commit(RegistriesChanged([registry.pk]))


def _check_name_is_free(name: str, registry: Registry | None = None) -> None:
    same = Registry.objects.filter(name__iexact=name)
    if (same.exclude(pk=registry.pk) if registry and registry.pk else same).exists():
        raise Invalid({"name": [_("There is a registry of this name already. Choose another.")]})


def _save(registry: Registry, **how: Any) -> None:
    try:
        with transaction.atomic():
            registry.save(**how)
    except IntegrityError:  # somebody took the name since we looked
        _check_name_is_free(registry.name, registry)
        raise


def _apply(registry: Registry, found: RegistryInput) -> dict[str, Any]:
    """Write the checked fields into the row; return what changed, without the account."""
    before = _facts(registry)
    moved = found.changes(registry)
    found.write(registry)
    registry.environments.set(found.environments)
    if moved:
        registry.tested_at, registry.test_ok = None, False
        registry.test_code = registry.test_message = ""
    registry.revision += 1
    after = _facts(registry)
    changes = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
    return changes | {name: "replaced" for name in moved if name in HIDDEN}


def _facts(registry: Registry) -> dict[str, Any]:
    """What the audit log may keep of a registry."""
    named = registry.environments.order_by("name").values_list("name", flat=True)
    return {
        "name": registry.name,
        "kind": registry.kind,
        "url": registry.url,
        "insecure": registry.insecure,
        "account": bool(registry.username),
        "everywhere": registry.everywhere,
        "environments": list(named),
    }


for verb, words in {
    "create": (
        gettext_lazy("Add registry"),
        gettext_lazy("Adding %(target)s"),
        gettext_lazy("Added %(target)s"),
        gettext_lazy("Adds a registry that images come from and go to."),
        "plus",
    ),
    "update": (
        gettext_lazy("Save"),
        gettext_lazy("Changing %(target)s"),
        gettext_lazy("Changed %(target)s"),
        gettext_lazy("Changes a registry's name, address, account and the environments it serves."),
        "pencil",
    ),
    "test": (
        gettext_lazy("Test connection"),
        gettext_lazy("Testing the connection to %(target)s"),
        gettext_lazy("Tested the connection to %(target)s"),
        gettext_lazy("Asks a registry whether it is there and takes the account."),
        "wifi",
    ),
    "remove": (
        gettext_lazy("Remove registry"),
        gettext_lazy("Removing %(target)s"),
        gettext_lazy("Removed %(target)s"),
        gettext_lazy("Forgets a registry and its account; its images stay where they are."),
        "trash",
    ),
}.items():
    register(
        Operation(
            name=f"registry.{verb}",
            target="registry",
            verb=words[0],
            doing=words[1],
            done=words[2],
            sentence=words[3],
            icon=words[4],
            destructive=verb == "remove",
        )
    )
