"""What the watcher reads and writes of hosts: how they are reached, how they are.

All functions are synchronous and run in the watcher's database thread. A host that somebody
disabled keeps that state, whatever was on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from fleet.engine.types import EngineFacts
from fleet.models import Event, Host, HostState
from fleet.watch.fence import lock_host
from fleet.watch.rows import clean
from fleet.watch.writer import Saved

# A change of any of these means that the host must be reached anew, or that its rows change.
ENDPOINT_FIELDS = (
    "name", "url", "insecure", "tls_ca", "tls_cert", "tls_key_encrypted", "ssh_key_encrypted",
    "ssh_host_key",
)  # fmt: skip
_CPU_LIMIT = 2**31 - 1


def read_hosts() -> dict[int, Host]:
    """Return every host, with what is needed to reach it and to see a change."""
    hosts = Host.objects.only("id", "state", "lease_number", *ENDPOINT_FIELDS)
    return {host.id: host for host in hosts}


def same_way(one: Host, other: Host) -> bool:
    """Tell whether two readings of a host are reached and shown in the same way."""
    return all(getattr(one, name) == getattr(other, name) for name in ENDPOINT_FIELDS)


def _columns(facts: EngineFacts) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "engine_id": facts.engine_id[:100],
        "engine_name": facts.name[:255],
        "product": facts.product[:60],
        "engine_version": facts.version[:60],
        "api_version": facts.api_version[:20],
        "os": facts.os[:200],
        "arch": facts.arch[:40],
        "kernel": facts.kernel[:120],
        "storage_driver": facts.storage_driver[:60],
        "swarm_state": facts.swarm_state[:20],
    }
    columns = {name: clean(value) for name, value in columns.items()}
    columns["cpus"] = min(max(facts.cpus, 0), _CPU_LIMIT)
    columns["memory"] = max(facts.memory, 0)
    return columns


def save_reachable(host_id: int, lease: int, facts: EngineFacts, host_key: str) -> Saved:
    """Write that a host answers, what it is, and its ssh host key if none is pinned yet.

    Raises Host.DoesNotExist when it was removed or disabled meanwhile, LeaseLost when it is no
    longer ours.
    """
    columns = _columns(facts)
    columns |= {"state": HostState.REACHABLE, "state_code": "", "state_message": ""}
    with transaction.atomic():
        host = _locked(host_id, lease)
        if host_key and not host.ssh_host_key:
            columns["ssh_host_key"] = host_key
        return _save(host, columns, {"version": columns["engine_version"]})


def save_unreachable(host_id: int, lease: int, code: str, message: str) -> Saved:
    """Write that a host does not answer, and why. Raises as above."""
    columns = {
        "state": HostState.UNREACHABLE,
        "state_code": code[:40],
        "state_message": clean(message)[:2000],
    }
    with transaction.atomic():
        return _save(_locked(host_id, lease), columns, {"code": code, "message": message[:500]})


def _locked(host_id: int, lease: int) -> Host:
    host = lock_host(host_id, lease)
    if not host.enabled:
        raise Host.DoesNotExist
    return host


def _save(host: Host, columns: dict[str, Any], detail: dict[str, Any]) -> Saved:
    """Write the columns that differ; a new state is also an event."""
    before, after = host.state, columns["state"]
    different = {name: value for name, value in columns.items() if getattr(host, name) != value}
    if not different:
        return Saved()
    now = timezone.now()
    if after == HostState.REACHABLE:
        different["last_seen"] = now
    if before != after:
        different["state_since"] = now
    Host.objects.filter(id=host.id).update(**different, revision=host.revision + 1)
    events = [add_host_event(host, before, after, detail)] if before != after else []
    return Saved(changed=[host.id], events=events)


def add_host_event(host: Host, before: str, after: str, detail: dict[str, Any]) -> int:
    """Add the event row of a host's new state; return its id."""
    event = Event.objects.create(
        host_id=host.id,
        at=timezone.now(),
        kind=after,
        object_kind="host",
        object_id=str(host.id),
        object_name=host.name,
        from_state=before,
        to_state=after,
        detail=detail,
    )
    return event.id


def save_last_seen(leases: Mapping[int, int]) -> None:
    """Write that these hosts (id -> our lease's number) answered just now: one statement, no hint.

    No two watchers have one number in common, so any of ours means that we wrote last.
    """
    ours = Host.objects.filter(id__in=list(leases), lease_number__in=set(leases.values()))
    ours.filter(state=HostState.REACHABLE).update(last_seen=timezone.now())


def save_let_go(host_id: int) -> Saved:
    """Add the event of a host that somebody disabled. Returns nothing if it was removed."""
    host = Host.objects.filter(id=host_id, state=HostState.DISABLED).first()
    if host is None:
        return Saved()
    event = add_host_event(host, "", HostState.DISABLED, {})
    return Saved(changed=[host.id], events=[event])
