"""Every change to hosts: add, change, switch off and on, test, measure, remove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet import audit
from fleet.access import Refused, access_host
from fleet.actor import Actor
from fleet.engine.endpoint import safe_url
from fleet.engine.probe import Probe, probe
from fleet.models import OPEN_STATES, Environment, Host, HostState
from fleet.operations.environments import environment_create
from fleet.operations.errors import Invalid
from fleet.operations.host_input import CREDENTIALS, HostInput, is_this_machine, read_host
from fleet.publish import AccessChanged, HostsChanged, publish_on_commit
from fleet.reach import Reach
from fleet.selectors.certificates import fingerprint_of

PROBE_SECONDS = 10
KEYS = ("tls_key", "ssh_key")
CONNECTION = ("url", "insecure", *CREDENTIALS)
STATE = ("state", "state_code", "state_message", "state_since")
WRITTEN = (
    "name", "url", "insecure", "labels", "environment", "tls_ca", "tls_cert",
    "tls_key_encrypted", "ssh_key_encrypted", "revision", *STATE,
)  # fmt: skip


def host_create(*, actor: Actor, data: Mapping[str, Any]) -> Host:
    """Add a host from `host_input.FIELDS`; an environment that is new is made with it.

    Raises Refused (the actor may add no host anywhere) or Invalid.
    """
    _reach_of(actor, "host.create")
    found = read_host(data)
    _check_own_machine(actor, found, "host.create")
    with transaction.atomic():
        _check_name_is_free(found.name)
        host = Host(environment=_environment_for(actor, found))
        found.write(host)
        _save(host, force_insert=True)
        audit.record(actor, "host.create", host, detail=_facts(host))
        publish_on_commit(HostsChanged([host.pk]))
    return host


def host_update(*, actor: Actor, host_id: int, data: Mapping[str, Any]) -> Host:
    """Change what `data` names of a host; an empty credential takes the stored one away.

    The pinned ssh host key stays. Raises Unknown, Refused or Invalid.
    """
    access_host(actor, host_id, "host.update")
    with transaction.atomic():
        host = _locked(host_id)
        found = read_host(data, host)
        _check_own_keys(actor, host, found, data, "host.update")
        changes = _apply(actor, host, found)
        _save(host, update_fields=WRITTEN)
        audit.record(actor, "host.update", host, detail={"changes": changes})
        publish_on_commit(HostsChanged([host.pk]))
        if "environment" in changes:
            publish_on_commit(AccessChanged())
    return host


def host_disable(*, actor: Actor, host_id: int) -> Host:
    """Switch a host off: its watcher lets go of it, its rows stay. Raises Unknown, Refused."""
    return _switch(actor, host_id, HostState.DISABLED, "host.disable")


def host_enable(*, actor: Actor, host_id: int) -> Host:
    """Switch a host on again. Raises Unknown or Refused."""
    return _switch(actor, host_id, HostState.UNKNOWN, "host.enable")


def host_forget_key(*, actor: Actor, host_id: int) -> Host:
    """Forget the pinned ssh host key: the next connection pins the one it meets.

    Raises Unknown or Refused.
    """
    access_host(actor, host_id, "host.update")
    with transaction.atomic():
        host = _locked(host_id)
        detail = {"forgotten": fingerprint_of(host.ssh_host_key)}
        host.ssh_host_key = ""
        host.revision += 1
        host.save(update_fields=["ssh_host_key", "revision"])
        audit.record(actor, "host.forget_key", host, detail=detail)
        publish_on_commit(HostsChanged([host.pk]))
    return host


def host_remove(*, actor: Actor, host_id: int) -> None:
    """Remove a host with its containers' rows, events and grants; its jobs are kept.

    Nothing happens on the machine itself. Raises Unknown, Refused, or Invalid while jobs run.
    """
    access_host(actor, host_id, "host.remove")
    with transaction.atomic():
        host = _locked(host_id)
        _check_no_jobs(host)
        _check_no_builds(host)
        detail = {
            **_facts(host),
            "containers": host.containers.count(),
            "events": host.events.count(),
            "grants": host.grants.count(),
        }
        audit.record(actor, "host.remove", host, detail=detail)
        host.delete()
        publish_on_commit(HostsChanged([host_id]))
        publish_on_commit(AccessChanged())


def host_test(
    *, actor: Actor, host_id: int | None = None, data: Mapping[str, Any] | None = None
) -> Probe:
    """Connect to a stored host, to `data`, or to a stored host as `data` would change it.

    Answers within `PROBE_SECONDS`, in words. Nothing is stored but the audit entry.
    Raises Unknown, Refused or Invalid.
    """
    host = None if host_id is None else access_host(actor, host_id, "host.test")
    if host is None:
        _reach_of(actor, "host.test")
    found = read_host(data or {}, host, named=False)
    if host is not None:
        _check_own_keys(actor, host, found, data or {}, "host.test")
    if host is None or found.url != host.url:
        _check_own_machine(actor, found, "host.test")
    result = probe(found.endpoint(host.ssh_host_key if host else ""), timeout=PROBE_SECONDS)
    detail = {"url": safe_url(found.url), "ok": result.ok, "code": result.code}
    audit.record(actor, "host.test", host, detail=detail)
    return result


def may_reach(actor: Actor, permission: str) -> list[Environment]:
    """Return the environments in which the actor has a permission on every host."""
    reach = actor.access.reach(permission)
    rows = Environment.objects.all()
    return list(rows if reach.everywhere else rows.filter(pk__in=reach.environments))


def _reach_of(actor: Actor, permission: str) -> Reach:
    reach = actor.access.reach(permission)
    if not reach.everywhere and not reach.environments:
        raise Refused(permission)
    return reach


def _check_own_machine(actor: Actor, found: HostInput, permission: str) -> None:
    """What is on the machine that Quayside runs on belongs to no team: sockets, the ssh agent,
    and ports that believe whoever is on the same machine."""
    if actor.access.may(permission):
        return
    if found.scheme == "unix":
        raise Invalid({"url": [_("Only an administrator of the whole fleet may use a socket.")]})
    if found.scheme == "ssh" and not found.ssh_key:
        sentence = _("Give a private key: only an administrator of the whole fleet may use the keys"
                     " of Quayside's own ssh agent.")  # fmt: skip
        raise Invalid({"ssh_key": [sentence]})
    if found.scheme == "tcp" and not found.endpoint().uses_tls and is_this_machine(found.url):
        sentence = _("Only an administrator of the whole fleet may connect to the machine that"
                     " Quayside runs on without TLS.")  # fmt: skip
        raise Invalid({"url": [sentence]})


def _check_own_keys(
    actor: Actor, host: Host, found: HostInput, data: Mapping[str, Any], permission: str
) -> None:
    """A stored key may open other machines too: who sends it elsewhere must have it."""
    if found.url == host.url or actor.access.may(permission):
        return
    sentence = _("Give it again: the stored one was given for another address.")
    kept = [name for name in KEYS if getattr(found, name) and name not in data]
    if kept:
        raise Invalid({name: [sentence] for name in kept})


def _environment_for(actor: Actor, found: HostInput) -> Environment:
    allowed = may_reach(actor, "host.create")
    for environment in allowed:
        if environment.name.lower() == found.environment.lower():
            return environment
    if actor.access.may("environment.create") and actor.access.may("host.create"):
        return environment_create(actor=actor, data={"name": found.environment})
    names = ", ".join(environment.name for environment in allowed[:10])
    sentence = _("You may add hosts to these environments: %(names)s.") % {"names": names}
    raise Invalid({"environment": [sentence if names else _("You may not add hosts here.")]})


def _check_name_is_free(name: str, host: Host | None = None) -> None:
    same = Host.objects.filter(name__iexact=name)
    if (same.exclude(pk=host.pk) if host and host.pk else same).exists():
        raise Invalid({"name": [_("There is a host of this name already. Choose another.")]})


def _save(host: Host, **how: Any) -> None:
    try:
        with transaction.atomic():
            host.save(**how)
    except IntegrityError:  # somebody took the name since we looked
        _check_name_is_free(host.name, host)
        raise


def _locked(host_id: int) -> Host:
    rows = Host.objects.select_for_update(of=("self",)).select_related("environment")
    return rows.get(pk=host_id)


def _apply(actor: Actor, host: Host, found: HostInput) -> dict[str, Any]:
    """Write the checked fields into the row; return what changed, without credentials."""
    _check_name_is_free(found.name, host)
    before, connection = _facts(host), {name: getattr(host, name) for name in CONNECTION}
    if found.environment.lower() != host.environment.name.lower():
        host.environment = _environment_for(actor, found)
    found.write(host)
    moved = [name for name in CONNECTION if connection[name] != getattr(found, name)]
    if moved:
        _check_own_machine(actor, found, "host.update")
        if host.enabled:
            _set_state(host, HostState.UNKNOWN)
    host.revision += 1
    after = _facts(host)
    changes = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
    return changes | {name: "replaced" for name in moved if name in CREDENTIALS}


def _facts(host: Host) -> dict[str, Any]:
    """What the audit log may keep of a host."""
    return {
        "name": host.name,
        "url": safe_url(host.url),
        "environment": host.environment.name,
        "insecure": host.insecure,
        "labels": dict(host.labels),
    }


def _set_state(host: Host, state: HostState) -> None:
    host.state, host.state_since = state, timezone.now()
    host.state_code = host.state_message = ""


def _switch(actor: Actor, host_id: int, state: HostState, action: str) -> Host:
    access_host(actor, host_id, "host.update")
    with transaction.atomic():
        host = _locked(host_id)
        if host.enabled != (state == HostState.DISABLED):
            return host  # it is so already
        _set_state(host, state)
        host.revision += 1
        host.save(update_fields=[*STATE, "revision"])
        audit.record(actor, action, host)
        publish_on_commit(HostsChanged([host.pk]))
    return host


def _check_no_jobs(host: Host) -> None:
    count = host.jobs.filter(state__in=OPEN_STATES).count()
    if count:
        sentence = ngettext(
            "A job on this host has not ended yet. Wait for it, or cancel it first.",
            "%(count)d jobs on this host have not ended yet. Wait for them, or cancel them first.",
            count,
        )
        raise Invalid({"": [sentence % {"count": count}]})


def _check_no_builds(host: Host) -> None:
    names = list(host.builds.values_list("name", flat=True)[:10])
    if names:
        sentence = _("These are built on it: %(names)s. Give them another host, or remove them.")
        raise Invalid({"": [sentence % {"names": ", ".join(names)}]})
