"""Rows of container tables: the same HTML for everybody who may do the same to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlencode
from zlib import crc32

from django.http import QueryDict
from django.template.loader import get_template
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dashboard.live.moments import SITE, ago_mark
from dashboard.live.topics.base import Part
from dashboard.templatetags.quayside import badge
from dashboard.templatetags.states import Look, container_look
from dashboard.update_words import signature, update_mark
from fleet.logs.target import LOGS
from fleet.models import Container, ContainerState, Host, HostState
from fleet.operations import Operation, operations_on
from fleet.selectors.containers import ROW_FIELDS
from fleet.selectors.updates import Update
from fleet.terminal.target import EXEC

VERSION = "8"  # count up when the row's template changes
NO_UPDATES: Mapping[int, Update] = {}
ONE_CLICK = ("container.start", "container.stop", "container.restart", "container.unpause")


@dataclass(frozen=True)
class Place:
    """A tab of a container's page that the menu of its row leads to at once."""

    slug: str
    label: str | Promise
    icon: str
    permission: str
    states: frozenset[str] = frozenset()  # in which it has something to show; none: all


PLACES = (
    Place("logs", _("Logs"), "file-text", LOGS),
    Place("terminal", _("Terminal"), "terminal-2", EXEC, frozenset({ContainerState.RUNNING})),
)


@dataclass(frozen=True)
class Column:
    """A column of the table; each can be hidden but the name."""

    key: str
    label: str | Promise
    default: bool = True
    sort: str = ""


COLUMNS = (
    Column("state", _("State"), sort="state"),
    Column("name", _("Name"), sort="name"),
    Column("host", _("Host"), sort="host"),
    Column("environment", _("Environment"), default=False),
    Column("image", _("Image"), sort="image"),
    Column("ports", _("Ports")),
    Column("stack", _("Stack"), sort="stack"),
    Column("usage", _("Usage")),
    Column("since", _("Since")),
    Column("created", _("Created"), default=False, sort="created"),
    Column("restarts", _("Restarts"), default=False),
    Column("id", _("ID"), default=False),
)
OPTIONAL = tuple(column for column in COLUMNS if column.key != "name")
DEFAULT_COLUMNS = frozenset(column.key for column in OPTIONAL if column.default)


def columns_of(args: QueryDict) -> frozenset[str]:
    """Return the optional columns that `columns=state host` asks for; without it the usual."""
    if "columns" not in args:
        return DEFAULT_COLUMNS
    asked = str(args["columns"]).split()
    return frozenset(column.key for column in OPTIONAL if column.key in asked)


def columns_arg(columns: frozenset[str]) -> str:
    """Return what `columns_of` reads, in one spelling, so that viewers share what is drawn."""
    keys = (column.key for column in OPTIONAL if column.key in columns)
    return urlencode({"columns": " ".join(keys)})


def _digest(value: object) -> str:
    return f"{crc32(repr(value).encode()):08x}"


def host_signature(host: Host) -> str:
    """Return what changes when a row of this host must be drawn again."""
    away = host.last_seen if host.state == HostState.UNREACHABLE else None
    return _digest((host.name, host.url, host.state, host.environment.name, away))


def _shown(row: Container) -> tuple[object, ...]:
    """Return what a row shows: it is drawn again when that changes, whoever wrote it."""
    return tuple(getattr(row, name) for name in ROW_FIELDS if name != "revision")


@lru_cache(maxsize=1024)
def variant_signature(permissions: frozenset[str], columns: frozenset[str]) -> str:
    """Return a short name for what one may do and sees, and for this version of the row."""
    return _digest((VERSION, sorted(permissions), sorted(columns)))


def row_parts(
    rows: Iterable[Container],
    permissions: dict[int, frozenset[str]],
    columns: frozenset[str] = DEFAULT_COLUMNS,
    updates: Mapping[int, Update] = NO_UPDATES,
) -> dict[str, Part]:
    """Return the parts of containers (each with its host) by element id.

    A column that is switched off has no cells: hundreds of them cost a browser time.
    """
    signatures: dict[int, str] = {}
    parts: dict[str, Part] = {}
    for row in rows:
        allowed = permissions.get(row.host_id, frozenset())
        if row.host_id not in signatures:
            held = host_signature(row.host)
            signatures[row.host_id] = f"{held}.{variant_signature(allowed, columns)}"
        update = updates.get(row.pk)
        told = _digest((_shown(row), signature(update) if update and update.there_is else ()))
        rev = f"{row.revision:x}.{told}.{signatures[row.host_id]}"
        parts[f"container-{row.pk}"] = _part(rev, row, allowed, columns, update)
    return parts


def _part(
    rev: str,
    row: Container,
    allowed: frozenset[str],
    columns: frozenset[str],
    update: Update | None,
) -> Part:
    return Part(rev, lambda: draw_row(rev, row, allowed, columns, update))


def draw_row(
    rev: str,
    row: Container,
    allowed: frozenset[str],
    columns: frozenset[str],
    update: Update | None = None,
) -> str:
    """Return the `<tr>` of one container."""
    operations = possible(row, allowed)
    return get_template("containers/row.html").render(
        {
            "element_id": f"container-{row.pk}",
            "rev": rev,
            "columns": columns,
            "container": row,
            "host": row.host,
            "href": f"{reverse('container-list')}{row.pk}/",
            "host_href": f"{reverse('host-list')}{row.host_id}/",
            "stack_href": f"?stack={quote(row.stack)}",
            "state": state_words(row),
            "update": update_mark(update),
            "since": ago_mark(row.started_at if is_up(row) else row.finished_at),
            "created": ago_mark(row.created_at),
            "address": row.host.url
            if row.host.url.startswith(("tcp:", "ssh:"))
            else f"tcp://{SITE}",
            "clicks": " ".join(
                one.slug for one in operations if one.name in ONE_CLICK and useful(one, row)
            ),
            "menu": " ".join(
                [*(one.slug for one in operations), *(one.slug for one in places(row, allowed))]
            ),
        }
    )


def is_up(row: Container) -> bool:
    """Return whether the container's processes exist."""
    return row.state in {"running", "paused", "restarting"}


def possible(row: Container, allowed: frozenset[str]) -> list[Operation]:
    """Return the operations that the viewer may do and that make sense in this state."""
    return [
        operation
        for operation in operations_on("container")
        if operation.permission in allowed
        and (not operation.states or row.state in operation.states)
    ]


def places(row: Container, allowed: frozenset[str]) -> list[Place]:
    """Return the tabs that the viewer may open and that have something to show in this state."""
    return [
        place
        for place in PLACES
        if place.permission in allowed and (not place.states or row.state in place.states)
    ]


def useful(operation: Operation, row: Container) -> bool:
    """Return whether it deserves a button of its own: what is down is started, not restarted."""
    return operation.name != "container.restart" or is_up(row)


def state_words(row: Container) -> SafeString:
    """Return the state as icon and words; hatched, with its age, while the host is away."""
    look = container_look(row.state, row.health, row.exit_code, row.oom_killed)
    if row.host.state != HostState.UNREACHABLE:
        return badge(look)
    seen = format_html(
        '<span title="{}">{}</span>',
        _("Its host cannot be reached; this is how it was last seen."),
        ago_mark(row.host.last_seen),
    )
    return badge(Look("away", "plug-x", look.words), seen)
