"""What engines say, as frozen dataclasses, parsed from raw JSON.

Every parser takes the engine's JSON as it came, from Docker 20.10 to the newest and from Podman's
Docker-compatible service, and never raises on a key that is missing, null or of another type.
All times are aware UTC; the engine's zero time ("0001-01-01T00:00:00Z") is ``None``.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from fleet.engine.raw import (
    Json,
    as_dict,
    as_int,
    as_list,
    as_str,
    from_seconds,
    parse_state,
    parse_time,
    strings,
)
from fleet.engine.usage import DiskUsage, FileChange, ProcessTable, UsageFacts

__all__ = [
    "ContainerFacts",
    "ContainerSummary",
    "DiskUsage",
    "EngineEvent",
    "EngineFacts",
    "FileChange",
    "Json",
    "LogFrame",
    "MountFacts",
    "NetworkFacts",
    "PortFacts",
    "ProcessTable",
    "UsageFacts",
]

# -- the engine ---------------------------------------------------------------------------------

PODMAN = "Podman Engine"


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine says of itself; ``memory`` in bytes, ``engine_id`` not unique (clones)."""

    engine_id: str
    name: str
    version: str
    api_version: str
    min_api_version: str
    os: str
    arch: str
    kernel: str
    cpus: int
    memory: int
    containers: int
    running: int
    paused: int
    stopped: int
    images: int
    storage_driver: str
    swarm_state: str
    is_podman: bool
    product: str


def parse_facts(info: object, version: object) -> EngineFacts:
    """Facts from ``GET /info`` and ``GET /version``."""
    said, ver = as_dict(info), as_dict(version)
    podman = is_podman(ver)
    return EngineFacts(
        engine_id=as_str(said.get("ID")),
        name=as_str(said.get("Name")),
        version=as_str(ver.get("Version")) or as_str(said.get("ServerVersion")),
        api_version=as_str(ver.get("ApiVersion")),
        min_api_version=as_str(ver.get("MinAPIVersion")),
        os=as_str(said.get("OperatingSystem")) or as_str(ver.get("Os")),
        arch=as_str(said.get("Architecture")) or as_str(ver.get("Arch")),
        kernel=as_str(said.get("KernelVersion")) or as_str(ver.get("KernelVersion")),
        cpus=as_int(said.get("NCPU")),
        memory=as_int(said.get("MemTotal")),
        containers=as_int(said.get("Containers")),
        running=as_int(said.get("ContainersRunning")),
        paused=as_int(said.get("ContainersPaused")),
        stopped=as_int(said.get("ContainersStopped")),
        images=as_int(said.get("Images")),
        storage_driver=as_str(said.get("Driver")),
        swarm_state=as_str(as_dict(said.get("Swarm")).get("LocalNodeState")) or "inactive",
        is_podman=podman,
        product=PODMAN if podman else "Docker Engine",
    )


def is_podman(version: Json) -> bool:
    """True when ``GET /version`` comes from Podman's Docker-compatible service."""
    names = [as_str(as_dict(part).get("Name")) for part in as_list(version.get("Components"))]
    return any(name.startswith("Podman") for name in names)


# -- containers ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PortFacts:
    """One published or exposed port; ``host_port`` is ``None`` when it is only exposed."""

    container_port: int
    protocol: str
    host_ip: str
    host_port: int | None


@dataclass(frozen=True, slots=True)
class MountFacts:
    """One mount: bind, volume (then ``name``), tmpfs …"""

    type: str
    source: str
    destination: str
    mode: str
    rw: bool
    name: str


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """One network that the container is attached to."""

    name: str
    ip: str
    gateway: str
    mac: str


