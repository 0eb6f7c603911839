"""Every change to environments: named groups of hosts, the usual scope of a grant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from fleet import audit
from fleet.access import access_environment, require
from fleet.actor import Actor
from fleet.models import Environment
from fleet.operations.errors import Invalid
from fleet.operations.inputs import Reader
from fleet.operations.registry import Operation, register
from fleet.publish import AccessChanged, HostsChanged, publish_on_commit

FIELDS = ("name", "description", "careful")
DESCRIPTION_LIMIT = 200


def environment_create(*, actor: Actor, data: Mapping[str, Any]) -> Environment:
    """Add an environment from `name`, `description` and `careful`. Raises Refused or Invalid."""
    require(actor, "environment.create")
    with transaction.atomic():
        environment = _read(data, Environment())
        environment.save(force_insert=True)
        audit.record(actor, "environment.create", environment, detail=_facts(environment))
        publish_on_commit(HostsChanged([]))
    return environment


def environment_update(
    *, actor: Actor, environment_id: int, data: Mapping[str, Any]
) -> Environment:
    """Change what `data` names of an environment. Raises Unknown, Refused or Invalid."""
    environment = access_environment(actor, environment_id, "environment.update")
    with transaction.atomic():
        before = _facts(environment)
        environment = _read(data, environment)
        environment.save(update_fields=FIELDS)
        after = _facts(environment)
        changes = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
        audit.record(actor, "environment.update", environment, detail={"changes": changes})
        publish_on_commit(HostsChanged(list(environment.hosts.values_list("pk", flat=True))))
    return environment


def environment_remove(*, actor: Actor, environment_id: int) -> None:
    """Remove an empty environment with its grants.

    Raises Unknown, Refused, or Invalid that names the hosts in the way.
    """
    environment = access_environment(actor, environment_id, "environment.remove")
    with transaction.atomic():
        hosts = list(environment.hosts.values_list("name", flat=True))
        if hosts:
            raise Invalid({"": [_in_the_way(hosts)]})
        grants = environment.grants.count()
        audit.record(actor, "environment.remove", environment, detail={"grants": grants})
        environment.delete()
        publish_on_commit(HostsChanged([]))
        publish_on_commit(AccessChanged())


def _in_the_way(hosts: list[str]) -> str:
    named = ", ".join(hosts[:10]) + (" …" if len(hosts) > 10 else "")
    return ngettext(
        "A host is still in this environment: %(hosts)s. Move or remove it first.",
        "%(count)d hosts are still in this environment: %(hosts)s. Move or remove them first.",
        len(hosts),
    ) % {"count": len(hosts), "hosts": named}


def _read(data: Mapping[str, Any], environment: Environment) -> Environment:
    reader = Reader(data, FIELDS)
    environment.name = reader.name("name", environment.name)
    environment.description = reader.text(
        "description", environment.description, limit=DESCRIPTION_LIMIT
    )
    environment.careful = reader.switch("careful", environment.careful)
    if not environment.description.isprintable():
        reader.refuse("description", _("Use one line of printable characters."))
    same = Environment.objects.filter(name__iexact=environment.name).exclude(pk=environment.pk)
    if "name" not in reader.problems and same.exists():
        reader.refuse("name", _("There is an environment of this name already."))
    reader.finish()
    return environment


def _facts(environment: Environment) -> dict[str, Any]:
    return {name: getattr(environment, name) for name in FIELDS}


for verb, words in {
    "create": (_("Add"), _("Adding %(target)s"), _("Added %(target)s"), _("Adds an environment.")),
    "update": (
        _("Save"),
        _("Changing %(target)s"),
        _("Changed %(target)s"),
        _("Changes the name and the rules of an environment."),
    ),
    "remove": (
        _("Remove"),
        _("Removing %(target)s"),
        _("Removed %(target)s"),
        _("Removes an environment without hosts, and the grants on it."),
    ),
}.items():
    register(
        Operation(
            name=f"environment.{verb}",
            target="environment",
            verb=words[0],
            doing=words[1],
            done=words[2],
            sentence=words[3],
            destructive=verb == "remove",
        )
    )
