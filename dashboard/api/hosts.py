"""/hosts and /environments."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from ninja import Field, Query, Router, Schema, Status

from dashboard.api.auth import caller
from dashboard.api.filters import Text, by_name_or_id, known
from dashboard.api.jobs import JobOut, accepted
from dashboard.api.pages import Window, page
from dashboard.api.usage import HistoryFilter, HistoryOut
from fleet.access import access_host, visible_hosts
from fleet.models import Host, HostState
from fleet.operations import hosts
from fleet.operations.requests import request as request_job
from fleet.selectors.usage import host_history
from fleet.selectors.usage_now import host_usage

router = Router(tags=["hosts"])

SORTS = {
    "id": "pk",
    "name": "name",
    "state": "state",
    "environment": "environment__name",
    "last_seen": "last_seen",
}
Pem = Annotated[str, Field(max_length=65536)]


class HostOut(Schema):
    """A host. `state` is reachable, unreachable, disabled or unknown. Never its secrets."""

    id: int
    name: str
    url: str
    environment: str
    environment_id: int
    labels: dict[str, str]
    insecure: bool
    state: str
    state_code: str
    state_message: str
    state_since: datetime
    last_seen: datetime | None
    has_tls_key: bool
    has_ssh_key: bool
    ssh_host_key: str
    engine_id: str
    engine_name: str
    product: str
    engine_version: str
    api_version: str
    os: str
    arch: str
    kernel: str
    cpus: int | None
    memory: int | None
    storage_driver: str
    swarm_state: str
    disk_usage: dict[str, Any]
    disk_usage_at: datetime | None
    created_at: datetime

    @staticmethod
    def of(row: Host) -> dict[str, Any]:
        """Return what is shown of a row."""
        made = {
            "environment": row.environment.name,
            "has_tls_key": bool(row.tls_key_encrypted),
            "has_ssh_key": bool(row.ssh_key_encrypted),
        }
        return {
            **{name: getattr(row, name) for name in HostOut.model_fields if name not in made},
            **made,
        }


class HostsOut(Schema):
    """A part of a list."""

    items: list[HostOut]
    count: int


class HostFilter(Schema):
    """Filters; all of them together. `environment` is a name or an id."""

    state: Annotated[Text, Field(max_length=12)] = ""
    environment: Annotated[Text, Field(max_length=60)] = ""
    q: Annotated[Text, Field(max_length=200)] = ""


class ConnectionIn(Schema, extra="forbid"):
    """How an engine is reached: its address, and the credentials that such an address takes."""

    url: Annotated[str, Field(max_length=300)]
    tls_ca: Pem = ""
    tls_cert: Pem = ""
    tls_key: Pem = ""
    ssh_key: Pem = ""
    insecure: bool = False


class HostIn(ConnectionIn):
    """A new host. `environment` is a name; one that is new is made."""

    name: Annotated[str, Field(max_length=60)]
    environment: Annotated[str, Field(max_length=60)]
    labels: dict[str, str] = {}


class HostPatch(Schema, extra="forbid"):
    """Changes: what is left out stays as it is; an empty secret is taken away."""

    name: Annotated[str | None, Field(max_length=60)] = None
    url: Annotated[str | None, Field(max_length=300)] = None
    environment: Annotated[str | None, Field(max_length=60)] = None
    tls_ca: Pem | None = None
    tls_cert: Pem | None = None
    tls_key: Pem | None = None
    ssh_key: Pem | None = None
    insecure: bool | None = None
    labels: dict[str, str] | None = None


class ProbeOut(Schema):
    """What a test of the connection found."""

    ok: bool
    code: str
    message: str
    advice: str
    seconds: float
    facts: dict[str, Any] | None
    host_key_fingerprint: str


@router.get("", response=HostsOut, summary="List hosts")
def list_hosts(request: HttpRequest, wanted: Query[HostFilter], window: Query[Window]) -> Any:
    """Return the hosts that the caller may see."""
    rows = visible_hosts(caller(request))
    if wanted.state:
        rows = rows.filter(state=known("state", wanted.state, HostState.values))
    if wanted.environment:
        rows = rows.filter(by_name_or_id("environment", wanted.environment))
    if wanted.q:
        rows = rows.filter(name__icontains=wanted.q)
    return page(rows, window, HostOut.of, SORTS)


@router.post("", response={201: HostOut}, summary="Add a host")
def create_host(request: HttpRequest, data: HostIn) -> Any:
    """Add a host; the watcher connects to it at once."""
    return Status(201, HostOut.of(hosts.host_create(actor=caller(request), data=data.model_dump())))


@router.post("/test", response=ProbeOut, summary="Test a connection before adding a host")
def test_connection(request: HttpRequest, data: ConnectionIn) -> Any:
    """Connect now, within 10 s, and say what is wrong or what is there; nothing is stored."""
    return probe_out(hosts.host_test(actor=caller(request), data=data.model_dump()))


@router.get("/{int:host_id}", response=HostOut, summary="Show a host")
def get_host(request: HttpRequest, host_id: int) -> Any:
    """Return one host."""
    return HostOut.of(access_host(caller(request), host_id))


@router.patch("/{int:host_id}", response=HostOut, summary="Change a host")
def update_host(request: HttpRequest, host_id: int, data: HostPatch) -> Any:
    """Change what is given."""
    changes = {name: value for name, value in data.model_dump().items() if value is not None}
    return HostOut.of(hosts.host_update(actor=caller(request), host_id=host_id, data=changes))


@router.delete("/{int:host_id}", response={204: None}, summary="Remove a host")
def remove_host(request: HttpRequest, host_id: int) -> Any:
    """Remove a host with its rows and events; nothing changes on the machine itself."""
    hosts.host_remove(actor=caller(request), host_id=host_id)
    return Status(204, None)


@router.post("/{int:host_id}/test", response=ProbeOut, summary="Test the connection")
def test_host(request: HttpRequest, host_id: int) -> Any:
    """Connect now, within 10 s, and say what is wrong or what is there."""
    return probe_out(hosts.host_test(actor=caller(request), host_id=host_id))


@router.post("/{int:host_id}/disable", response=HostOut, summary="Disable a host")
def disable_host(request: HttpRequest, host_id: int) -> Any:
    """Stop watching it; its rows stay."""
    return HostOut.of(hosts.host_disable(actor=caller(request), host_id=host_id))


@router.post("/{int:host_id}/enable", response=HostOut, summary="Enable a host")
def enable_host(request: HttpRequest, host_id: int) -> Any:
    """Watch it again."""
    return HostOut.of(hosts.host_enable(actor=caller(request), host_id=host_id))


@router.post(
    "/{int:host_id}/forget-key", response=HostOut, summary="Forget the pinned ssh host key"
)
def forget_key(request: HttpRequest, host_id: int) -> Any:
    """Forget the key (`ssh_host_key`): the next connection pins the one it meets."""
    return HostOut.of(hosts.host_forget_key(actor=caller(request), host_id=host_id))


@router.post("/{int:host_id}/refresh", response={202: JobOut}, summary="Measure disk usage")
def refresh_host(request: HttpRequest, host_id: int) -> JsonResponse:
    """Measure the disk usage in the background."""
    return accepted(
        request_job("host.refresh", actor=caller(request), target_id=host_id, params={})
    )


class HostUsageOut(Schema):
    """What all running containers use together, as last read.

    `cpu` in percent of one processor, of which the host has `cpus`; `memory` in bytes, of which it
    has `memory_total`; rates in bytes a second. `every` is how many seconds lie between readings.
    What is not known is null; all of it, before the first reading.
    """

    at: datetime | None
    every: int | None
    cpus: int | None
    memory_total: int | None
    containers: int
    cpu: float | None
    memory: float | None
    received: float | None
    sent: float | None
    read: float | None
    written: float | None
    processes: float | None


@router.get(
    "/{int:host_id}/stats", response=HostUsageOut, summary="Tell what a host's containers use"
)
def get_host_stats(request: HttpRequest, host_id: int) -> Any:
    """Tell what the watcher read last: no engine is asked."""
    return host_usage(caller(request), host_id)


@router.get(
    "/{int:host_id}/stats/history", response=HistoryOut, summary="What a host's containers used"
)
def get_host_history(request: HttpRequest, host_id: int, wanted: Query[HistoryFilter]) -> Any:
    """Tell what all containers of a host used together, as for a single container."""
    return asdict(host_history(caller(request), host_id, wanted.range))


def probe_out(probe: Any) -> dict[str, Any]:
    """Return what a test found, as plain data."""
    return {
        "ok": probe.ok,
        "code": probe.code,
        "message": str(probe.message),
        "advice": str(probe.advice),
        "seconds": probe.seconds,
        "facts": asdict(probe.facts) if probe.facts else None,
        "host_key_fingerprint": probe.host_key_fingerprint,
    }
