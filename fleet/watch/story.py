"""From an engine's events to event rows: what changed, from which state to which.

A `Story` knows of each container what the events have told so far. So every event row carries the
state before and after, and a change that no event told (it happened while nobody listened) is
noticed and told afterwards, with the kind "seen".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fleet.engine.raw import UP
from fleet.engine.types import ContainerFacts, EngineEvent
from fleet.models import Event
from fleet.models.events import STACK_LIMIT
from fleet.selectors.exit_codes import exit_code_by, is_harmless
from fleet.watch.rows import clean

# What happens all the time and changes nothing that anybody would look for: health checks run by
# exec, people looking, terminals coming and going, layers being read, Podman's own housekeeping,
# and volumes that a starting container mounts.
NOISE = {
    "container": frozenset(
        {"top", "attach", "detach", "archive-path", "extract-to-dir", "copy", "export", "resize",
         "commit", "checkpoint", "init", "cleanup", "mount", "unmount", "sync", "stats"}
    ),
    "image": frozenset({"save", "mount", "unmount"}),
    "volume": frozenset({"mount", "unmount"}),
}  # fmt: skip
# State that follows from an action.
AFTER = {
    "create": "created",
    "start": "running",
    "die": "exited",
    "pause": "paused",
    "unpause": "running",
    "destroy": "",
}
# Events after which nothing about the container itself is different.
UNCHANGED = frozenset({"kill"})
# An engine may say more exactly how a process ended than "die" does.
WAYS_TO_END = frozenset({"restarting", "removing", "dead"})
# The attributes of events that people ask for; the rest are the container's labels.
DETAILS = {
    "exitCode": "exit_code",
    "signal": "signal",
    "image": "image",
    "oldName": "old_name",
    "container": "container",
    "driver": "driver",
    "type": "type",
    "execDuration": "seconds",
}
# Of a container's labels: whose part it is, and what tells one deploy from another.
LABELS = {
    "com.docker.compose.project": "stack",
    "com.docker.stack.namespace": "stack",
    "com.docker.compose.config-hash": "config_hash",
    "com.docker.compose.image": "image_id",
}
OF_CREATE = frozenset({"config_hash", "image_id"})
NUMBERS = frozenset({"exit_code", "seconds"})
DETAIL_LIMIT = 300
# A stop sends a signal, waits for ten seconds (or longer, as told) and sends another.
ENDS_AFTER_SIGNAL = timedelta(seconds=15)
Key = tuple[datetime, str, str]


@dataclass
class Told:
    """State and health of a container, as the event rows so far say, and the last signal."""

    state: str = ""
    health: str = ""
    signal: str = ""
    signal_at: datetime | None = None

    def signal_before(self, row: Event) -> str:
        """Return the signal that made a process end, of which the row tells; or ""."""
        sent = self.signal_at
        if sent is None or sent > row.at:
            return ""
        soon = row.at <= sent + ENDS_AFTER_SIGNAL
        by_it = row.detail.get("exit_code") == exit_code_by(self.signal)
        return self.signal if soon or by_it else ""


@dataclass(frozen=True)
class Suspect:
    """A container found changed by a list: what was told before, and how it is (None: gone)."""

    before: Told
    name: str
    facts: ContainerFacts | None


def is_noise(event: EngineEvent) -> bool:
    """Tell whether an event is not worth a row."""
    # Build cache is pruned after each build, and nearly always nothing is too much.
    nothing = event.action == "prune" and event.attributes.get("reclaimed") == "0"
    return event.is_exec or nothing or event.action in NOISE.get(event.kind, ())


def touched(event: EngineEvent) -> str:
    """Return the engine's id of the container that must be looked at again, or an empty string."""
    if event.kind == "container":
        return "" if event.action in UNCHANGED else event.object_id
    return network_member(event)


def network_member(event: EngineEvent) -> str:
    """Return the engine's id of the container that joined or left a network, or ""."""
    if event.kind == "network" and event.action in {"connect", "disconnect"}:
        return event.attributes.get("container", "")
    return ""


def key_of(event: EngineEvent) -> Key:
    """Return what tells an event from every other of its host."""
    return event.at, event.action[:40], event.object_id[:100]


