"""One container for its page: what the row knows, and what only its engine can tell.

The row's part never waits. Each question to the engine is bounded and answered in words when the
host is silent (`engine_calls.Answer`). Secret-looking values are masked here, before any page.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from fleet import audit
from fleet.access import (
    Unknown,
    access_container,
    find,
    visible_containers,
    visible_events,
    visible_hosts,
    visible_images,
    visible_jobs,
)
from fleet.actor import Actor
from fleet.engine.raw import ALIVE, as_dict, as_int, as_list, as_str, parse_time
from fleet.engine.recreate import Aside, aside_of
from fleet.engine.usage import FileChange, ProcessTable
from fleet.models import Container, Event, Host
from fleet.selectors.engine_calls import Answer, ask
from fleet.selectors.given import given_text
from fleet.selectors.masking import (
    MASK,
    mask_command,
    mask_labels,
    mask_text,
    mask_tree,
    mask_value,
    mask_words,
)
from fleet.selectors.updates import Update, update_of
from fleet.updates.names import tag_of

SECRETS = "container.secrets"
CHANGES_SHOWN = 2000
OUTPUT_SHOWN = 4096
ENGINE_ID_LIMIT, NAME_LIMIT = 100, 512


# --- What the row knows --------------------------------------------------------------------


@dataclass(frozen=True)
class Overview:
    """A container as last seen; command and labels with their secrets masked."""

    container: Container
    permissions: frozenset[str]
    command: str
    labels: dict[str, str]
    image_pk: int = 0  # of its image's row; 0 when there is none to be seen
    update: Update | None = None  # what its registry said, for who sees images

    @property
    def aside(self) -> Aside | None:
        """What its name says while it is being updated: of which it is the old or the new one."""
        return aside_of(self.container.name)

    @property
    def sees_updates(self) -> bool:
        """Whether there is a name to ask a registry for, and the viewer sees images."""
        named = tag_of(self.container.image, self.container.image_id) is not None
        return named and "image.view" in self.permissions

    @property
    def may_check(self) -> bool:
        """Whether the viewer may have a registry asked now."""
        return self.sees_updates and "image.pull" in self.permissions


def container_overview(actor: Actor, pk: int) -> Overview:
    """Return what a container's page shows without asking anybody. Raises Unknown."""
    row = access_container(actor, pk)
    return Overview(
        container=row,
        permissions=actor.access.permissions_on(row.host),
        command=mask_command(row.command),
        labels=mask_labels(dict(sorted(row.labels.items()))),
        image_pk=_image_pk(actor, row),
        update=update_of(row) if actor.access.may("image.view", row.host) else None,
    )


def _image_pk(actor: Actor, row: Container) -> int:
    rows = visible_images(actor).filter(host=row.host_id, engine_id=row.image_id).order_by()
    return (row.image_id and rows.values_list("pk", flat=True).first()) or 0


@dataclass(frozen=True)
class Fate:
    """What became of a container whose row is gone."""

    name: str
    host: Host
    engine_id: str
    removed_at: datetime | None
    successor: Container | None  # of the same name on the same host
    updated: bool = False  # it was made again: the successor is what it became


def container_fate(actor: Actor, *, host_id: int, engine_id: str, name: str) -> Fate:
    """Return what became of a container that a page shows. Raises Unknown for hosts of others."""
    host = find(visible_hosts(actor), host_id)
    if host is None or not actor.access.may("container.view", host):
        raise Unknown(_("container"))
    engine_id, name = given_text(engine_id, ENGINE_ID_LIMIT), given_text(name, NAME_LIMIT)
    gone = visible_events(actor).filter(host=host, object_id=engine_id).filter(_REMOVAL)
    last: Event | None = gone.order_by("-at", "-id").first()
    if last and last.object_name not in {"", engine_id}:
        name = last.object_name  # it may have been renamed since
    if (aside := aside_of(name)) is not None:
        name = aside.name  # the new one has the name
    heir = visible_containers(actor).filter(host=host, name=name).first()
    return Fate(name, host, engine_id, last.at if last else None, heir, aside is not None)


def removed_container(actor: Actor, pk: int) -> Fate:
    """Return what became of the container that had a row's id, which only jobs on it remember.

    Raises Unknown for one that is there, that no job was about, or that is not to be seen.
    """
    known = 0 < pk < 2**63 and not Container.objects.filter(pk=pk).exists()
    jobs = visible_jobs(actor).filter(target_kind="container", target_id=pk) if known else None
    job = jobs.order_by("-pk").first() if jobs is not None else None
    if job is None:
        raise Unknown(_("container"))
    return container_fate(
        actor, host_id=job.host_id or 0, engine_id=job.target_engine_id, name=job.target_name
    )


_REMOVAL = Q(kind="destroy") | Q(kind="seen", to_state="")


# --- What its engine tells -----------------------------------------------------------------


