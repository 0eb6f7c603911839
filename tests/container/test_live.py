"""A container's open page: it changes by itself, and says what became of the container."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from dashboard.live.topics.container import args_of
from fleet.models import Container, Event, Grant, Host, HostState, User
from fleet.publish import AccessChanged, ContainersChanged, Hint, HostsChanged, publish_async
from tests.conftest import make_container
from tests.live.pages import Page

pytestmark = pytest.mark.django_db(transaction=True)


def head_of(row: Container) -> str:
    """Return the id of the head."""
    return f"container-head-{row.pk}"


async def told(page: Page, element: str, words: str, hint: Hint) -> None:
    """Send a hint; return once an element of the page says these words."""
    await publish_async(hint)
    await page.shows(lambda page: words in page.html.get(element, ""))


async def changed(row: Container, **fields: object) -> ContainersChanged:
    """Write what the watcher would write, return its hint."""
    await Container.objects.filter(pk=row.pk).aupdate(**fields)
    return ContainersChanged(row.host_id, [row.pk], [])


async def test_it_changes_head_and_buttons(operator: User, container: Container) -> None:
    async with Page(operator) as page:
        await page.follow(args_of(container), topic="container")
        assert f"/containers/{container.pk}/stop/" in page.html[head_of(container)]
        hint = await changed(container, state="exited", exit_code=137, oom_killed=True)
        await told(page, head_of(container), "exit 137: killed, out of memory", hint)
        assert f"/containers/{container.pk}/start/" in page.html[head_of(container)]
        assert f"/containers/{container.pk}/stop/" not in page.html[head_of(container)]


async def test_it_sends_only_the_cards_that_changed(viewer: User, container: Container) -> None:
    async with Page(viewer) as page:
        await page.follow(args_of(container), topic="container-overview")
        assert len(page.html) == 6
        page.html.clear()
        card = f"container-mounts-{container.pk}"
        mounts = [{"type": "bind", "source": "/srv/new", "destination": "/x", "rw": True}]
        await told(page, card, "/srv/new", await changed(container, mounts=mounts))
        assert list(page.html) == [card]


async def test_it_shows_that_the_host_went_away(viewer: User, container: Container) -> None:
    async with Page(viewer) as page:
        await page.follow(args_of(container), topic="container")
        await Host.objects.aupdate(state=HostState.UNREACHABLE, state_message="Cut off.")
        await told(page, head_of(container), "Cut off.", HostsChanged([container.host_id]))
        assert "last seen" in page.html[head_of(container)]


async def test_an_open_log_is_told_that_the_host_went_away_and_came_back(
    viewer: User, container: Container
) -> None:
    note, host = f"container-log-host-{container.pk}", [container.host_id]
    async with Page(viewer) as page:
        await page.follow(args_of(container), topic="container-log-host")
        assert "data-away" not in page.html[note]
        await Host.objects.aupdate(state=HostState.UNREACHABLE)
        await told(page, note, "stage-1 was last seen", HostsChanged(host))
        assert "data-away" in page.html[note]
        await Host.objects.aupdate(state=HostState.REACHABLE)
        await publish_async(HostsChanged(host))
        await page.shows(lambda page: "data-away" not in page.html[note])


@pytest.mark.parametrize("topic", ["container", "container-overview", "container-log-host"])
async def test_it_says_what_became_of_a_removed_container(
    viewer: User, container: Container, topic: str
) -> None:
    async with Page(viewer) as page:
        await page.follow(args_of(container), topic=topic)
        pk, host, name = container.pk, container.host, container.name
        await Event.objects.acreate(
            host=host, at=timezone.now(), kind="destroy", object_kind="container",
            object_id=container.engine_id, object_name=name,
        )  # fmt: skip
        await Container.objects.filter(pk=pk).adelete()
        await publish_async(ContainersChanged(host.pk, [], [pk]))
        if topic != "container":
            assert await page.is_silent(), "the page keeps what was last known"
            return
        await page.shows(lambda page: "was removed" in page.html[f"container-head-{pk}"])
        heir = await sync_to_async(make_container)(host, name, engine_id="e" * 64)
        hint = ContainersChanged(host.pk, [heir.pk], [])
        await told(page, f"container-head-{pk}", f'href="/containers/{heir.pk}/"', hint)


async def test_it_takes_the_page_away_with_the_right_to_see_it(
    viewer: User, container: Container
) -> None:
    async with Page(viewer) as page:
        await page.follow(args_of(container), topic="container")
        await Grant.objects.filter(user=viewer).adelete()
        await publish_async(AccessChanged())
        found = await page.until(lambda message: message["type"] == "gone")
        assert found[-1]["topic"] == "container"


@pytest.mark.parametrize("args", ["", "id=x", "id=999&host=x", "id=999&host=999&name=%00"])
async def test_it_knows_nothing_for_strange_arguments(viewer: User, args: str) -> None:
    async with Page(viewer) as page:
        found = await page.follow(args, topic="container")
        assert found[0]["type"] == "gone"


async def test_it_tells_strangers_of_no_container(stranger: User, container: Container) -> None:
    async with Page(stranger) as page:
        found = await page.follow(args_of(container), topic="container")
        assert found[0]["type"] == "gone" and page.html == {}
