"""One container's page, live: its head, and the cards of its overview."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit
from zlib import crc32

from django.http import QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.live.moments import SITE, ago_mark
from dashboard.live.topics.args import id_of, number_of
from dashboard.live.topics.base import Part, Snapshot, Topic, register
from dashboard.live.topics.container_rows import possible, state_words, useful
from dashboard.templatetags.quayside import port_link
from dashboard.update_words import lines_of, signature, update_mark
from fleet.access import Unknown, access_container
from fleet.actor import Actor
from fleet.models import Container, Host, HostState
from fleet.operations import Operation
from fleet.publish import ContainersChanged, Hint, HostsChanged, ImagesChanged, UpdatesChanged
from fleet.selectors.container import Fate, Overview, container_fate, container_overview
from fleet.selectors.updates import NEWER_IMAGE

# The buttons of each state, the likeliest first; everything else stands in the menu.
MAIN = {
    "running": ("restart", "stop"),
    "paused": ("unpause", "stop"),
    "restarting": ("stop", "restart"),
    "created": ("start", "remove"),
    "exited": ("start", "remove"),
    "dead": ("start", "remove"),
}
CARDS = ("facts", "health", "ports", "mounts", "networks", "labels")


def args_of(row: Container) -> str:
    """Return what the page asks for; enough to tell what became of it once it is gone."""
    told = {"id": row.pk, "host": row.host_id, "engine": row.engine_id, "name": row.name}
    return urlencode(told)


class ContainerTopic(Topic):
    """Follows one container, and what becomes of it."""

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Its host, and containers there: one of the same name may take its place."""
        if isinstance(hint, HostsChanged):
            return number_of(args, "host") in hint.ids
        if isinstance(hint, UpdatesChanged):
            return True
        if not isinstance(hint, ContainersChanged | ImagesChanged):
            return False
        return hint.host == number_of(args, "host")


class ContainerPart(ContainerTopic):
    """What a page keeps as it was last when its container is gone."""

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the parts, none once the container is gone. Raises Unknown for those of others."""
        try:
            return Snapshot(parts=self.parts(actor, args))
        except Unknown:
            fate_of(actor, args)
            return Snapshot(parts={})

    def parts(self, actor: Actor, args: QueryDict) -> dict[str, Part]:
        """Return what is shown of the container. Raises Unknown."""
        raise NotImplementedError


@register
class ContainerHead(ContainerTopic):
    """`container`, with `args_of`: name, state and buttons on top of a container's pages."""

    name = "container"

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the head, or what became of the container. Raises Unknown."""
        pk = id_of(args)
        try:
            head = head_part(container_overview(actor, pk))
        except Unknown:
            head = gone_part(pk, fate_of(actor, args))
        return Snapshot(parts={f"container-head-{pk}": head})


@register
class ContainerCards(ContainerPart):
    """`container-overview`, with `args_of`: the cards of a container's first page."""

    name = "container-overview"

    def parts(self, actor: Actor, args: QueryDict) -> dict[str, Part]:
        """Return the cards. Raises Unknown."""
        return card_parts(container_overview(actor, id_of(args)))


@register
class ContainerLogHost(ContainerPart):
    """`container-log-host`, with `args_of`: whether the host of an open log is away."""

    name = "container-log-host"

    def parts(self, actor: Actor, args: QueryDict) -> dict[str, Part]:
        """Return the note. Raises Unknown."""
        row = access_container(actor, id_of(args))
        return {log_host_id(row): log_host_part(row)}


def fate_of(actor: Actor, args: QueryDict) -> Fate:
    """Return what became of a container that was removed. Raises Unknown for those of others."""
    if Container.objects.filter(pk=id_of(args)).exists():
        raise Unknown(_("container"))
    return container_fate(
        actor,
        host_id=number_of(args, "host"),
        engine_id=args.get("engine", ""),
        name=args.get("name", ""),
    )


# --- The head ------------------------------------------------------------------------------


def head_part(overview: Overview) -> Part:
    """Return name, state and buttons."""
    row = overview.container
    shown = (
        row.name, row.state, row.health, row.exit_code, row.oom_killed, row.image, row.image_id,
        overview.image_pk, signature(overview.update),
        *_host_facts(row.host), sorted(overview.permissions),
    )  # fmt: skip
    return _part("container/head.html", _rev(shown), lambda: _head(overview))


def _host_facts(host: Host) -> tuple[Any, ...]:
    away = host.last_seen if host.state == HostState.UNREACHABLE else None
    return (host.name, host.url, host.state, host.state_message, away)


def _head(overview: Overview) -> dict[str, Any]:
    row = overview.container
    operations = possible(row, overview.permissions)
    aside = overview.aside
    main = _main(overview)
    by_slug = {operation.slug: operation for operation in operations}
    return {
        "container": row,
        "host": row.host,
        "aside": aside,
        "image_pk": overview.image_pk,
        "state": state_words(row),
        "update": update_mark(overview.update),
        "seen": ago_mark(row.host.last_seen),
        "buttons": [_act(by_slug[slug]) for slug in main if slug in by_slug],
        "menu": [
            _act(operation)
            for operation in operations
            if operation.slug not in main and useful(operation, row)
        ],
    }