def container_processes(actor: Actor, pk: int) -> Answer[ProcessTable]:
    """Return what runs inside, arguments that look secret masked. Raises Unknown."""
    row = access_container(actor, pk)
    if row.state not in ALIVE:
        return Answer(problem=_("It is not running, so it has no processes."), lasting=True)
    answer = ask(row.host, lambda engine: engine.top(row.engine_id))
    table = answer.value
    if table is None:
        return answer
    rows = tuple(tuple(mask_text(cell) for cell in cells) for cells in table.rows)
    return replace(answer, value=ProcessTable(table.titles, rows))


@dataclass(frozen=True)
class Changes:
    """Paths that differ from the image, the first of them, and how many there are."""

    shown: list[FileChange]
    total: int


def container_changes(actor: Actor, pk: int) -> Answer[Changes]:
    """Return what was written to the container's own layer. Raises Unknown."""
    row = access_container(actor, pk)

    def question(engine: Any) -> Changes:
        found = engine.changes(row.engine_id)
        return Changes(found[:CHANGES_SHOWN], len(found))

    return ask(row.host, question)


def container_inspect(actor: Actor, pk: int) -> Answer[dict[str, Any]]:
    """Return all that the engine knows, secrets masked whoever asks. Raises Unknown."""
    row = access_container(actor, pk)
    return ask(row.host, lambda engine: as_dict(mask_tree(engine.inspect(row.engine_id))))


@dataclass(frozen=True)
class Variable:
    """One variable of the environment; `hidden` when a part of the value is masked."""

    name: str
    value: str
    hidden: bool


def container_environment(
    actor: Actor, pk: int, *, reveal: bool = False, only: str = ""
) -> Answer[list[Variable]]:
    """Return the environment by name, secret-looking values masked.

    `reveal` shows them, those named `only` or all, and writes that down in the audit log. It needs
    the permission `container.secrets`. Raises Unknown, Refused.
    """
    row = access_container(actor, pk, SECRETS if reveal else "container.view")
    answer = ask(row.host, lambda engine: _pairs(engine.inspect(row.engine_id)))
    if answer.value is None:
        return Answer(problem=answer.problem, raw=answer.raw)
    variables = [
        _variable(name, value, show=reveal and only in {"", name}) for name, value in answer.value
    ]
    if reveal:
        asked = [name for name, value in answer.value if only in {"", name} and _hides(name, value)]
        audit.record(actor, SECRETS, row, detail={"names": [name[:200] for name in asked][:200]})
    return Answer(variables)


def _pairs(inspected: object) -> list[tuple[str, str]]:
    config = as_dict(as_dict(inspected).get("Config"))
    parted = (as_str(item).partition("=") for item in as_list(config.get("Env")))
    return sorted((name, value) for name, _mark, value in parted if name)


def _hides(name: str, value: str) -> bool:
    return mask_value(name, value) != value


def _variable(name: str, value: str, *, show: bool) -> Variable:
    if show:
        return Variable(name, value, hidden=False)
    masked = mask_value(name, value)
    return Variable(name, masked, hidden=masked != value)


# --- Health --------------------------------------------------------------------------------


@dataclass(frozen=True)
class HealthCheck:
    """One run of the health check."""

    at: datetime | None
    seconds: float | None
    exit_code: int
    output: str

    @property
    def passed(self) -> bool:
        """Return whether it said healthy."""
        return self.exit_code == 0


@dataclass(frozen=True)
class HealthLog:
    """The last runs, newest first, how many failed in a row, and what is run."""

    command: str
    failing: int
    checks: list[HealthCheck]


def container_health_log(actor: Actor, pk: int) -> Answer[HealthLog]:
    """Return the last results of the container's own health check. Raises Unknown."""
    row = access_container(actor, pk)
    return ask(row.host, lambda engine: _health_log(engine.inspect(row.engine_id)))


def _health_log(inspected: object) -> HealthLog:
    said = as_dict(inspected)
    state, config = as_dict(said.get("State")), as_dict(said.get("Config"))
    health = as_dict(state.get("Health") or state.get("Healthcheck"))
    test = [as_str(word) for word in as_list(as_dict(config.get("Healthcheck")).get("Test"))]
    words = mask_words(test[1:] if test[:1] in (["CMD"], ["CMD-SHELL"]) else test)
    checks = [_check(as_dict(entry)) for entry in as_list(health.get("Log"))]
    return HealthLog(" ".join(words), as_int(health.get("FailingStreak")), checks[::-1])


def _check(said: dict[str, Any]) -> HealthCheck:
    began, ended = parse_time(said.get("Start")), parse_time(said.get("End"))
    output = as_str(said.get("Output")).strip()
    return HealthCheck(
        at=ended or began,
        seconds=(ended - began).total_seconds() if began and ended else None,
        exit_code=as_int(said.get("ExitCode")),
        output=mask_text(output)[:OUTPUT_SHOWN],
    )


__all__ = [
    "MASK",
    "Answer",
    "Changes",
    "Fate",
    "HealthCheck",
    "HealthLog",
    "Overview",
    "Variable",
    "container_changes",
    "container_environment",
    "container_fate",
    "container_health_log",
    "container_inspect",
    "container_overview",
    "container_processes",
    "removed_container",
]
