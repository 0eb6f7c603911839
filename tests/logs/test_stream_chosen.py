"""Views of chosen containers: they outlive what happens to one of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.http import QueryDict
from django.utils import timezone

from dashboard.live.topics import logs
from fleet.access import Refused, Unknown
from fleet.actor import actor_for
from fleet.engine.fake import FakeEngine
from fleet.logs import target
from fleet.logs.selection import selected
from fleet.logs.target import LogTarget, read_target
from fleet.models import Container, Environment, Grant, Host, HostState, Role, User
from fleet.publish import AccessChanged, publish_async
from tests.conftest import grant, make_container, make_host
from tests.live.pages import Message, Page
from tests.logs.test_stream import engine, lines_from, of, open_log
from tests.waiting import eventually_async

__all__ = ["engine"]  # a fixture
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]


@pytest.fixture
def live(engine: FakeEngine, staging: Environment) -> Host:
    """Its host."""
    return make_host("fake-1", staging, url=engine.url)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often who has come and gone."""
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)


def run(engine: FakeEngine, host: Host, name: str, *said: str) -> Container:
    """Return the row of a container that runs, and has said something."""
    real = engine.state.add(name)
    for text in said:
        real.write(text)
    return make_container(host, name, engine_id=real.id)


async def removed(engine: FakeEngine, row: Container) -> None:
    """Remove a container, at its engine and from the rows."""
    engine.state.remove(engine.state.containers[row.engine_id], True)
    await Container.objects.filter(pk=row.pk).adelete()


def known(*rows: Container) -> str:
    """Return how a page says what its containers were."""
    return "".join(f"&was={row.pk},{row.host_id},{row.name}" for row in rows)


def mark(code: str, number: int) -> Callable[[Message], bool]:
    """Return what knows a mark, or end, of a source."""
    return lambda message: (message.get("code"), message.get("source")) == (code, number)


async def test_a_view_outlives_one_that_is_removed(
    viewer: User, live: Host, engine: FakeEngine
) -> None:
    one, two = [await sync_to_async(run)(engine, live, name) for name in ("web-1", "web-2")]
    async with Page(viewer) as page:
        await open_log(page, one, f"&container={two.pk}")
        await page.until(of("log.answered"))
        await page.until(of("log.answered"))
        await removed(engine, one)
        await page.until(mark("removed", 0))
        await publish_async(AccessChanged())
        engine.state.containers[two.engine_id].write("still here")
        assert [line.text for line in await lines_from(page)] == ["still here"]
        await removed(engine, two)  # the last of them: what was shown stays, and one may come again
        await page.until(mark("removed", 1))
        await publish_async(AccessChanged())
        again = await sync_to_async(run)(engine, live, "web-2")
        await page.until(mark("recreated", 2))
        told = (await page.until(of("log.chosen")))[-1]
        engine.state.containers[again.engine_id].write("born again")
        assert [line.text for line in await lines_from(page)] == ["born again"]
        assert told["args"] == f"container={one.pk}&container={again.pk}"
        await Grant.objects.filter(user=viewer).adelete()
        await publish_async(AccessChanged())
        assert (await page.until(of("gone")))[-1]["message"] == "There is no such container."


async def test_one_that_was_made_again_is_followed_after_a_lost_connection(
    viewer: User, live: Host, engine: FakeEngine
) -> None:
    """Once by its new number, of which the page was told, once by its name."""
    one, two = [await sync_to_async(run)(engine, live, name) for name in ("web-1", "web-2")]
    async with Page(viewer) as page:
        await open_log(page, one, f"&container={two.pk}")
        await page.until(of("log.answered"))
        await removed(engine, one)
        again = await sync_to_async(run)(engine, live, "web-1")
        args = (await page.until(of("log.chosen")))[-1]["args"]
    engine.state.containers[again.engine_id].write("second")
    assert args == f"container={again.pk}&container={two.pk}"
    async with Page(viewer) as page:
        asked = args + known(again, two)
        await page.send(type="stream.open", topic="logs", args=asked)
        assert [line.text for line in await lines_from(page)] == ["second"]
    await removed(engine, again)
    third = await sync_to_async(run)(engine, live, "web-1", "third")
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="logs", args=asked)
        told = (await page.until(of("log.sources")))[-1]["sources"]
        assert [one["container"] for one in told] == [again.pk, two.pk]
        assert told[0]["title"] == "web-1 · fake-1"
        found = await page.until(mark("recreated", 2))
        (joined,) = [one for one in found if one["type"] == "log.sources"]
        assert [one["container"] for one in joined["sources"]] == [third.pk]
        assert [line.text for line in await lines_from(page)] == ["third"]


