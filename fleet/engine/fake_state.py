"""The containers of a fake engine: states that really change, events, logs. No HTTP here."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
ZERO_TIME = "0001-01-01T00:00:00Z"
EVENTS_KEPT = 256
LOG_LINES_KEPT = 100_000


class Refusal(Exception):
    """What the engine answers instead: an HTTP status and its message."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status, self.message = status, message


def now_text() -> str:
    """This moment as engines write it."""
    return time_text(time.time_ns())


def time_text(ns: int) -> str:
    """A time as engines write it."""
    moment = datetime.fromtimestamp(ns // 10**9, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}Z"


@dataclass
class LogLine:
    """One line: when (ns), to which stream (1 stdout, 2 stderr), what."""

    at_ns: int
    stream: int
    data: bytes


def to_ns(text: str) -> int:
    """Unix seconds with a fraction, as in the API's since=, in ns."""
    whole, _, fraction = text.partition(".")
    return int(whole or 0) * 10**9 + int(f"{fraction[:9]:0<9}")


def log_frame(line: LogLine, tty: bool, stamps: bool) -> bytes:
    """A line as the API sends it: framed unless there is a terminal, with its time if wanted."""
    head = time_text(line.at_ns).encode() + b" " if stamps else b""
    data = head + line.data
    return data if tty else struct.pack(">BxxxL", line.stream, len(data)) + data


def lines_behind(log: Iterable[LogLine], last: LogLine | None) -> list[LogLine]:
    """Return what was written after a line, all when that one is gone."""
    lines = list(log)
    places = [place for place, line in enumerate(lines) if line is last]
    return lines[places[0] + 1 :] if places else lines


@dataclass
class FakeContainer:
    """One container and all that ``inspect`` tells of it."""

    id: str
    name: str
    image: str
    command: tuple[str, ...] = ("sleep", "3600")
    labels: dict[str, str] = field(default_factory=dict)
    env: list[str] = field(default_factory=list)
    tty: bool = False
    state: str = "created"
    health: str = ""
    exit_code: int = 0
    oom_killed: bool = False
    restart_count: int = 0
    pid: int = 0
    removed: bool = False
    measured: int = 0  # streams of its usage that are open
    created: str = field(default_factory=now_text)
    started: str = ZERO_TIME
    finished: str = ZERO_TIME
    ports: dict[str, list[Json]] = field(default_factory=dict)
    made_of: str = ""  # the id of its image, where that does not follow from the name
    # What it was made with, and is told again: the rest of Config, HostConfig, and its networks.
    config: Json = field(default_factory=dict)
    host_config: Json = field(default_factory=dict)
    networks: dict[str, Json] = field(default_factory=lambda: {"bridge": {}})
    log: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LOG_LINES_KEPT))
    written: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_up(self) -> bool:
        """Running or frozen."""
        return self.state in ("running", "paused")

    @property
    def image_id(self) -> str:
        """What it was made of, or a digest that follows from the image's name."""
        return self.made_of or "sha256:" + hashlib.sha256(self.image.encode()).hexdigest()

    def write(self, text: str, stream: int = 1, ahead_ns: int = 0) -> None:
        """Write one line of output, by a clock that may be ahead of ours."""
        self.log.append(LogLine(time.time_ns() + ahead_ns, stream, text.encode() + b"\n"))
        self.wake()

    def wake(self) -> None:
        """Let the log followers look."""
        self.written.set()
        self.written = asyncio.Event()

    def inspect(self) -> Json:
        """``GET /containers/{id}/json``."""
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Created": self.created,
            "Path": self.command[0] if self.command else "",
            "Args": list(self.command[1:]),
            "State": self._state(),
            "Image": self.image_id,
            "RestartCount": self.restart_count,
            "Config": {
                "Hostname": self.id[:12],
                **self.config,
                "Image": self.image,
                "Labels": self.labels,
                "Env": self.env,
                "Cmd": list(self.command),
                "Tty": self.tty,
                "ExposedPorts": {port: {} for port in self.ports},
            },
            "HostConfig": {
                "NetworkMode": "default",
                "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
                **self.host_config,
            },
            "Mounts": [],
            "NetworkSettings": {
                "Ports": self.ports if self.is_up else {},
                "Networks": {name: self._network() | end for name, end in self.networks.items()},
            },
        }

    def _state(self) -> Json:
        state: Json = {
            "Status": self.state,
            "Running": self.is_up,
            "Paused": self.state == "paused",
            "Restarting": False,
            "OOMKilled": self.oom_killed,
            "Dead": self.state == "dead",
            "Pid": self.pid,
            "ExitCode": self.exit_code,
            "Error": "",
            "StartedAt": self.started,
            "FinishedAt": self.finished,
        }
        if self.health:
            state["Health"] = {"Status": self.health, "FailingStreak": 0, "Log": []}
        return state

    def _network(self) -> Json:
        last = int(self.id[:2], 16)
        address = f"172.17.{int(self.id[2:4], 16)}.{last}" if self.is_up else ""
        return {
            "IPAddress": address,
            "Gateway": "172.17.0.1" if self.is_up else "",
            "MacAddress": f"02:42:ac:11:00:{last:02x}" if self.is_up else "",
        }

    def summary(self) -> Json:
        """Its item of ``GET /containers/json``."""
        words = {"running": "Up 1 minute", "paused": "Up 1 minute (Paused)", "created": "Created"}
        status = words.get(self.state, f"Exited ({self.exit_code}) 1 minute ago")
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Image": self.image,
            "ImageID": self.image_id,
            "Command": " ".join(self.command),
            "Created": int(datetime.fromisoformat(self.created[:26] + "+00:00").timestamp()),
            "State": self.state,
            "Status": status + (f" ({self.health})" if self.health and self.is_up else ""),
            "Labels": self.labels,
            "HostConfig": {"NetworkMode": self.host_config.get("NetworkMode", "default")},
            "Ports": [],
            "Mounts": [],
        }