@dataclass(frozen=True, slots=True)
class ContainerSummary:
    """One line of the engine's container list. ``status`` is its sentence ("Up 3 minutes")."""

    engine_id: str
    name: str
    names: tuple[str, ...]
    image: str
    image_id: str
    state: str
    status: str
    labels: dict[str, str]
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """All that pages show of one container. Its environment is left out: it holds secrets."""

    engine_id: str
    name: str
    names: tuple[str, ...]
    image: str
    image_id: str
    state: str
    health: str
    exit_code: int | None
    oom_killed: bool
    restart_count: int
    ports: tuple[PortFacts, ...]
    mounts: tuple[MountFacts, ...]
    networks: tuple[NetworkFacts, ...]
    labels: dict[str, str]
    compose_project: str
    compose_service: str
    swarm_service: str
    swarm_task: str
    command: str
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    pid: int
    tty: bool = False
    rotates: bool = False  # its log is kept in files that make room for newer ones
    log_path: str = ""  # its log's file on the engine's machine, "" for other log drivers
    log_files: int = 1  # that one and older ones, at most so many; 0: they are compressed
    open_stdin: bool = False


_NO = frozenset({"", "0", "f", "F", "false", "False", "FALSE"})  # as engines read it
_ENDED = frozenset({"exited", "dead"})
_KILLED = 137  # the exit code of a process that was sent SIGKILL, as by the kernel
HEALTHS = frozenset({"starting", "healthy", "unhealthy"})


def parse_summary(raw: object) -> ContainerSummary:
    """One item of ``GET /containers/json``."""
    said = as_dict(raw)
    names = tuple(as_str(name).lstrip("/") for name in as_list(said.get("Names")))
    # A link adds "/other/alias" to the names; the container's own has no slash inside.
    own = [name for name in names if "/" not in name] or list(names)
    return ContainerSummary(
        engine_id=as_str(said.get("Id")),
        name=own[0] if own else "",
        names=names,
        image=as_str(said.get("Image")),
        image_id=as_str(said.get("ImageID")),
        state=parse_state(said.get("State")),
        status=as_str(said.get("Status")),
        labels=strings(said.get("Labels")),
        created_at=parse_time(said.get("Created")),
    )


def parse_container(raw: object) -> ContainerFacts:
    """``GET /containers/{id}/json`` as facts."""
    said = as_dict(raw)
    config, state = as_dict(said.get("Config")), as_dict(said.get("State"))
    log_config = as_dict(as_dict(said.get("HostConfig")).get("LogConfig"))
    labels = strings(config.get("Labels"))
    name = as_str(said.get("Name")).lstrip("/")
    status = parse_state(state.get("Status"))
    return ContainerFacts(
        engine_id=as_str(said.get("Id")),
        name=name,
        names=(name,),
        image=as_str(config.get("Image")) or as_str(said.get("ImageName")),
        image_id=as_str(said.get("Image")),
        state=status,
        health=_health(state),
        exit_code=as_int(state.get("ExitCode")) if status in _ENDED else None,
        # The flag tells of any process of it; one that ended otherwise ended by itself.
        oom_killed=state.get("OOMKilled") is True and as_int(state.get("ExitCode")) == _KILLED,
        restart_count=as_int(said.get("RestartCount")),
        ports=_ports(as_dict(said.get("NetworkSettings")), config),
        mounts=tuple(_mount(as_dict(mount)) for mount in as_list(said.get("Mounts"))),
        networks=_networks(as_dict(said.get("NetworkSettings"))),
        labels=labels,
        compose_project=labels.get("com.docker.compose.project", ""),
        compose_service=labels.get("com.docker.compose.service", ""),
        swarm_service=labels.get("com.docker.swarm.service.name", ""),
        swarm_task=labels.get("com.docker.swarm.task.name", ""),
        command=_command(said, config),
        created_at=parse_time(said.get("Created")),
        started_at=parse_time(state.get("StartedAt")),
        finished_at=parse_time(state.get("FinishedAt")),
        pid=as_int(state.get("Pid")),
        tty=config.get("Tty") is True,
        rotates=_rotates(log_config),
        log_path=as_str(said.get("LogPath")),
        log_files=_log_files(as_dict(log_config.get("Config"))),
        open_stdin=config.get("OpenStdin") is True,
    )


def _rotates(log_config: Json) -> bool:
    limit = as_str(as_dict(log_config.get("Config")).get("max-size"))
    return log_config.get("Type") == "local" or limit not in ("", "-1")


