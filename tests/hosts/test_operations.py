"""Adding, changing, switching and removing hosts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fleet.access import Refused, Unknown
from fleet.actor import Actor, actor_for
from fleet.models import AuditEntry, Environment, Event, Grant, Host, HostState, Job, User
from fleet.operations.errors import Invalid
from fleet.operations.hosts import (
    host_create,
    host_disable,
    host_enable,
    host_forget_key,
    host_remove,
    host_test,
    host_update,
)
from fleet.publish import GROUP
from tests.conftest import grant, make_container, make_host
from tests.hosts.certificates import Pair, make_ssh_key

Data = dict[str, Any]
pytestmark = pytest.mark.django_db


def refused(call: Callable[[], object]) -> dict[str, list[str]]:
    """Return the fields of the Invalid that a call raises."""
    with pytest.raises(Invalid) as found:
        call()
    return found.value.fields


def last_entry() -> AuditEntry:
    entry = AuditEntry.objects.first()
    assert entry is not None
    return entry


def test_it_adds_a_host_with_its_credentials_encrypted(actor: Actor, tls_data: Data) -> None:
    host = host_create(actor=actor, data=tls_data)
    stored = Host.objects.get(pk=host.pk)
    assert (stored.name, stored.environment.name, stored.labels) == (
        "prod-7", "production", {"rack": "b2"},
    )  # fmt: skip
    assert stored.tls_key.strip() == tls_data["tls_key"].strip()
    assert "PRIVATE KEY" not in stored.tls_key_encrypted
    assert stored.state == HostState.UNKNOWN


def test_it_writes_the_audit_log_without_secrets(actor: Actor, tls_data: Data) -> None:
    host_create(actor=actor, data=tls_data)
    entry = last_entry()
    assert (entry.action, entry.target_name) == ("host.create", "prod-7")
    assert "PRIVATE" not in json.dumps(entry.detail) + str(entry)
    assert AuditEntry.objects.filter(action="environment.create").exists()


def test_it_publishes_a_hint_after_the_commit(
    actor: Actor, tls_data: Data, django_capture_on_commit_callbacks: Any, hints: list[Data]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        host = host_create(actor=actor, data=tls_data)
        assert hints == []
    assert {"type": "hint", "kind": "hosts", "ids": [host.pk]} in hints


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[Data]:
    """Everything that is sent to the hints' group."""
    from channels.layers import get_channel_layer

    sent: list[Data] = []

    async def keep(group: str, message: Data) -> None:
        assert group == GROUP
        sent.append(message)

    monkeypatch.setattr(get_channel_layer(), "group_send", keep)
    return sent


def test_it_uses_an_environment_whatever_its_case(
    actor: Actor, tls_data: Data, production: Environment
) -> None:
    host = host_create(actor=actor, data=tls_data | {"environment": "PRODUCTION"})
    assert host.environment == production


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("name", "", "Enter a name"),
        ("name", 7, "must be a text"),
        ("name", ["x"], "must be a text"),
        ("name", "<script>alert(1)</script>", "Use letters"),
        ("name", "a\x00b", "not allowed"),
        ("name", "a" * 61, "too long"),
        ("url", "", "Enter an address"),
        ("url", "tcp://user:hunter2@h:2376", "password"),
        ("url", "tcp://h:70000", "port"),
        ("url", "tcp://h:0", "port"),
        ("url", "http://h:2375", "must start with"),
        ("url", "tcp://" + "h" * 400, "too long"),
        ("url", {"a": 1}, "must be a text"),
        ("environment", "a<b", "Use letters"),
        ("environment", 5, "must be a text"),
        ("insecure", "yes", "true or false"),
        ("labels", "no equals sign", "Line 1"),
        ("labels", "a=1\na=2", "Line 2"),
        ("labels", {"a": 1}, "both texts"),
        ("labels", {"<b>": "1"}, "label's key"),
        ("labels", {"a": "x" * 65536}, "label's value"),
        ("labels", "a=" + "x" * 65536, "too long: at most 20000"),
        ("labels", {f"k{i}": "" for i in range(51)}, "too many"),
        ("labels", ["a=b"], "pairs"),
        ("tls_cert", "no certificate", "not a certificate"),
        ("tls_ca", "A" * 70000, "too long"),
        ("tls_key", "secret words", "not a private key"),
        ("ssh_key", "secret words", "does not use this"),
        ("colour", "red", "no such field"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    actor: Actor, tls_data: Data, field: str, value: object, word: str
) -> None:
    fields = refused(lambda: host_create(actor=actor, data=tls_data | {field: value}))
    assert word in " ".join(fields[field])
    assert "secret words" not in str(fields) and "hunter2" not in str(fields)
    assert not Host.objects.exists() and not Environment.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("field", ["tls_ca", "tls_cert", "tls_key"])
def test_it_asks_for_no_tls_where_it_refused_a_part(
    actor: Actor, tls_data: Data, field: str
) -> None:
    none = dict.fromkeys(("tls_ca", "tls_cert", "tls_key"), "")
    data = tls_data | none | {field: "A" * 70000, "name": ""}
    fields = refused(lambda: host_create(actor=actor, data=data))
    assert set(fields) == {"name", field}


