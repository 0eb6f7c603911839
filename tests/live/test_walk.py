"""Every topic and stream as everybody, over the real socket; what is expected is in walk_table."""

from __future__ import annotations

import re

import pytest

from dashboard.live.topics import STREAMS
from tests.live.pages import Page
from tests.walk_routes import ROLES
from tests.walk_table import TOPICS
from tests.world import World, world

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["world"]
OPENED = ("log.sources", "log.part", "stats")  # what streams that may be read begin with


@pytest.mark.parametrize("role", ROLES)
async def test_the_socket_shows_topics_to_whom_it_should(role: str, world: World) -> None:
    async with Page(world.people[role]) as page:
        if role == ROLES[0]:
            assert (await page.closed())[1] == 4401
            return
        expected = {
            name: all_roles.split()[ROLES.index(role)] for name, (_, all_roles) in TOPICS.items()
        }
        found = {name: await seen(page, name, world) for name in TOPICS}
    assert found == expected


async def seen(page: Page, name: str, world: World) -> str:
    """Return `gone`, or `rows` or `none` for whether the world's objects are in what came."""
    args = re.sub(r"\{(\w+)\}", lambda m: str(getattr(world, m[1]).pk), TOPICS[name][0])
    if name in STREAMS:
        await page.send(type="stream.open", topic=name, args=args)
        first = (await page.until(lambda said: said["type"] in ("gone", *OPENED)))[-1]
        await page.send(type="stream.close", topic=name)
        return "gone" if first["type"] == "gone" else "rows"
    await page.send(
        type="subscribe", topics=[{"topic": name, "args": args, "have": {}, "lists": {}}]
    )
    first = (await page.until(lambda said: said.get("topic") == name))[-1]
    if first["type"] == "gone":
        return "gone"
    drawn = "".join(first["set"].values())
    return "rows" if "stage-1" in drawn or "web-1" in drawn else "none"
