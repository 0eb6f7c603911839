"""Who may listen, and what they may say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dashboard.live.messages import TOPICS_LIMIT
from dashboard.live.topics import TOPICS
from fleet.models import Container, User
from tests.live.pages import Page

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_sends_nobody_to_the_sign_in_page() -> None:
    async with Page(None) as page:
        messages, code = await page.closed()
        assert messages == [{"type": "bye", "reason": "signed_out"}]
        assert code == 4401


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://localhost:81", "http://localhost.evil.example", "null", ""],
)
async def test_it_refuses_pages_of_other_sites(administrator: User, origin: str) -> None:
    async with Page(administrator, origin=origin) as page:
        assert not page.accepted


async def test_it_refuses_somebody_switched_off(administrator: User) -> None:
    administrator.is_active = False
    async with Page(administrator) as page:
        await User.objects.filter(pk=administrator.pk).aupdate(is_active=False)
        await page.send(type="ping")
    async with Page(None) as page:
        assert (await page.closed())[1] == 4401


async def test_it_answers_a_ping(stranger: User) -> None:
    async with Page(stranger) as page:
        await page.send(type="ping")
        assert await page.next() == {"type": "pong"}


async def test_it_says_ready_to_a_page_without_topics(stranger: User) -> None:
    async with Page(stranger) as page:
        await page.send(type="subscribe", topics=[])
        assert await page.next() == {"type": "ready"}


MANY = {f"row-{number}": "1" for number in range(6000)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"type": "subscribe"}',
        '{"type": "subscribe", "topics": {}}',
        '{"type": "unheard of"}',
        '{"type": "subscribe", "topics": [{"topic": 5}]}',
        '{"type": "args", "topic": "containers", "have": {"a": {"b": 1}}}',
        json.dumps({"type": "args", "topic": "containers", "have": MANY}),
        json.dumps({"type": "args", "topic": "containers", "args": "x" * 40_000}),
        json.dumps({"type": "subscribe", "topics": [{"topic": f"t{n}"} for n in range(9)]}),
        json.dumps({"type": "ping", "more": "x" * 600_000}),
    ],
)
async def test_it_closes_on_what_no_page_sends(stranger: User, text: str) -> None:
    async with Page(stranger) as page:
        await page.send_raw(text=text)
        assert await page.closed() == ([], 4400)


async def test_it_closes_on_binary_frames(stranger: User) -> None:
    async with Page(stranger) as page:
        await page.send_raw(bytes=b"\x00\x01")
        assert (await page.closed())[1] == 4400


async def test_it_closes_on_a_flood(stranger: User) -> None:
    async with Page(stranger) as page:
        for _ in range(60):
            await page.send(type="ping")
        messages, code = await page.closed()
        assert code == 4429
        assert len(messages) < 60


async def test_it_turns_away_one_page_too_many(
    administrator: User, viewer: User, settings: Any
) -> None:
    settings.SOCKETS_PER_USER = 2
    async with Page(administrator) as first:
        async with Page(administrator) as second, Page(administrator) as third:
            assert await third.closed() == ([], 4503)
            async with Page(viewer) as other:
                await other.follow()
            await first.follow()
            await second.follow()
        async with Page(administrator) as again:
            await again.follow()


async def test_it_says_that_a_topic_is_of_another_version(stranger: User) -> None:
    async with Page(stranger) as page:
        messages = await page.follow(topic="something-newer")
        assert messages[0]["type"] == "gone"
        assert messages[0]["topic"] == "something-newer"


async def test_it_closes_on_a_ninth_topic(administrator: User) -> None:
    names = sorted(TOPICS)[: TOPICS_LIMIT + 1]
    async with Page(administrator) as page:
        await page.send(type="subscribe", topics=[{"topic": name} for name in names[:-1]])
        await page.send(type="args", topic=names[0], args="q=web")  # followed already
        await page.send(type="args", topic=names[-1])
        assert (await page.closed())[1] == 4400


@pytest.mark.parametrize("spare", [0, 1])
async def test_it_believes_no_claim_that_is_larger_than_its_topic(
    administrator: User, container: Container, spare: int
) -> None:
    most = TOPICS["containers"].most
    async with Page(administrator) as page:
        first = (await page.follow())[0]
    have = {name: html.split('data-rev="')[1].split('"')[0] for name, html in first["set"].items()}
    others = {f"container-{10**6 + number}": "1" for number in range(most - len(have) + spare)}
    async with Page(administrator) as page:
        again = await page.follow(have=have | others, lists=first["lists"])
    assert [message.get("set") for message in again[:-1]] == [first["set"]] * spare


async def test_it_believes_no_order_that_is_longer_than_its_topic(
    administrator: User, container: Container
) -> None:
    order = [f"container-{number}" for number in range(400)]
    async with Page(administrator) as page:
        first = (await page.follow())[0]
    have = {name: html.split('data-rev="')[1].split('"')[0] for name, html in first["set"].items()}
    async with Page(administrator) as page:
        again = await page.follow(have=have, lists={**first["lists"], "a": order, "b": order})
    assert again[0]["set"] == first["set"]


@pytest.mark.parametrize(
    "args",
    ["%00", "q=%27%22%3Cscript%3E", "page=-1&size=abc", "&&&==", "q=" + "x" * 10_000, "host=" * 99],
)
async def test_it_takes_strange_arguments(administrator: User, container: Any, args: str) -> None:
    async with Page(administrator) as page:
        messages = await page.follow(args)
        assert messages[-1] == {"type": "ready"}
