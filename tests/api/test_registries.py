"""Registries by the API: no password ever comes back, and problems are told at their fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from fleet.models import AuditEntry, Environment, Host, Registry, User
from tests.api.conftest import Caller
from tests.registry.conftest import SECRET, Answers, answers, make_registry, registry

Call = Callable[..., Caller]
__all__ = ["answers", "registry"]
BODY = {
    "name": "GHCR", "kind": "ghcr", "url": "ghcr.io", "username": "ann", "password": SECRET,
}  # fmt: skip


def test_it_adds_shows_changes_and_removes_one(
    administrator: User, call_as: Call, staging: Environment
) -> None:
    caller = call_as(administrator)
    status, made = caller.call("POST", "/registries", BODY | {"environments": ["staging"]})
    assert status == 201
    path = f"/registries/{made['id']}"
    assert made | {"id": 0, "created_at": ""} == {
        "id": 0, "name": "GHCR", "kind": "ghcr", "url": "https://ghcr.io", "insecure": False,
        "has_tls_ca": False, "has_account": True, "username": "ann", "everywhere": False,
        "environments": ["staging"], "last_test": None, "created_at": "",
    }  # fmt: skip
    assert caller.call("GET", path) == (200, made)
    status, changed = caller.call("PATCH", path, {"name": "Git", "everywhere": True})
    assert (status, changed["name"], changed["everywhere"]) == (200, "Git", True)
    assert changed["environments"] == [] and changed["has_account"]
    status, changed = caller.call("PATCH", path, {"password": ""})
    assert (status, changed["has_account"], changed["username"]) == (200, False, "")
    assert caller.call("DELETE", path)[0] == 204
    assert caller.call("GET", path)[0] == 404


def test_no_answer_holds_the_password(
    administrator: User, call_as: Call, registry: Registry, answers: Answers
) -> None:
    caller, path = call_as(administrator), f"/registries/{registry.pk}"
    told = [
        caller.call("GET", "/registries"),
        caller.call("GET", path),
        caller.call("POST", "/registries", BODY),
        caller.call("PATCH", path, {"password": SECRET, "url": "https://x"}),
        caller.call("PATCH", path, {"password": SECRET, "url": "https://x/y"}),
        caller.call("POST", f"{path}/test"),
        caller.call("POST", "/registries/test", {n: BODY[n] for n in BODY if n != "name"}),
        caller.call("POST", "/registries/test", {"kind": "hub", "password": [SECRET]}),
        caller.call("GET", "/audit"),
    ]
    assert [status for status, _ in told] == [200, 200, 201, 200, 422, 200, 200, 422, 200]
    assert SECRET not in str(told) and registry.password_encrypted not in str(told)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "nexus"}, "kind"),
        ({"url": "https://u:hunter2@h"}, "url"),
        ({"url": "http://h"}, "insecure"),
        ({"tls_ca": "not one"}, "tls_ca"),
        ({"username": ""}, "username"),
        ({"environments": ["nowhere"]}, "environments"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_it_names_the_wrong_field(
    administrator: User, call_as: Call, body: dict[str, Any], field: str
) -> None:
    status, problem = call_as(administrator).call("POST", "/registries", BODY | body)
    assert status == 422
    assert field in problem["errors"]
    assert "hunter2" not in str(problem)


def test_a_viewer_sees_no_user_name_and_no_other_environment(
    viewer: User, call_as: Call, host: Host, staging: Environment, production: Environment
) -> None:
    told = {"tested_at": timezone.now(), "test_message": "It refused robot$ci."}
    make_registry("both", staging, production, **told)
    make_registry("theirs", production)
    caller = call_as(viewer)
    status, found = caller.call("GET", "/registries")
    assert (status, found["count"]) == (200, 1)
    (item,) = found["items"]
    assert (item["name"], item["has_account"], item["username"]) == ("both", True, None)
    assert item["environments"] == ["staging"]
    assert (item["last_test"]["ok"], item["last_test"]["message"]) == (False, "")


def test_it_filters_and_sorts(administrator: User, call_as: Call, db: None) -> None:
    for name, kind in (("b", "quay"), ("a", "quay"), ("c", "hub")):
        make_registry(name, kind=kind)
    caller = call_as(administrator)
    found = caller.call("GET", "/registries?kind=quay&sort=-name")[1]["items"]
    assert [item["name"] for item in found] == ["b", "a"]
    assert caller.call("GET", "/registries?q=C")[1]["count"] == 1
    assert caller.call("GET", "/registries?kind=nexus")[0] == 422


def test_it_keeps_what_a_test_found(
    administrator: User, call_as: Call, registry: Registry, answers: Answers
) -> None:
    answers.ok, answers.code, answers.message = False, "refused", "It was refused."
    answers.advice = "Look at the port."
    caller, path = call_as(administrator), f"/registries/{registry.pk}"
    status, found = caller.call("POST", f"{path}/test")
    assert (status, found["ok"], found["details"]) == (200, False, {"advice": "Look at the port."})
    last = caller.call("GET", path)[1]["last_test"]
    assert (last["ok"], last["code"], last["message"]) == (False, "refused", "It was refused.")
    assert AuditEntry.objects.filter(action="registry.test", via="api").count() == 1