@pytest.mark.parametrize("args", ["container={pk}", "q=web"])
async def test_one_whose_host_is_switched_on_again_joins_again(
    viewer: User, live: Host, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, args: str
) -> None:
    monkeypatch.setattr(target, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(target, "read_target", read_target)
    row = await sync_to_async(run)(engine, live, "web-1", "one")
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="logs", args=args.format(pk=row.pk))
        assert [line.text for line in await lines_from(page)] == ["one"]
        await Host.objects.aupdate(state=HostState.DISABLED)
        await page.until(mark("host_gone", 0))
        engine.state.containers[row.engine_id].write("meanwhile")
        await Host.objects.aupdate(state=HostState.UNKNOWN)
        told = (await page.until(of("log.mark")))[-1]
        assert (told["code"], told["source"]) == ("joined", 0)
        assert [line.text for line in await lines_from(page)] == ["meanwhile"]


async def test_an_engine_that_hangs_is_told(
    viewer: User, live: Host, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes of it, and nothing ends: the watcher is who knows."""
    looked: list[str] = []

    def look(old: LogTarget) -> LogTarget:
        found = read_target(old)
        looked.append(old.engine_id)
        return found

    monkeypatch.setattr(target, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(target, "read_target", look)
    one, two = [await sync_to_async(run)(engine, live, name) for name in ("web-1", "web-2")]
    async with Page(viewer) as page:
        await open_log(page, one, f"&container={two.pk}")
        for _ in range(2):
            await page.until(of("log.answered"))
        await eventually_async(lambda: len(set(looked)) == 2, "the rows were looked at")
        hangs = {"state": HostState.UNREACHABLE, "state_since": timezone.now()}
        await Host.objects.aupdate(state_code="timeout", **hangs)
        told = [(await page.until(of("log.mark")))[-1] for _ in range(2)]
        assert {(one["code"], one["source"]) for one in told} == {("away", 0), ("away", 1)}
        assert told[0]["text"].startswith("The host does not answer: ")
        engine.state.containers[one.engine_id].write("alive")  # whatever the watcher says
        await page.until(mark("back", 0))
        assert [line.text for line in await lines_from(page)] == ["alive"]
        await Host.objects.aupdate(state=HostState.REACHABLE, state_since=timezone.now())
        assert (await page.until(of("log.mark")))[-1].items() >= {
            "code": "back",
            "source": 1,
        }.items()


def test_those_that_are_gone_are_left_out(host: Host, viewer: User) -> None:
    one, two, there = [make_container(host, f"web-{number}") for number in range(3)]
    args = f"container={one.pk}&container={two.pk}&container={there.pk}"
    Container.objects.filter(pk__in=[one.pk, two.pk]).delete()
    found = selected(actor_for(viewer), QueryDict(args + known(two))).sources
    assert [(source.container, source.name) for source in found] == [
        (two.pk, "web-1"), (there.pk, "web-2"),
    ]  # fmt: skip
    assert found[0].target.problem and found[0].target.problem.code == "removed"
    there.delete()
    with pytest.raises(Unknown):
        selected(actor_for(viewer), QueryDict(args))


def test_one_of_others_is_as_one_that_never_was(host: Host, other_host: Host, viewer: User) -> None:
    """Whatever a page says that it was."""
    theirs = make_container(other_host, "web-1")
    for pk in (theirs.pk, theirs.pk + 1000):
        with pytest.raises(Unknown) as error:
            selected(actor_for(viewer), QueryDict(f"container={pk}&was={pk},{other_host.pk},web-1"))
        assert str(error.value) == "There is no such container."
        (claimed,) = selected(
            actor_for(viewer), QueryDict(f"container={pk}&was={pk},{host.pk},web-1")
        ).sources
        assert (claimed.name, claimed.host, claimed.target.engine_id) == ("web-1", "stage-1", "")


def test_one_that_may_not_be_read_ends_all(host: Host, other_host: Host, viewer: User) -> None:
    mine, theirs = make_container(host), make_container(other_host, "secret")
    seeing = Role.objects.create(name="seeing", permissions=["host.view", "container.view"])
    grant(viewer, "seeing", other_host)
    assert seeing.pk
    with pytest.raises(Refused):
        selected(actor_for(viewer), QueryDict(f"container={mine.pk}&container={theirs.pk}"))


@pytest.mark.parametrize(
    "was", ["", "x", "12", "12,", "12,x,y", "12,3", f"12,{10**30},\x00", ",,,"]
)
def test_it_survives_what_a_page_says_of_them(host: Host, viewer: User, was: str) -> None:
    there = make_container(host)
    args = QueryDict(f"container={there.pk}&container=12", mutable=True)
    args["was"] = was
    assert [one.container for one in selected(actor_for(viewer), args).sources] == [there.pk]