@dataclass
class Story:
    """What the events of one host have told.

    `recorded` holds the events that already have rows: after a pause an engine is asked for a
    little more than what is missing, and must not be recorded twice.
    """

    host_id: int
    told: dict[str, Told] = field(default_factory=dict)
    recorded: set[Key] = field(default_factory=set)
    # Containers found changed by a list, until an event tells why.
    suspects: dict[str, Suspect] = field(default_factory=dict)

    def up(self) -> list[str]:
        """Return the engine's ids of the containers whose processes exist."""
        return [ident for ident, told in self.told.items() if told.state in UP]

    def tell(self, event: EngineEvent) -> Event | None:
        """Return the row of an event, or None when it is noise, known or says nothing new."""
        if is_noise(event) or key_of(event) in self.recorded:
            return None
        row = Event(
            host_id=self.host_id,
            at=event.at,
            kind=clean(event.action)[:40],
            object_kind=clean(event.kind)[:20],
            object_id=clean(event.object_id)[:100],
            object_name=clean(event.object_name or event.object_id)[:512],
            detail=_detail(event),
            stack=_stack(event.attributes) if event.kind == "container" else None,
        )
        if event.kind == "container" and not self._change(event, row):
            return None
        return None if self._goes_with_the_container(event) else row

    def _goes_with_the_container(self, event: EngineEvent) -> bool:
        """Tell whether a network is joined or left only because a container starts or ends."""
        container = network_member(event)
        return bool(container) and self.told.get(container, Told()).state != "running"

    def _change(self, event: EngineEvent, row: Event) -> bool:
        """Fill in the states; False when the event says nothing new."""
        self.suspects.pop(event.object_id, None)
        told = self.told.setdefault(event.object_id, Told())
        if event.action == "health_status":
            if told.health == event.detail:
                return False
            row.from_state, row.to_state = told.health, event.detail[:40]
            told.health = row.to_state
        elif event.action == "kill":
            self._remember_signal(told, row)
        elif event.action in AFTER:
            row.from_state, row.to_state = told.state, AFTER[event.action]
            told.state = row.to_state
            if event.action == "die" and (signal := told.signal_before(row)):
                row.detail["signal"] = signal
            if event.action == "start":
                told.signal, told.signal_at = "", None
            if event.action == "destroy":
                del self.told[event.object_id]
        return True

    def _remember_signal(self, told: Told, row: Event) -> None:
        signal = str(row.detail.get("signal", ""))
        if signal and not is_harmless(signal):
            told.signal, told.signal_at = signal, row.at

    def settle(self, facts: ContainerFacts, rows: Iterable[Event]) -> None:
        """Make what the events told of a container as exact as what the engine says of it now.

        `rows` are the unsaved event rows of the same batch.
        """
        told = self.told.setdefault(facts.engine_id, Told(state=facts.state))
        own = [row for row in rows if row.object_id == facts.engine_id]
        # "healthy" and "unhealthy" are left to their event, which may be on its way.
        if facts.health in {"", "starting"} and not any(row.kind == "health_status" for row in own):
            told.health = facts.health
        died = next((row for row in reversed(own) if row.kind == "die"), None)
        if died and facts.oom_killed and told.state == "exited":
            died.detail["oom"] = True
        if told.state == "exited" and facts.state in WAYS_TO_END:
            told.state = facts.state
            if died:
                died.to_state = facts.state

    def begin(self, facts: ContainerFacts) -> None:
        """Take a container as it is, on a host whose story begins now."""
        self.told[facts.engine_id] = Told(facts.state, facts.health)

    def compare(self, facts: ContainerFacts) -> None:
        """Suspect a container that a list shows otherwise than was told."""
        before = self.told.get(facts.engine_id, Told())
        # An engine calls the health check of a container that it stops failed.
        checked = facts.state == "running" and facts.health in {"healthy", "unhealthy"}
        by_health = checked and before.health != facts.health
        if before.state != facts.state or by_health:
            suspect = Suspect(Told(before.state, before.health), facts.name, facts)
            self.suspects[facts.engine_id] = suspect
        else:
            before.health = facts.health

    def miss(self, gone: dict[str, str]) -> None:
        """Suspect containers (id -> name) that a list no longer shows."""
        for engine_id, name in gone.items():
            self.suspects[engine_id] = Suspect(self.told.get(engine_id, Told()), name, None)

    def confess(self, now: datetime) -> list[Event]:
        """Return a "seen" row for every suspect that no event has explained since."""
        rows = [self._seen(engine_id, found, now) for engine_id, found in self.suspects.items()]
        self.suspects.clear()
        return rows

    def _seen(self, engine_id: str, found: Suspect, now: datetime) -> Event:
        before, facts = found.before, found.facts
        after = Told(facts.state, facts.health) if facts else Told()
        if facts:
            self.told[engine_id] = after
        else:
            self.told.pop(engine_id, None)
        by_health = before.state == after.state
        return Event(
            host_id=self.host_id,
            at=now,
            kind="seen",
            object_kind="container",
            object_id=engine_id[:100],
            object_name=clean(found.name)[:512],
            from_state=before.health if by_health else before.state,
            to_state=after.health if by_health else after.state,
            detail={"image": clean(facts.image)[:DETAIL_LIMIT]} if facts else {},
            stack=_stack(facts.labels) if facts else None,
        )


def _stack(labels: Mapping[str, str]) -> str | None:
    """Return the stack that a container's labels name."""
    found = (labels.get(label) for label, name in LABELS.items() if name == "stack")
    return clean(next(filter(None, found), ""))[:STACK_LIMIT] or None


def _detail(event: EngineEvent) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for attribute, name in DETAILS.items():
        value = event.attributes.get(attribute)
        if value and not (event.kind == "image" and attribute == "image"):
            text = clean(value)[:DETAIL_LIMIT].removeprefix("/")
            found[name] = int(text) if name in NUMBERS and text.isdecimal() else text
    if event.kind == "container":
        for label, name in LABELS.items():
            value = event.attributes.get(label)
            if value and (name not in OF_CREATE or event.action == "create"):
                found[name] = clean(value)[:DETAIL_LIMIT]
    if event.detail and event.action != "health_status":
        found["message"] = clean(event.detail)[:DETAIL_LIMIT]
    return found
