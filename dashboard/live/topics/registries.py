"""The list of registries and a registry's page, live."""

from __future__ import annotations

from django.http import QueryDict

from dashboard.live.topics.args import id_of
from dashboard.live.topics.base import Snapshot, Topic, register
from dashboard.live.topics.hosts import part
from fleet.access import access_registry
from fleet.actor import Actor
from fleet.publish import Hint, HostsChanged, RegistriesChanged
from fleet.selectors.registries import registry_list, registry_page, registry_row

LIST = "registry-rows"


@register
class Registries(Topic):
    """`registries`: all that the reader sees."""

    name = "registries"
    most = 500

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Rows name environments, which hosts bring into sight."""
        return isinstance(hint, RegistriesChanged | HostsChanged)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the list."""
        rows = registry_list(actor)
        parts = {
            f"registry-{row.registry.pk}": part(row.rev, "registries/row.html", {"row": row})
            for row in rows
        }
        return Snapshot(parts=parts, lists={LIST: list(parts)})


@register
class RegistryHead(Topic):
    """`registry`, with `id=7`: the head of a registry's page."""

    name = "registry"

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Only its own registry."""
        return isinstance(hint, RegistriesChanged) and id_of(args) in hint.ids

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the head. Raises Unknown when the registry is not to be seen any more."""
        row = registry_row(actor, access_registry(actor, id_of(args)))
        context = {"row": row, "registry": row.registry}
        head = part(row.rev, "registries/head.html", context)
        return Snapshot(parts={f"registry-head-{row.registry.pk}": head})


@register
class RegistryOverview(Topic):
    """`registry-overview`, with `id=7`: the cards of a registry's page."""

    name = "registry-overview"

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Its own registry; hosts come to and leave the environments that it serves."""
        if isinstance(hint, RegistriesChanged):
            return id_of(args) in hint.ids
        return isinstance(hint, HostsChanged)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the cards. Raises Unknown when the registry is not to be seen any more."""
        page = registry_page(actor, access_registry(actor, id_of(args)))
        row = page.row
        context = {"page": page, "row": row, "registry": row.registry}
        pk = row.registry.pk
        return Snapshot(
            parts={
                f"registry-settings-{pk}": part(row.rev, "registries/settings.html", context),
                f"registry-serves-{pk}": part(page.rev, "registries/serves.html", context),
            }
        )
