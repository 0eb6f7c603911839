"""The pages of the audit log: filters, its chain, the log as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from fleet.actor import actor_for
from fleet.audit import record
from fleet.models import AuditEntry, Host, User
from tests.people.test_pages import ADMIN, SCRIPT, page


def test_it_shows_and_filters_the_audit_log(
    client: Client, administrator: User, operator: User, host: Host
) -> None:
    record(actor_for(operator), "host.remove", host, result="refused", detail={"path": SCRIPT})
    shown = page(client, f"{ADMIN}audit/?actor=olga")
    assert "host.remove" in shown
    assert SCRIPT not in shown
    assert "session.sign_in</td>" not in shown
    assert "No entry matches" in page(client, f"{ADMIN}audit/?actor=nobody")
    assert "write a date" in page(client, f"{ADMIN}audit/?since=soon")


def test_it_checks_the_chain_on_demand(client: Client, administrator: User, host: Host) -> None:
    record(actor_for(administrator), "host.update", host)
    assert "fit together" in page(client, f"{ADMIN}audit/check/", {})
    AuditEntry.objects.filter(number=1).update(address="10.0.0.1")
    assert "Entry 1 does not fit" in page(client, f"{ADMIN}audit/check/", {})


@pytest.mark.django_db(transaction=True)
async def test_it_streams_the_log_as_csv(make_user: Callable[..., User]) -> None:
    def prepare() -> User:
        user = make_user("root", role="administrator")
        record(actor_for(user), "host.update", user, detail={"name": "größe"})
        User.objects.filter(pk=user.pk).update(username="=cmd()")
        record(actor_for(User.objects.get()), "host.update", user)
        return User.objects.get()

    user = await sync_to_async(prepare)()
    client = AsyncClient()
    await client.aforce_login(user, backend="django.contrib.auth.backends.ModelBackend")
    response: Any = await client.get(
        f"{ADMIN}audit.csv?action=host.", headers={"Accept-Encoding": "gzip"}
    )
    assert response.streaming and response["Content-Encoding"] == "identity"
    (piece,) = [part async for part in response]
    text = piece.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["number"] for row in rows] == ["1", "2"]
    assert rows[0]["detail"] == '{"name": "größe"}'
    assert rows[1]["actor_name"] == "'=cmd()"