def test_it_names_a_key_with_a_passphrase(actor: Actor, tls_data: Data) -> None:
    private, _public = make_ssh_key("geheim")
    data = {"name": "s", "url": "ssh://root@h", "ssh_key": private}
    assert "passphrase" in refused(lambda: host_create(actor=actor, data=data))["ssh_key"][0]


def test_it_wants_the_switch_for_plain_tcp(actor: Actor) -> None:
    data = {"name": "plain", "url": "tcp://h:2375"}
    assert "insecure" in refused(lambda: host_create(actor=actor, data=data))
    assert host_create(actor=actor, data=data | {"insecure": True}).insecure


def test_it_keeps_names_apart_in_more_than_case(actor: Actor, host: Host) -> None:
    data = {"name": "STAGE-1", "url": "unix:///x.sock"}
    assert "already" in refused(lambda: host_create(actor=actor, data=data))["name"][0]
    assert Host.objects.count() == 1


def test_it_changes_only_what_is_named(actor: Actor, tls_data: Data) -> None:
    host = host_create(actor=actor, data=tls_data)
    changed = host_update(actor=actor, host_id=host.pk, data={"name": "prod-8"})
    assert (changed.name, changed.url, changed.tls_key) == ("prod-8", host.url, host.tls_key)
    assert last_entry().detail == {"changes": {"name": ["prod-7", "prod-8"]}}


def test_it_replaces_and_removes_credentials(actor: Actor, tls_data: Data, pair: Pair) -> None:
    host = host_create(actor=actor, data=tls_data)
    host_update(actor=actor, host_id=host.pk, data={"tls_ca": ""})
    host.refresh_from_db()
    assert (host.tls_ca, host.tls_cert.strip()) == ("", pair.cert.strip())
    assert last_entry().detail["changes"] == {"tls_ca": "replaced"}


def test_it_drops_credentials_that_the_new_address_cannot_use(actor: Actor, tls_data: Data) -> None:
    host = host_create(actor=actor, data=tls_data)
    host_update(actor=actor, host_id=host.pk, data={"url": "unix:///run/docker.sock"})
    host.refresh_from_db()
    assert (host.tls_ca, host.tls_cert, host.tls_key_encrypted) == ("", "", "")


def test_it_keeps_the_pinned_host_key_until_told_to_forget_it(actor: Actor) -> None:
    private, public = make_ssh_key()
    data = {"name": "s", "url": "ssh://root@h", "ssh_key": private}
    host = host_create(actor=actor, data=data)
    Host.objects.filter(pk=host.pk).update(ssh_host_key=public)
    host_update(
        actor=actor, host_id=host.pk, data={"url": "ssh://root@k", "ssh_key": make_ssh_key()[0]}
    )
    assert Host.objects.get(pk=host.pk).ssh_host_key == public
    host_forget_key(actor=actor, host_id=host.pk)
    assert Host.objects.get(pk=host.pk).ssh_host_key == ""
    assert last_entry().action == "host.forget_key"
    assert last_entry().detail["forgotten"].startswith("SHA256:")


def test_a_new_address_makes_the_state_unknown(actor: Actor, host: Host) -> None:
    host_update(actor=actor, host_id=host.pk, data={"url": "unix:///elsewhere.sock"})
    host.refresh_from_db()
    assert host.state == HostState.UNKNOWN
    before = host.revision
    host_update(actor=actor, host_id=host.pk, data={"name": "other"})
    host.refresh_from_db()
    assert host.revision == before + 1


def test_it_switches_off_and_on(actor: Actor, host: Host) -> None:
    host_disable(actor=actor, host_id=host.pk)
    host_disable(actor=actor, host_id=host.pk)
    assert Host.objects.get(pk=host.pk).state == HostState.DISABLED
    assert AuditEntry.objects.filter(action="host.disable").count() == 1
    host_enable(actor=actor, host_id=host.pk)
    assert Host.objects.get(pk=host.pk).state == HostState.UNKNOWN


def test_a_disabled_host_stays_disabled_with_a_new_address(actor: Actor, host: Host) -> None:
    host_disable(actor=actor, host_id=host.pk)
    host_update(actor=actor, host_id=host.pk, data={"url": "unix:///elsewhere.sock"})
    assert Host.objects.get(pk=host.pk).state == HostState.DISABLED


def test_it_removes_rows_events_and_grants_but_keeps_jobs(
    actor: Actor, host: Host, other_host: Host, make_user: Callable[..., User]
) -> None:
    make_container(host)
    make_container(other_host)
    Event.objects.create(host=host, at=host.created_at, kind="die", object_kind="container")
    grant(make_user("greta"), "viewer", host)
    job = Job.objects.create(
        operation="container.stop", host=host, host_name=host.name, state="succeeded"
    )
    host_remove(actor=actor, host_id=host.pk)
    assert list(Host.objects.all()) == [other_host]
    assert not Event.objects.exists() and not Grant.objects.filter(user__username="greta").exists()
    job.refresh_from_db()
    assert (job.host, job.host_name) == (None, "stage-1")
    assert last_entry().detail["containers"] == 1