class FakeState:
    """All containers of one fake engine, its event bus, and what may be done to them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.engine_id = f"FAKE:{name}"
        self.containers: dict[str, FakeContainer] = {}
        self.history: deque[Json] = deque(maxlen=EVENTS_KEPT)
        self.subscribers: set[asyncio.Queue[Json]] = set()
        self.on_image: Callable[[str, str], None] = lambda name, ident: None
        self.ahead_ns = 0  # what its clock is ahead of ours
        self.broken: dict[str, int] = {}  # ids of images that end at once, and with which code
        self._numbers = itertools.count(1)

    def become_clone_of(self, other: FakeState) -> None:
        """Hold what a copy of the other's disk would: its engine id, its containers, its past."""
        self.engine_id = other.engine_id
        self.history.extend(other.history)
        for it in other.containers.values():
            log = deque(it.log, maxlen=LOG_LINES_KEPT)
            self.containers[it.id] = replace(it, log=log, written=asyncio.Event())

    # -- looking --------------------------------------------------------------------------------

    def find(self, ref: str) -> FakeContainer:
        """By id, unambiguous start of an id, or name. Raises ``Refusal`` 404."""
        found = self.containers.get(ref) or self._by_name(ref)
        if found is None and len(ref) >= 4:
            starts = [c for c in self.containers.values() if c.id.startswith(ref)]
            found = starts[0] if len(starts) == 1 else None
        if found is None:
            raise Refusal(404, f"No such container: {ref}")
        return found

    def _by_name(self, name: str) -> FakeContainer | None:
        name = name.lstrip("/")
        return next((c for c in self.containers.values() if c.name == name), None)

    def users(self, image_id: str) -> list[FakeContainer]:
        """The containers that were made of an image."""
        return [c for c in self.containers.values() if c.image_id == image_id]

    def since(self, at_ns: int) -> Iterator[Json]:
        """Past events from a time on."""
        return (event for event in list(self.history) if event["timeNano"] >= at_ns)

    # -- changing -------------------------------------------------------------------------------

    def add(
        self,
        name: str = "",
        image: str = "busybox:1",
        *,
        state: str = "running",
        command: tuple[str, ...] = ("sleep", "3600"),
        labels: dict[str, str] | None = None,
        tty: bool = False,
        env: list[str] | None = None,
        made_of: str = "",
    ) -> FakeContainer:
        """A new container in a state, with the events that lead there."""
        number = next(self._numbers)
        name = name or f"container-{number}"
        if self._by_name(name):
            raise Refusal(409, f'Conflict. The container name "/{name}" is already in use.')
        ident = hashlib.sha256(f"{self.name}/{number}/{time.time_ns()}".encode()).hexdigest()
        made = FakeContainer(ident, name, image, command, labels or {}, list(env or ()), tty, pid=0)
        made.made_of = made_of
        self.containers[ident] = made
        self.on_image(image, made.image_id)
        self.emit("create", made)
        if state != "created":
            self.start(made)
        if state == "paused":
            self.pause(made)
        elif state in ("exited", "dead"):
            self.die(made, 0)
            made.state = state
        return made

    def emit(self, action: str, on: FakeContainer, **more: str) -> None:
        """Tell all subscribers what became of a container."""
        attributes = {"image": on.image, "name": on.name, **on.labels, **more}
        self.tell("container", action, on.id, attributes)

    def tell(self, kind: str, action: str, ident: str, attributes: dict[str, str]) -> None:
        """Tell all subscribers what became of anything."""
        ns = time.time_ns()
        event = {
            "Type": kind,
            "Action": action,
            "Actor": {"ID": ident, "Attributes": attributes},
            "scope": "local",
            "time": ns // 10**9,
            "timeNano": ns,
        }
        self.history.append(event)
        for queue in self.subscribers:
            queue.put_nowait(event)

    def start(self, it: FakeContainer) -> None:
        """Raises ``Refusal`` 304 when it is up."""
        if it.is_up:
            raise Refusal(304)
        it.state, it.started, it.exit_code, it.oom_killed = "running", now_text(), 0, False
        it.pid = 1000 + next(self._numbers)
        self.emit("start", it)
        if it.image_id in self.broken:
            it.write("cannot go on")
            self.die(it, self.broken[it.image_id])

    def die(self, it: FakeContainer, exit_code: int, *, oom: bool = False) -> None:
        """End it, as a signal or its own end would."""
        it.state, it.exit_code, it.finished, it.pid = "exited", exit_code, now_text(), 0
        it.oom_killed = oom
        if oom:
            self.emit("oom", it)
        self.emit("die", it, exitCode=str(exit_code))
        it.wake()

    def stop(self, it: FakeContainer) -> None:
        """Raises ``Refusal`` 304 when it is down."""
        if not it.is_up:
            raise Refusal(304)
        self.emit("kill", it, signal="15")
        self.die(it, 137)
        self.emit("stop", it)

    def restart(self, it: FakeContainer) -> None:
        """Stop if up, start."""
        if it.is_up:
            self.stop(it)
        self.start(it)
        self.emit("restart", it)

    def kill(self, it: FakeContainer, signal: str) -> None:
        """SIGKILL, SIGTERM and SIGINT end it; others are noticed only."""
        self._want(it.is_up, it, "is not running")
        self.emit("kill", it, signal=signal)
        if signal.upper().removeprefix("SIG") in ("KILL", "TERM", "INT", "9", "15", "2"):
            self.die(it, 137)

    def pause(self, it: FakeContainer) -> None:
        """Freeze a running one."""
        self._want(it.state != "paused", it, "is already paused")
        self._want(it.state == "running", it, "is not running")
        it.state = "paused"
        self.emit("pause", it)

    def unpause(self, it: FakeContainer) -> None:
        """Go on."""
        self._want(it.state == "paused", it, "is not paused")
        it.state = "running"
        self.emit("unpause", it)

    def rename(self, it: FakeContainer, name: str) -> None:
        """Raises ``Refusal`` 400 and 409 as Docker does."""
        if not name or not all(c.isalnum() or c in "_.-" for c in name):
            raise Refusal(400, f"Invalid container name ({name})")
        if self._by_name(name):
            raise Refusal(409, f'Conflict. The container name "/{name}" is already in use.')
        old, it.name = it.name, name
        self.emit("rename", it, oldName=f"/{old}")

    def remove(self, it: FakeContainer, force: bool) -> None:
        """Needs force when it is up."""
        self._want(force or not it.is_up, it, "is running: stop it before removal or force remove")
        if it.is_up:
            self.kill(it, "SIGKILL")
        it.removed = True
        del self.containers[it.id]
        self.emit("destroy", it)

    def set_health(self, it: FakeContainer, health: str) -> None:
        """As a health check would."""
        it.health = health
        self.emit(f"health_status: {health}", it)

    @staticmethod
    def _want(condition: bool, it: FakeContainer, otherwise: str) -> None:
        if not condition:
            raise Refusal(409, f"Container {it.id} {otherwise}")