def _log_files(options: Json) -> int:
    packed = as_str(options.get("compress")) not in _NO
    return 0 if packed else as_int(options.get("max-file"), 1)


def _health(state: Json) -> str:
    word = as_str(as_dict(state.get("Health") or state.get("Healthcheck")).get("Status")).lower()
    return word if word in HEALTHS else ""


def _command(said: Json, config: Json) -> str:
    words = [as_str(said.get("Path")), *map(as_str, as_list(said.get("Args")))]
    if not words[0]:
        parts = [config.get("Entrypoint"), config.get("Cmd")]
        words = [as_str(w) for p in parts for w in ([p] if isinstance(p, str) else as_list(p))]
    return shlex.join(word for word in words if word)


def _ports(settings: Json, config: Json) -> tuple[PortFacts, ...]:
    found: list[PortFacts] = []
    published = as_dict(settings.get("Ports"))
    exposed = as_dict(config.get("ExposedPorts"))
    for key in {**published, **exposed}:
        number, _, protocol = str(key).partition("/")
        port, protocol = as_int(number), protocol or "tcp"
        bindings = [as_dict(item) for item in as_list(published.get(key))]
        for item in bindings:
            host_port = as_int(item.get("HostPort")) or None
            found.append(PortFacts(port, protocol, as_str(item.get("HostIp")), host_port))
        if not bindings:
            found.append(PortFacts(port, protocol, "", None))
    return tuple(sorted(found, key=lambda p: (p.container_port, p.protocol, p.host_ip)))


def _mount(said: Json) -> MountFacts:
    return MountFacts(
        type=as_str(said.get("Type")),
        source=as_str(said.get("Source")),
        destination=as_str(said.get("Destination")),
        mode=as_str(said.get("Mode")),
        rw=said.get("RW") is True,
        name=as_str(said.get("Name")),
    )


def _networks(settings: Json) -> tuple[NetworkFacts, ...]:
    return tuple(
        NetworkFacts(
            name=str(name),
            ip=as_str(as_dict(said).get("IPAddress")),
            gateway=as_str(as_dict(said).get("Gateway")),
            mac=as_str(as_dict(said).get("MacAddress")),
        )
        for name, said in sorted(as_dict(settings.get("Networks")).items())
    )


# -- events -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """One thing that happened. ``detail`` is what follows the colon of the engine's action."""

    at: datetime
    at_ns: int
    kind: str
    action: str
    detail: str
    object_id: str
    object_name: str
    attributes: dict[str, str]

    @property
    def is_exec(self) -> bool:
        """True for exec events: health checks make them all the time and nothing changes."""
        return self.action.startswith("exec")


# Podman's words for Docker's actions on containers.
_PODMAN_ACTIONS = {"died": "die", "remove": "destroy"}


def parse_event(raw: object) -> EngineEvent:
    """One object of ``GET /events``."""
    said = as_dict(raw)
    actor = as_dict(said.get("Actor"))
    attributes = strings(actor.get("Attributes"))
    kind = as_str(said.get("Type")) or "container"
    action, _, detail = as_str(said.get("Action") or said.get("status")).partition(":")
    action = action.strip()
    if kind == "container":
        action = _PODMAN_ACTIONS.get(action, action)
    at_ns = as_int(said.get("timeNano")) or as_int(said.get("time")) * 10**9
    return EngineEvent(
        at=from_seconds(at_ns / 1e9) or datetime.fromtimestamp(0, UTC),
        at_ns=at_ns,
        kind=kind,
        action=action,
        detail=detail.strip() or _health_detail(action, said, attributes),
        object_id=as_str(actor.get("ID")) or as_str(said.get("id")),
        object_name=attributes.get("name", ""),
        attributes=attributes,
    )


def _health_detail(action: str, said: Json, attributes: dict[str, str]) -> str:
    if action != "health_status":
        return ""
    return as_str(said.get("HealthStatus")) or attributes.get("health_status", "")


# -- logs ---------------------------------------------------------------------------------------


class LogFrame(NamedTuple):
    """One piece of output: ``stream`` is "stdout" or "stderr" (a terminal has only stdout)."""

    stream: str
    data: bytes