def test_it_does_not_remove_a_host_with_open_jobs(actor: Actor, host: Host) -> None:
    Job.objects.create(operation="container.stop", host=host, state="running")
    assert "not ended" in refused(lambda: host_remove(actor=actor, host_id=host.pk))[""][0]
    assert Host.objects.filter(pk=host.pk).exists()


# -- who may -------------------------------------------------------------------------------------

CHANGES = [host_disable, host_enable, host_forget_key, host_remove]


def test_a_stranger_finds_no_host(stranger: User, host: Host, tls_data: Data) -> None:
    who = actor_for(stranger)
    for change in CHANGES:
        with pytest.raises(Unknown):
            change(actor=who, host_id=host.pk)
    with pytest.raises(Unknown):
        host_update(actor=who, host_id=host.pk, data={})
    with pytest.raises(Refused):
        host_create(actor=who, data=tls_data)


def test_an_operator_may_change_no_host(operator: User, host: Host, tls_data: Data) -> None:
    who = actor_for(operator)
    for change in CHANGES:
        with pytest.raises(Refused):
            change(actor=who, host_id=host.pk)
    with pytest.raises(Refused):
        host_create(actor=who, data=tls_data)
    assert Host.objects.get(pk=host.pk).state == HostState.REACHABLE


@pytest.fixture
def local(make_user: Callable[..., User], staging: Environment) -> Actor:
    """Administers staging only."""
    return actor_for(make_user("stella", role="administrator", on=staging))


def test_one_environments_administrator_adds_hosts_there_only(
    local: Actor, staging: Environment, production: Environment, tls_data: Data
) -> None:
    assert host_create(actor=local, data=tls_data | {"environment": "staging"}).pk
    for name in ("production", "new one"):
        data = tls_data | {"name": "n", "environment": name}
        said = refused(lambda: host_create(actor=local, data=data))["environment"][0]  # noqa: B023
        assert "staging" in said and "production" not in said
    assert not Environment.objects.filter(name="new one").exists()


def test_one_environments_administrator_cannot_use_our_sockets(
    local: Actor, staging: Environment, host: Host
) -> None:
    data = {"name": "n", "environment": "staging", "url": "unix:///var/run/docker.sock"}
    assert "url" in refused(lambda: host_create(actor=local, data=data))
    data = {"name": "n", "environment": "staging", "url": "ssh://root@h"}
    assert "ssh_key" in refused(lambda: host_create(actor=local, data=data))
    moved = {"url": "unix:///var/run/docker.sock"}
    assert "url" in refused(lambda: host_update(actor=local, host_id=host.pk, data=moved))


def test_one_environments_administrator_cannot_move_a_host_out(
    local: Actor, host: Host, other_host: Host
) -> None:
    data = {"environment": "production"}
    assert "environment" in refused(lambda: host_update(actor=local, host_id=host.pk, data=data))


def test_the_last_look_at_a_name_is_the_databases(actor: Actor, host: Host) -> None:
    from django.db import IntegrityError

    with pytest.raises(IntegrityError):
        make_host("Stage-1", host.environment)


@pytest.mark.parametrize("kind", ["tls_key", "ssh_key"])
def test_one_environments_administrator_sends_no_stored_key_elsewhere(
    local: Actor, actor: Actor, tls_data: Data, kind: str
) -> None:
    """A key that opens one host may open others: whoever sends it there must have it."""
    data = tls_data | {"environment": "staging"}
    if kind == "ssh_key":
        own = {"ssh_key": make_ssh_key()[0], "url": "ssh://root@stage-9"}
        data = {name: data[name] for name in ("name", "environment")} | own
    host = host_create(actor=actor, data=data)
    moved = {"url": data["url"].replace("stage-9", "prod-1").replace("127.0.0.1", "prod-1")}
    for call in (host_update, host_test):
        fields = refused(lambda: call(actor=local, host_id=host.pk, data=moved))  # noqa: B023
        assert list(fields) == [kind]
    host.refresh_from_db()
    assert host.url == data["url"]
    assert host_update(actor=local, host_id=host.pk, data=moved | {kind: data[kind]})
    assert host_update(actor=actor, host_id=host.pk, data={"url": data["url"]})


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost", "127.1", "2130706433", "0", "[::1]", "[::ffff:127.0.0.1]",
             "169.254.169.254", "engine.localhost"]
)  # fmt: skip
def test_one_environments_administrator_cannot_use_our_ports(
    local: Actor, actor: Actor, staging: Environment, name: str
) -> None:
    data = {"name": "n", "environment": "staging", "url": f"tcp://{name}:2375", "insecure": True}
    for call in (host_create, host_test):
        tried = data if call is host_create else {key: data[key] for key in ("url", "insecure")}
        assert list(refused(lambda: call(actor=local, data=tried))) == ["url"]  # noqa: B023
    assert host_create(actor=actor, data=data).pk
    elsewhere = data | {"name": "other", "url": "tcp://10.1.2.3:2375"}
    assert host_create(actor=local, data=elsewhere).pk
