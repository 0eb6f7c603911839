"""The API's tests of connections that are not stored yet, and the pinned ssh host key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fleet.engine.fake import FakeEngine
from fleet.models import AuditEntry, Host, User
from tests.api.conftest import Caller

Call = Callable[..., Caller]


def test_it_tests_a_connection_before_a_host_is_added(
    fake: FakeEngine, administrator: User, call_as: Call
) -> None:
    caller = call_as(administrator)
    status, probe = caller.call("POST", "/hosts/test", {"url": fake.url})
    assert (status, probe["ok"], probe["facts"]["name"]) == (200, True, "fake")
    status, probe = caller.call("POST", "/hosts/test", {"url": "unix:///nowhere/x.sock"})
    assert (status, probe["ok"], probe["code"]) == (200, False, "socket_missing")
    assert not Host.objects.exists()
    entries = AuditEntry.objects.filter(action="host.test", via="api").order_by("number")
    assert [entry.detail["ok"] for entry in entries] == [True, False]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "tcp://u:hunter2@h:1"}, "url"),
        ({"url": "tcp://h:2376", "tls_cert": "not one"}, "tls_cert"),
        ({"url": "unix:///x.sock", "name": "edge"}, "name"),
    ],
)
def test_it_names_the_wrong_field_of_a_connection(
    administrator: User, call_as: Call, body: dict[str, Any], field: str
) -> None:
    status, problem = call_as(administrator).call("POST", "/hosts/test", body)
    assert status == 422
    assert field in problem["errors"]
    assert "hunter2" not in str(problem)


def test_it_connects_nowhere_for_who_may_not(
    fake: FakeEngine, operator: User, call_as: Call
) -> None:
    assert call_as(operator).call("POST", "/hosts/test", {"url": fake.url})[0] == 403
    assert fake.requests == []


def test_it_forgets_the_pinned_key(administrator: User, host: Host, call_as: Call) -> None:
    Host.objects.update(url="ssh://root@h", ssh_host_key="ssh-ed25519 AAAA")
    status, body = call_as(administrator).call("POST", f"/hosts/{host.pk}/forget-key")
    assert (status, body["id"], body["ssh_host_key"]) == (200, host.pk, "")
    assert Host.objects.get().ssh_host_key == ""
    assert AuditEntry.objects.filter(action="host.forget_key", via="api").exists()
