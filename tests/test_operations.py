"""The one list of operations: permissions, pages, API and audit follow it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from fleet.models import AuditEntry, AuditResult, Container, ContainerState, Environment, Job
from fleet.operations import REGISTRY, Operation, operations_on
from fleet.operations.registry import register
from fleet.permissions import BUILT_IN_ROLES, PERMISSIONS
from fleet.selectors.audit import OTHERS, action_words
from fleet.tokens import create_token
from tests.conftest import grant, make_container, make_host

ROOT = Path(__file__).resolve().parents[1]
ON_CONTAINERS = operations_on("container")
SENT: dict[str, dict[str, Any]] = {"container.rename": {"name": "other"}}


@pytest.fixture
def container(db: None) -> Container:
    """A container in the environment `staging`."""
    return make_container(make_host("stage-1", Environment.objects.create(name="staging")))


def fit(container: Container, operation: Operation) -> None:
    """Bring a container into a state in which the operation makes sense."""
    states = operation.states or {ContainerState.RUNNING}
    Container.objects.filter(pk=container.pk).update(state=sorted(states)[0])


@pytest.mark.parametrize("role", BUILT_IN_ROLES)
@pytest.mark.parametrize("operation", ON_CONTAINERS, ids=lambda one: one.name)
def test_who_may_is_who_has_its_permission(
    operation: Operation, role: str, container: Container, make_user: Any
) -> None:
    user = make_user("ann", role=role, on=container.host)
    fit(container, operation)
    may = operation.permission in BUILT_IN_ROLES[role]
    bearer = {"Authorization": f"Bearer {create_token(user, 'test', None, None)[1]}"}
    client = Client(raise_request_exception=False)
    sent = SENT.get(operation.name, {})
    one = client.post(
        f"/api/v1/containers/{container.pk}/{operation.slug}",
        json.dumps(sent),
        content_type="application/json",
        headers=bearer,
    )
    assert one.status_code == (202 if may else 403), one.content
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    Job.objects.all().delete()
    page = client.post(f"/containers/{container.pk}/{operation.slug}/", {**sent, "confirmed": "1"})
    assert page.status_code in ((200, 302) if may else (403,)), page.content
    refused = AuditEntry.objects.filter(action=operation.name, result=AuditResult.REFUSED)
    assert refused.count() == (0 if may else 2)


@pytest.mark.parametrize("operation", ON_CONTAINERS, ids=lambda one: one.name)
def test_elsewhere_there_is_no_such_container(
    operation: Operation, container: Container, make_user: Any
) -> None:
    user = make_user("eve")
    grant(user, "administrator", Environment.objects.create(name="production"))
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(f"/containers/{container.pk}/{operation.slug}/", SENT.get(operation.name))
    assert answer.status_code == 404
    assert not Job.objects.exists()


@pytest.mark.parametrize("operation", REGISTRY.values(), ids=lambda one: one.name)
def test_each_has_words_and_a_permission(operation: Operation) -> None:
    assert operation.permission in PERMISSIONS
    for text in (operation.verb, operation.sentence):
        assert str(text)
    for text in (operation.doing, operation.done):
        assert "it" in str(text) % {"target": "it"}
    assert action_words(operation.name) == (str(operation.verb), str(operation.sentence))


@pytest.mark.parametrize(
    ("target", "hook"),
    [("container", "allowed"), ("host", "written"), ("host", "same"), ("image", "unfit")],
)
def test_a_hook_that_nobody_calls_is_refused(target: Any, hook: str) -> None:
    known = REGISTRY["container.restart"]
    more: dict[str, Any] = {hook: lambda *given: None}
    operation = replace(known, name="x.restart", needs=known.name, target=target, **more)
    with pytest.raises(ValueError, match=f"{hook} would be passed over"):
        register(operation)
    assert "x.restart" not in REGISTRY


def literals() -> Iterator[str]:
    """Yield every action that the code writes into the audit log by its name."""
    for folder in ("fleet", "dashboard"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("record"):
                    action = node.args[1] if len(node.args) > 1 else None
                    if isinstance(action, ast.Constant):
                        yield str(action.value)


def test_every_action_of_the_audit_log_has_words() -> None:
    found = set(literals())
    assert {"host.create", "session.sign_in"} <= found
    assert found <= REGISTRY.keys() | OTHERS.keys()
    assert action_words("gone.operation") == ("gone.operation", "")
    assert action_words("people.manage")[0] == str(PERMISSIONS["people.manage"])
