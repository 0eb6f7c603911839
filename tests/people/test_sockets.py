"""Refusals on sockets are written down like those of pages."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import QueryDict

from dashboard.live.topics import STREAMS
from dashboard.live.topics.base import Send, Stream
from fleet.access import access_container
from fleet.actor import Actor
from fleet.models import AuditEntry, Container, User
from tests.live.pages import Page

pytestmark = pytest.mark.django_db(transaction=True)


class Shell(Stream):
    """Something that a viewer may not have."""

    name = "shell"

    def check(self, actor: Actor, args: QueryDict) -> Any:
        """Want more than viewing."""
        return access_container(actor, int(str(args["container"])), "container.exec")

    async def run(self, target: Any, args: QueryDict, send: Send) -> None:
        """Flow no further."""
        await send({"type": "log.end", "reason": "done"})


async def test_it_writes_down_a_refused_stream(
    viewer: User, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STREAMS, "shell", Shell())
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="shell", args=f"container={container.pk}")
        message = (await page.until(lambda found: found["type"] == "gone"))[-1]
    assert "Run commands in containers" in message["message"]
    entry = await sync_to_async(AuditEntry.objects.order_by("-number").first)()
    assert entry is not None
    assert (entry.action, entry.result, entry.actor_name, entry.target_name) == (
        "container.exec", "refused", "vera", container.name,
    )  # fmt: skip