def _main(overview: Overview) -> tuple[str, ...]:
    """Return the buttons; of one that an update keeps aside, what brings that to its end."""
    if overview.aside is not None:
        return ("recreate",) if overview.aside.kind == "old" else ()
    main = MAIN.get(overview.container.state, ())
    return ("recreate", *main) if may_update(overview) else main


def may_update(overview: Overview) -> bool:
    """Return whether there is a newer image for the tag, and the viewer may have it run."""
    row, update = overview.container, overview.update
    newer = update is not None and update.state == NEWER_IMAGE
    return newer and any(one.slug == "recreate" for one in possible(row, overview.permissions))


def _act(operation: Operation) -> dict[str, Any]:
    asks = operation.asks_first
    return {
        "slug": operation.slug,
        "label": f"{operation.verb} …" if asks else operation.verb,
        "icon": operation.icon,
        "danger": operation.destructive,
        "dialog": asks,
    }


def gone_part(pk: int, fate: Fate) -> Part:
    """Return what became of a removed container, in the place of its head."""
    heir = fate.successor
    shown = (
        "gone",
        fate.name,
        fate.host.name,
        fate.removed_at,
        fate.updated,
        heir and (heir.pk, heir.state),
    )
    context = {"pk": pk, "fate": fate, "removed": ago_mark(fate.removed_at), "heir": heir}
    return _part("container/gone.html", _rev(shown), lambda: context)


def log_host_id(row: Container) -> str:
    """Return the id of the element that says whether the host of a log is away."""
    return f"container-log-host-{row.pk}"


def log_host_part(row: Container) -> Part:
    """Return when the host was last seen while it is away, else nothing to read."""
    away = row.host.state == HostState.UNREACHABLE
    seen = row.host.last_seen if away else None
    context = {
        "element_id": log_host_id(row),
        "host": row.host,
        "away": away,
        "seen": ago_mark(seen) if seen else "",
    }
    return _part("container/log_host.html", _rev((row.host.name, away, seen)), lambda: context)


# --- The cards -----------------------------------------------------------------------------


def card_parts(overview: Overview) -> dict[str, Part]:
    """Return the cards by element id; each changes only with what it shows."""
    row = overview.container
    shown = {
        "facts": (
            row.engine_id, row.image, row.image_id, overview.command, row.state, row.created_at,
            row.started_at, row.finished_at, row.restart_count, row.health, row.exit_code,
            row.oom_killed, row.names, row.compose_project, row.compose_service, row.swarm_stack,
            row.swarm_service, row.swarm_task, overview.image_pk, signature(overview.update),
            overview.update and overview.update.checked_at, overview.sees_updates,
            overview.may_check, may_update(overview),
            *_host_facts(row.host),
        ),
        "health": (row.state, row.health, row.host.state),
        "ports": (row.ports, row.host.url),
        "mounts": (row.mounts,),
        "networks": (row.networks,),
        "labels": (overview.labels,),
    }  # fmt: skip
    return {
        f"container-{name}-{row.pk}": _part(
            f"container/{name}_card.html", _rev(shown[name]), partial(_card, overview)
        )
        for name in CARDS
    }


def _card(overview: Overview) -> dict[str, Any]:
    row = overview.container
    return {
        "container": row,
        "host": row.host,
        "overview": overview,
        "state": state_words(row),
        "lines": lines_of([overview.update] if overview.update else []),
        "sees_updates": overview.sees_updates,
        "may_check": overview.may_check,
        "may_update": may_update(overview),
        "created": ago_mark(row.created_at),
        "started": ago_mark(row.started_at),
        "finished": ago_mark(row.finished_at),
        "ports": _ports(row),
        "facts": _places(row),
    }


def _ports(row: Container) -> list[dict[str, Any]]:
    """Return the ports; those of IPv4 and IPv6 that are the same stand in one line."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for port in row.ports:
        inside = f"{port.get('container_port')}/{port.get('protocol', 'tcp')}"
        outside = port.get("host_port")
        shown = found.setdefault((inside, outside), {"inside": inside, "bound": []})
        if outside and "link" not in shown:
            shown["link"] = port_link(port, address_of(row.host), f"{outside} → {inside}")
        shown["bound"] += [port["host_ip"]] if port.get("host_ip") else []
    return list(found.values())


def address_of(host: Host) -> str:
    """Return where a browser finds a host's published ports: its name, or ours for sockets."""
    try:
        parts = urlsplit(host.url)
        named = parts.hostname if parts.scheme in {"tcp", "ssh"} else None
    except ValueError:
        named = None
    if named is None:
        return SITE
    return f"[{named}]" if ":" in named else named


def _places(row: Container) -> dict[str, str]:
    """Return addresses of lists that this container is part of."""
    base = reverse("container-list")
    queries = {
        "service": {"stack": row.stack, "service": row.compose_service},
        "swarm": {"stack": row.stack, "service": row.swarm_service},
        "stack": {"stack": row.stack},
        "image": {"image": row.image},
    }
    return {
        name: f"{base}?{urlencode({key: value for key, value in query.items() if value})}"
        for name, query in queries.items()
    }


def _rev(shown: object) -> str:
    return f"{crc32(repr(shown).encode('utf-8', 'replace')):08x}"


def _part(template: str, rev: str, facts: Any) -> Part:
    return Part(rev, lambda: render_to_string(template, {**facts(), "rev": rev}))
