"""The container list on an open page: it becomes what the database says, by differences."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from fleet.models import Container, Environment, Host, User
from fleet.publish import ContainersChanged, HostsChanged, publish_async
from tests.conftest import make_container
from tests.live.pages import Page

pytestmark = pytest.mark.django_db(transaction=True)


async def change(container: Container, **fields: Any) -> None:
    """Do what the watcher does: write the row, then hint."""
    for name, value in fields.items():
        setattr(container, name, value)
    container.revision += 1
    await container.asave()
    await publish_async(ContainersChanged(container.host_id, [container.pk], []))


async def make(host: Host, name: str, **fields: Any) -> Container:
    """Make a row, then hint."""
    made = await sync_to_async(make_container)(host, name, **fields)
    await publish_async(ContainersChanged(host.pk, [made.pk], []))
    return made


async def test_it_shows_what_the_page_lacks(administrator: User, container: Container) -> None:
    row = f"container-{container.pk}"
    async with Page(administrator) as page:
        await page.follow()
        assert page.rows == [row]
        assert 'data-state="running"' in page.html[row]
        assert "container-chips" in page.html


async def test_it_sends_nothing_to_a_page_that_has_it_all(
    administrator: User, container: Container, sign_in: Any
) -> None:
    async with Page(administrator) as page:
        first = await page.follow()
        have = {
            element: html.split('data-rev="')[1].split('"')[0]
            for element, html in first[0]["set"].items()
        }
    async with Page(administrator) as page:
        again = await page.follow(have=have, lists=first[0]["lists"])
        assert again == [{"type": "ready"}]


async def test_it_repairs_a_page_that_missed_something(
    administrator: User, container: Container
) -> None:
    row = f"container-{container.pk}"
    async with Page(administrator) as page:
        await page.follow(
            have={row: "stale", "container-999": "5"},
            lists={"container-rows": ["container-999", row]},
        )
        assert page.rows == [row]
        assert row in page.html


async def test_it_changes_just_the_row_that_changed(
    administrator: User, host: Host, container: Container
) -> None:
    await make(host, "zebra")
    async with Page(administrator) as page:
        await page.follow()
        await change(container, state="exited", exit_code=137)
        message = await page.next()
        rows = [element for element in message["set"] if element[10:].isdigit()]
        assert rows == [f"container-{container.pk}"]
        assert "exit 137: killed" in message["set"][rows[0]]
        assert "container-rows" not in message["lists"]


async def test_it_inserts_and_removes_rows_in_order(
    administrator: User, host: Host, container: Container
) -> None:
    async with Page(administrator) as page:
        await page.follow()
        first = await make(host, "aaa")
        ids = [f"container-{first.pk}", f"container-{container.pk}"]
        await page.shows(lambda page: page.rows == ids)
        assert ids[0] in page.html
        await first.adelete()
        await publish_async(ContainersChanged(host.pk, [], [first.pk]))
        await page.shows(lambda page: page.rows == ids[1:])


async def test_it_takes_a_row_off_a_list_that_it_no_longer_matches(
    administrator: User, container: Container
) -> None:
    async with Page(administrator) as page:
        await page.follow("state=running")
        assert page.rows == [f"container-{container.pk}"]
        await change(container, state="exited", exit_code=0)
        await page.shows(lambda page: page.rows == [])
        assert "No container matches" in page.html["container-empty"]


async def test_it_follows_the_page_to_another_filter(
    administrator: User, host: Host, container: Container
) -> None:
    other = await make(host, "database")
    async with Page(administrator) as page:
        await page.follow("q=web")
        assert page.rows == [f"container-{container.pk}"]
        await page.send(type="args", topic="containers", args="q=data", have={}, lists={})
        found = await page.until(lambda message: message.get("args") == "q=data")
        assert found[-1]["lists"]["container-rows"] == [f"container-{other.pk}"]


async def test_it_stops_what_the_page_no_longer_names(
    administrator: User, container: Container
) -> None:
    async with Page(administrator) as page:
        await page.follow()
        await page.send(type="subscribe", topics=[])
        await page.send(type="ping")
        await page.until(lambda message: message["type"] == "pong")
        await change(container, state="exited")
        assert await page.is_silent()


async def test_it_draws_rows_again_when_their_host_is_away(
    administrator: User, host: Host, container: Container
) -> None:
    async with Page(administrator) as page:
        await page.follow()
        host.state = "unreachable"
        await host.asave()
        await publish_async(HostsChanged([host.pk]))
        row = f"container-{container.pk}"
        await page.shows(lambda page: "cannot be reached" in page.html[row])
        assert "is-away" in page.html[row]


async def test_it_shows_a_stranger_nothing(stranger: User, container: Container) -> None:
    async with Page(stranger) as page:
        await page.follow()
        assert page.rows == []
        await change(container, state="exited")
        assert await page.is_silent()


async def test_it_shows_each_only_what_they_may_do(
    viewer: User, operator: User, container: Container, other_host: Host
) -> None:
    secret = await make(other_host, "secret")
    row = f"container-{container.pk}"
    async with Page(viewer) as looks, Page(operator) as acts:
        await looks.follow()
        await acts.follow()
        assert looks.rows == acts.rows == [row]
        assert "data-clicks" not in looks.html[row]
        assert 'data-clicks="stop restart"' in acts.html[row]
        assert not any("secret" in html for html in [*looks.html.values(), *acts.html.values()])
        assert f"container-{secret.pk}" not in acts.html


async def test_it_sends_many_changes_as_one_message(administrator: User, host: Host) -> None:
    await sync_to_async(lambda: [make_container(host, f"web-{n}") for n in range(200)])()
    async with Page(administrator) as page:
        await page.follow("size=250")
        ids = [pk async for pk in Container.objects.values_list("pk", flat=True)]
        await Container.objects.all().aupdate(state="exited", exit_code=0, revision=7)
        await publish_async(ContainersChanged(host.pk, ids, []))
        message = await page.next()
        assert len([element for element in message["set"] if element[10:].isdigit()]) == 200
        assert "container-rows" not in message["lists"]


async def test_it_ends_with_the_last_of_a_flood(
    administrator: User, host: Host, container: Container
) -> None:
    row = f"container-{container.pk}"
    async with Page(administrator) as page:
        await page.follow()
        for number in range(100):
            await change(container, name=f"web-{number}")
        await page.shows(lambda page: "web-99" in page.html[row])


async def test_it_escapes_what_engines_say(administrator: User, host: Host) -> None:
    nasty = "<script>alert(1)</script>"
    made = await make(host, nasty, image=nasty, compose_project=nasty)
    async with Page(administrator) as page:
        await page.follow()
        html = page.html[f"container-{made.pk}"]
        assert "<script>" not in html
        assert "&lt;script&gt;" in html


async def test_it_moves_a_host_to_another_environment(
    viewer: User, host: Host, container: Container, production: Environment
) -> None:
    async with Page(viewer) as page:
        await page.follow()
        assert page.rows
        host.environment = production
        await host.asave()
        await publish_async(HostsChanged([host.pk]))
        await page.shows(lambda page: page.rows == [])
