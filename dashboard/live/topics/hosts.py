"""The hosts' list and a host's pages, live."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from django.http import QueryDict
from django.template.loader import render_to_string

from dashboard.live.topics.args import id_of
from dashboard.live.topics.base import Part, Snapshot, Topic, register
from fleet.access import access_host
from fleet.actor import Actor
from fleet.models import Host
from fleet.publish import ContainersChanged, EventsAdded, Hint, HostsChanged, ImagesChanged
from fleet.selectors.hosts import HostPage, HostQuery, head_revision, host_list, host_page

LIST = "host-rows"
CARDS: dict[str, Callable[[HostPage], str]] = {  # name of the card -> the revision of what it shows
    "containers": lambda page: page.row.rev,
    "images": lambda page: page.images_rev,
    "engine": lambda page: page.engine_rev,
    "connection": lambda page: page.rev,
    "disk": lambda page: page.rev,
    "events": lambda page: page.rev,
}


def part(rev: str, template: str, context: dict[str, Any]) -> Part:
    """Return an element that is drawn from a template when somebody lacks it."""
    return Part(rev, partial(render_to_string, template, context))


@register
class Hosts(Topic):
    """`hosts`, with the list's query string as arguments."""

    name = "hosts"

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Rows count the containers of their hosts."""
        return isinstance(hint, HostsChanged | ContainersChanged)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the page of the list that the arguments ask for."""
        rows = host_list(actor, HostQuery.parse(args)).rows
        parts = {f"host-{r.host.pk}": part(r.rev, "hosts/row.html", {"row": r}) for r in rows}
        return Snapshot(parts=parts, lists={LIST: list(parts)})


@register
class HostHead(Topic):
    """`host`, with `id=7`: name, state and buttons on top of a host's pages."""

    name = "host"

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Only its own host."""
        return isinstance(hint, HostsChanged) and id_of(args) in hint.ids

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the head. Raises Unknown when the host is not to be seen any more."""
        host = access_host(actor, id_of(args))
        permissions = actor.access.permissions_on(host)
        context = {"host": host, "permissions": permissions}
        rev = head_revision(host, permissions)
        head = part(rev, "hosts/head.html", context | {"head_rev": rev})
        return Snapshot(parts={f"host-head-{host.pk}": head})


@register
class HostOverview(Topic):
    """`host-overview`, with `id=7`: the cards of a host's first page."""

    name = "host-overview"

    def key(self, actor: Actor) -> Hashable:
        """The job that measures the disk may be one's own."""
        return (actor.access, actor.user.pk if actor.user else None)

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Its host, the host's containers and events; any host may be or cease to be its twin."""
        if isinstance(hint, HostsChanged):
            return True
        if not isinstance(hint, ContainersChanged | ImagesChanged | EventsAdded):
            return False
        return hint.host == id_of(args)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the cards. Raises Unknown when the host is not to be seen any more."""
        host = access_host(actor, id_of(args))
        return Snapshot(parts=card_parts(host, host_page(actor, host)))


def card_parts(host: Host, page: HostPage) -> dict[str, Part]:
    """Return the cards of a host's page by their element ids."""
    context = {"host": host, "page": page}
    return {
        f"host-{name}-{host.pk}": part(rev(page), f"hosts/{name}_card.html", context)
        for name, rev in CARDS.items()
    }
