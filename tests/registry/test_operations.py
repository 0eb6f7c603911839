"""Adding, changing, testing and removing registries."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import IntegrityError

from fleet.access import Refused, Unknown
from fleet.actor import Actor, actor_for
from fleet.models import AuditEntry, Environment, Registry, User
from fleet.operations.errors import Invalid
from fleet.operations.registries import (
    registry_create,
    registry_remove,
    registry_test,
    registry_update,
)
from tests.hosts.certificates import Pair
from tests.lab.registry import PASSWORD, USER, RegistryServer
from tests.registry.conftest import SECRET, Answers, make_registry

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


def update(actor: Actor, row: Registry, **data: Any) -> Registry:
    registry_update(actor=actor, registry_id=row.pk, data=data)
    return Registry.objects.get(pk=row.pk)


# -- adding --------------------------------------------------------------------------------------


def test_it_adds_a_registry_with_its_password_encrypted(
    actor: Actor, data: Data, staging: Environment
) -> None:
    made = registry_create(actor=actor, data=data | {"environments": ["STAGING"]})
    stored = Registry.objects.get(pk=made.pk)
    assert (stored.name, stored.kind, stored.url) == (
        "Harbor 2", "harbor", "https://harbor.example.org:8443",
    )  # fmt: skip
    assert (stored.username, stored.password, stored.domain) == (
        "robot$ci", SECRET, "harbor.example.org:8443",
    )  # fmt: skip
    assert SECRET not in stored.password_encrypted
    assert [row.name for row in stored.environments.all()] == ["staging"]
    assert stored.tested_at is None and not stored.everywhere


def test_the_audit_log_tells_all_but_the_account(actor: Actor, data: Data) -> None:
    made = registry_create(actor=actor, data=data | {"everywhere": True})
    entry = last_entry()
    assert (entry.action, entry.target_kind, entry.target_name) == (
        "registry.create", "registry", "Harbor 2",
    )  # fmt: skip
    assert entry.detail["account"] is True and entry.detail["everywhere"] is True
    update(actor, made, password="another one", username="ann")
    assert last_entry().detail == {"changes": {"username": "replaced", "password": "replaced"}}
    registry_remove(actor=actor, registry_id=made.pk)
    told = json.dumps(list(AuditEntry.objects.values_list("detail", flat=True)))
    assert SECRET not in told and "another one" not in told
    assert "robot$ci" not in told and "ann" not in told


def test_docker_hub_needs_a_name_only(actor: Actor) -> None:
    made = registry_create(actor=actor, data={"name": "Hub", "kind": "hub"})
    assert (made.url, made.domain, made.username) == ("https://docker.io", "docker.io", "")


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("name", "", "Enter a name"),
        ("name", "<script>alert(1)</script>", "Use letters"),
        ("name", "a\x00b", "not allowed"),
        ("name", "a" * 61, "too long"),
        ("name", ["x"], "must be a text"),
        ("kind", "", "Choose one of hub"),
        ("kind", "nexus", "Choose one of hub"),
        ("kind", 5, "must be a text"),
        ("url", "", "Enter an address"),
        ("url", "https://u:hunter2@r", "Leave user"),
        ("url", "https://" + "h" * 400, "too long"),
        ("url", {"a": 1}, "must be a text"),
        ("url", "a\x00b", "not allowed"),
        ("tls_ca", "no certificate", "not a certificate"),
        ("tls_ca", "-----BEGIN PRIVATE KEY-----", "private key"),
        ("tls_ca", "A" * 70000, "too long"),
        ("insecure", "yes", "true or false"),
        ("username", "a:b", "no colon"),
        ("username", "a\nb", "no colon"),
        ("username", "u" * 256, "too long"),
        ("username", 1, "must be a text"),
        ("username", "", "user whose password"),
        ("password", "", "password or token of this user"),
        ("password", None, "password or token of this user"),
        ("password", "p" * 16385, "too long"),
        ("password", "p\x00", "not allowed"),
        ("password", 7, "must be a text"),
        ("everywhere", "on", "true or false"),
        ("environments", ["nowhere"], "no such environment"),
        ("environments", "staging", "list of names"),
        ("environments", [1], "list of names"),
        ("environments", ["x"] * 1001, "too many"),
        ("colour", "red", "no such field"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    actor: Actor, data: Data, field: str, value: object, word: str
) -> None:
    fields = refused(lambda: registry_create(actor=actor, data=data | {field: value}))
    assert word in " ".join(fields[field])
    assert set(fields) == {field}
    assert "hunter2" not in str(fields)
    assert not Registry.objects.exists() and not AuditEntry.objects.exists()


def test_plain_http_wants_its_switch(actor: Actor, data: Data) -> None:
    plain = data | {"url": "http://10.0.0.5:5000"}
    assert list(refused(lambda: registry_create(actor=actor, data=plain))) == ["insecure"]
    assert registry_create(actor=actor, data=plain | {"insecure": True}).insecure


def test_docker_hub_is_never_asked_without_tls(actor: Actor) -> None:
    hub = {"name": "Hub", "kind": "hub", "insecure": True}
    assert list(refused(lambda: registry_create(actor=actor, data=hub))) == ["insecure"]


def test_it_serves_every_environment_or_those_that_are_named(
    actor: Actor, data: Data, staging: Environment
) -> None:
    both = data | {"everywhere": True, "environments": ["staging"]}
    assert list(refused(lambda: registry_create(actor=actor, data=both))) == ["environments"]
    made = registry_create(actor=actor, data=data | {"environments": ["staging"]})
    assert update(actor, made, everywhere=True).everywhere
    assert not made.environments.exists()
    assert last_entry().detail["changes"] == {
        "everywhere": [False, True], "environments": [["staging"], []],
    }  # fmt: skip
    assert not update(actor, made, environments=["staging"]).everywhere
    assert list(made.environments.all()) == [staging]
    assert not update(actor, made, environments=[]).everywhere
    assert not made.environments.exists()


def test_several_accounts_at_one_registry_have_names_of_their_own(
    actor: Actor, data: Data, registry: Registry
) -> None:
    registry_create(actor=actor, data=data | {"url": registry.url})
    same = data | {"name": "HARBOR"}
    assert "already" in refused(lambda: registry_create(actor=actor, data=same))["name"][0]
    with pytest.raises(IntegrityError):
        make_registry("harbor")


# -- changing ------------------------------------------------------------------------------------


def test_it_changes_only_what_is_named(actor: Actor, registry: Registry) -> None:
    before = registry.password_encrypted
    changed = update(actor, registry, name="Harbor 3")
    assert (changed.name, changed.url, changed.username) == (
        "Harbor 3", registry.url, "robot$ci",
    )  # fmt: skip
    assert changed.password_encrypted == before
    assert changed.environments.count() == 1
    assert last_entry().detail == {"changes": {"name": ["Harbor", "Harbor 3"]}}


@pytest.mark.parametrize("field", ["username", "password"])
def test_an_empty_credential_takes_the_account_away(
    actor: Actor, registry: Registry, field: str
) -> None:
    changed = update(actor, registry, **{field: ""})
    assert (changed.username, changed.password_encrypted) == ("", "")
    assert last_entry().detail["changes"]["account"] == [True, False]


def test_a_user_without_a_password_is_not_kept(actor: Actor, registry: Registry) -> None:
    assert "password" in refused(lambda: update(actor, registry, username="ann", password=""))
    assert update(actor, registry, username="ann").password == SECRET


@pytest.mark.parametrize(
    "moved",
    [
        {"url": "https://elsewhere.example.org"},
        {"url": "https://harbor.example.org:8443"},
        {"url": "http://harbor.example.org", "insecure": True},
        {"insecure": True},
        {"kind": "hub", "url": ""},
    ],
)
def test_a_stored_password_goes_nowhere_else(
    actor: Actor, registry: Registry, answers: Answers, moved: Data
) -> None:
    for call in (registry_update, registry_test):
        fields = refused(lambda: call(actor=actor, registry_id=registry.pk, data=moved))  # noqa: B023
        assert list(fields) == ["password"]
    assert answers.asked == []
    assert update(actor, registry, **moved, password="new one").password == "new one"


def test_a_stored_password_is_not_shown_to_who_signs_by_another_ca(
    actor: Actor, registry: Registry, pair: Pair
) -> None:
    assert list(refused(lambda: update(actor, registry, tls_ca=pair.cert))) == ["password"]
    assert update(actor, registry, tls_ca=pair.cert, password=SECRET).tls_ca == pair.cert


def test_a_safer_way_needs_no_password(actor: Actor, registry: Registry, pair: Pair) -> None:
    Registry.objects.update(insecure=True)
    changed = update(actor, registry, insecure=False, tls_ca=pair.cert)
    assert (changed.insecure, changed.password) == (False, SECRET)


def test_a_password_is_kept_as_it_was_given(actor: Actor, registry: Registry) -> None:
    assert update(actor, registry, password=' {"key": "a\nb"} \r\n').password == (
        ' {"key": "a\nb"} '
    )  # fmt: skip


def test_a_password_that_no_key_opens_can_be_replaced(
    actor: Actor, registry: Registry, answers: Answers, settings: Any
) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    for call in (registry_update, registry_test):
        fields = refused(lambda: call(actor=actor, registry_id=registry.pk, data={}))  # noqa: B023
        assert "Enter it again" in fields["password"][0]
    assert update(actor, registry, password="new").password == "new"
    assert last_entry().detail["changes"] == {"password": "replaced"}


def test_a_changed_connection_has_no_result_of_the_old_one(
    actor: Actor, registry: Registry, answers: Answers
) -> None:
    registry_test(actor=actor, registry_id=registry.pk)
    assert update(actor, registry, name="other").test_ok
    changed = update(actor, registry, password="new one")
    assert (changed.tested_at, changed.test_ok, changed.test_message) == (None, False, "")


def test_it_forgets_a_registry(actor: Actor, registry: Registry, staging: Environment) -> None:
    registry_remove(actor=actor, registry_id=registry.pk)
    assert not Registry.objects.exists() and not staging.registries.exists()
    assert last_entry().detail["environments"] == ["staging"]


def test_it_hints_at_every_change_after_the_commit(
    actor: Actor, data: Data, answers: Answers, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    sent: list[Any] = []
    monkeypatch.setattr("fleet.publish.publish", sent.append)
    with django_capture_on_commit_callbacks(execute=True):
        made = registry_create(actor=actor, data=data)
        update(actor, made, name="other")
        registry_test(actor=actor, registry_id=made.pk)
        pk = made.pk
        registry_remove(actor=actor, registry_id=pk)
        assert sent == []
    assert [(hint.kind, hint.ids) for hint in sent] == [("registries", [pk])] * 4


# -- testing -------------------------------------------------------------------------------------


def test_a_test_says_what_was_found_and_keeps_it(
    actor: Actor, registry: Registry, answers: Answers
) -> None:
    answers.ok, answers.code, answers.message = False, "wrong_password", "It refused the password."
    found = registry_test(actor=actor, registry_id=registry.pk)
    assert (found.ok, found.code, found.message) == (False, "wrong_password", answers.message)
    registry.refresh_from_db()
    assert (registry.test_ok, registry.test_code) == (False, "wrong_password")
    assert registry.test_message == answers.message and registry.tested_at is not None
    assert last_entry().detail == {
        "url": registry.url, "ok": False, "code": "wrong_password",
    }  # fmt: skip
    (target,) = answers.asked
    assert (target.url, target.username, target.password) == (registry.url, "robot$ci", SECRET)
    assert SECRET not in repr(target)


def test_a_test_of_what_is_typed_keeps_nothing(
    actor: Actor, data: Data, registry: Registry, answers: Answers
) -> None:
    typed = {name: data[name] for name in ("kind", "url", "username", "password")}
    assert registry_test(actor=actor, data=typed).ok
    assert registry_test(actor=actor, registry_id=registry.pk, data={"password": "new"}).ok
    assert [target.password for target in answers.asked] == [SECRET, "new"]
    registry.refresh_from_db()
    assert registry.tested_at is None and registry.password == SECRET


def test_what_the_other_side_said_is_bounded(
    actor: Actor, registry: Registry, answers: Answers
) -> None:
    answers.message, answers.code = "It said: \x00" + "x" * 5000, "c" * 100
    registry_test(actor=actor, registry_id=registry.pk)
    registry.refresh_from_db()
    assert registry.test_message == "It said: " + "x" * 991 and len(registry.test_code) == 40


def test_a_result_of_a_connection_that_was_changed_meanwhile_is_not_kept(
    actor: Actor, registry: Registry, answers: Answers
) -> None:
    answers.meanwhile = lambda: update(actor, registry, password="new one")
    registry_test(actor=actor, registry_id=registry.pk)
    registry.refresh_from_db()
    assert registry.tested_at is None


def test_a_test_has_an_answer_for_everything(
    actor: Actor, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"a bug with {SECRET}")

    monkeypatch.setattr("fleet.registries.probe.open_registry", broken)
    found = registry_test(actor=actor, registry_id=registry.pk)
    assert (found.ok, found.code) == (False, "bad_answer")
    assert SECRET not in repr(found)


def test_a_real_registry_is_tested(actor: Actor, locked_registry_server: RegistryServer) -> None:
    account = {"username": USER, "password": PASSWORD, "insecure": True, "everywhere": True}
    data = {"name": "Lab", "kind": "distribution", "url": locked_registry_server.url, **account}
    registry = registry_create(actor=actor, data=data)
    found = registry_test(actor=actor, registry_id=registry.pk)
    assert (found.ok, found.code) == (True, "ok"), found
    assert "lists its repositories" in found.details["facts"]
    registry.refresh_from_db()
    assert registry.test_ok
    wrong = registry_test(actor=actor, registry_id=registry.pk, data={"password": "wrong"})
    assert (wrong.ok, wrong.code) == (False, "unauthorized")
    registry.refresh_from_db()
    assert registry.test_ok  # what was tried and not stored counts for nothing


# -- who may -------------------------------------------------------------------------------------


def test_only_an_administrator_of_the_fleet_changes_registries(
    operator: User, make_user: Callable[..., User], staging: Environment, registry: Registry,
    data: Data, answers: Answers,
) -> None:  # fmt: skip
    local = make_user("stella", role="administrator", on=staging)
    for who in (actor_for(operator), actor_for(local)):
        for call in (
            lambda: registry_create(actor=who, data=data),  # noqa: B023
            lambda: registry_test(actor=who, data=data),  # noqa: B023
            lambda: registry_update(actor=who, registry_id=registry.pk, data={}),  # noqa: B023
            lambda: registry_test(actor=who, registry_id=registry.pk),  # noqa: B023
            lambda: registry_remove(actor=who, registry_id=registry.pk),  # noqa: B023
        ):
            with pytest.raises(Refused):
                call()
    assert answers.asked == [] and Registry.objects.get() == registry


def test_a_stranger_finds_none(stranger: User, registry: Registry, answers: Answers) -> None:
    who = actor_for(stranger)
    with pytest.raises(Unknown):
        registry_update(actor=who, registry_id=registry.pk, data={})
    with pytest.raises(Unknown):
        registry_test(actor=who, registry_id=registry.pk)
    with pytest.raises(Unknown):
        registry_remove(actor=who, registry_id=registry.pk)
    assert answers.asked == []
