"""Images of a followed host: rows that come, change and go; lists that are few and may fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from channels.layers import get_channel_layer

from fleet.engine.errors import EngineError
from fleet.engine.fake import FakeEngine
from fleet.engine.images import ImageSummary
from fleet.models import Container, Host, HostState, Image
from fleet.publish import GROUP, ImagesChanged, hint_of
from fleet.watch import images
from fleet.watch.database import Database
from fleet.watch.fence import LeaseLost
from fleet.watch.image_rows import (
    SEARCH_LIMIT,
    ImageBatch,
    image_values,
    images_not_in,
    save_images,
    without_platform,
)
from fleet.watch.images import changes_images
from fleet.watch.writer import take_over
from tests.watch.conftest import QUICK, event_of, following

pytestmark = pytest.mark.django_db(transaction=True)
Until = Callable[..., Awaitable[Any]]


def image_of(number: int = 1, **changes: Any) -> ImageSummary:
    """Return what an engine's list says of an image."""
    found = ImageSummary(
        engine_id=f"sha256:{number:064x}",
        tags=(f"shop/web:{number}",),
        digests=(f"shop/web@sha256:{number + 1000:064x}",),
        size=1000 * number,
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
        labels={"team": "Blue"},
    )
    return replace(found, **changes)


def tags() -> list[list[str]]:
    return list(Image.objects.order_by("engine_id").values_list("tags", flat=True))


# -- rows -------------------------------------------------------------------------------------


def test_it_writes_only_what_differs_and_keeps_ids(host: Host) -> None:
    first = save_images(host.id, 1, host.name, ImageBatch([image_of(1), image_of(2)]))
    assert (len(first.changed), first.removed) == (2, [])
    again = ImageBatch([image_of(1), image_of(2, tags=("shop/web:2", "shop/web:latest"))])
    second = save_images(host.id, 1, host.name, again)
    row = Image.objects.get(engine_id=image_of(2).engine_id)
    assert second.changed == [row.pk] and row.pk in first.changed
    assert (row.revision, row.tags, row.name) == (
        2,
        ["shop/web:2", "shop/web:latest"],
        "shop/web:2",
    )
    assert save_images(host.id, 1, host.name, again).changed == []


def test_it_deletes_what_is_gone_on_this_host_alone(host: Host, other_host: Host) -> None:
    for one in (host, other_host):
        save_images(one.id, 1, one.name, ImageBatch([image_of(1), image_of(2)]))
    gone = images_not_in(host.id, {image_of(1).engine_id})
    saved = save_images(host.id, 1, host.name, ImageBatch(gone=gone))
    assert len(saved.removed) == 1
    assert host.images.get().engine_id == image_of(1).engine_id
    assert other_host.images.count() == 2


def test_it_refuses_a_write_under_an_older_lease(host: Host) -> None:
    save_images(host.id, 1, host.name, ImageBatch([image_of(1)]))
    take_over(host.id, 2)
    with pytest.raises(LeaseLost):
        save_images(host.id, 1, host.name, ImageBatch(gone=[image_of(1).engine_id]))
    assert tags() == [["shop/web:1"]]


def test_it_keeps_the_strangest_image(host: Host) -> None:
    strange = image_of(
        tags=("x" * 2000, "<script>:1"), size=2**70,
        labels={"nul\0": "\0", "big": "x" * 65536, "db.password": "hunter2"},
        digests=("half \ud83d",),
    )  # fmt: skip
    batch = ImageBatch([strange, image_of(2, tags=(), digests=())])
    save_images(host.id, 1, host.name, batch)
    row, dangling = Image.objects.order_by("engine_id")
    assert (len(row.name), row.tags[1], row.dangling) == (512, "<script>:1", False)
    assert (dangling.name, dangling.dangling, str(dangling)) == ("", True, "0" * 12)
    assert len(row.search) <= SEARCH_LIMIT and "hunter2" not in row.search
    assert save_images(host.id, 1, host.name, batch).changed == []


def test_it_searches_tags_digests_id_labels_and_host() -> None:
    text = image_values(image_of(labels={"Team": "Blue", "key": "secret"}), "Stage-1")["search"]
    for word in ("shop/web:1", f"{1:064x}", f"{1001:064x}", "team=blue", "stage-1"):
        assert word in text
    assert "secret" not in text


# -- events -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "action", "expected"),
    [("image", "pull", True), ("image", "untag", True), ("image", "push", True),
     ("image", "save", False), ("container", "commit", True), ("container", "start", False),
     ("volume", "create", False)],
)  # fmt: skip
def test_it_lists_again_after_what_changes_images(kind: str, action: str, expected: bool) -> None:
    assert changes_images(event_of(action, kind=kind)) == expected


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    async with FakeEngine(tmp_path / "d.sock") as made:
        yield made


@pytest.fixture
def row(host: Host, tmp_path: Path) -> Host:
    """The host's row, never yet reached."""
    host.url, host.state, host.last_seen = f"unix://{tmp_path}/d.sock", HostState.UNKNOWN, None
    host.save()
    return host


def lists(fake: FakeEngine) -> int:
    return sum(request.endswith("/images/json") for request in fake.requests)


async def test_it_follows_images(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    it = fake.state.add("web", "shop/web:1")
    layer = get_channel_layer()
    assert layer is not None
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    async with following(row, database, replace(QUICK, image_pause=0.05)):
        await until(lambda: tags() == [["shop/web:1"]], "listed")
        used = await database.run(lambda: Container.objects.get(engine_id=it.id).image_id)
        assert await database.run(lambda: Image.objects.get().engine_id) == used
        await until(lambda: Image.objects.get().platform == "linux/amd64", "asked for")
        made = fake.images.add("shop/api:1", "shop/api:latest")
        await until(lambda: ["shop/api:1", "shop/api:latest"] in tags(), "pulled")
        fake.images.remove("shop/api:1", force=False)
        await until(lambda: ["shop/api:latest"] in tags(), "untagged")
        fake.images.remove("shop/api:latest", force=False)
        await until(lambda: Image.objects.count() == 1, "removed")
        assert made.id not in fake.images.known
    hints = []
    while True:
        async with asyncio.timeout(5):
            hint = hint_of(await layer.receive(channel))
        if isinstance(hint, ImagesChanged):
            hints.append(hint)
            if hint.removed:
                break
    assert {hint.host for hint in hints} == {row.id}
    assert hints[0].ids and hints[-1].removed == hints[-2].ids


async def test_it_answers_a_burst_by_one_list_more(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    fake.images.add("first:1")
    async with following(row, database, replace(QUICK, image_pause=0.5)):
        await until(lambda: Image.objects.count() == 1, "the first list")
        for number in range(100):
            fake.images.add(f"many:{number}")
            await asyncio.sleep(0)
        await until(lambda: Image.objects.count() == 101, "all of them")
    assert lists(fake) <= 3


async def test_a_list_of_images_that_fails_keeps_the_host_and_its_rows(
    fake: FakeEngine, row: Host, database: Database, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.images.add("kept:1")
    async with following(row, database, replace(QUICK, image_pause=0.05)):
        await until(lambda: Image.objects.count() == 1, "listed")
        with monkeypatch.context() as broken:
            broken.setattr(fake.images, "known", None)
            before = lists(fake)
            fake.state.tell("image", "prune", "", {})
            await until(lambda: lists(fake) > before, "asked")
        fake.state.on_image = lambda name, ident: None
        fake.state.add("web")
        await until(lambda: Container.objects.count() == 1, "containers go on")
        assert await database.run(lambda: Host.objects.get(id=row.id).state) == "reachable"
        assert await database.run(tags) == [["kept:1"]]
        fake.images.add("new:1")
        await until(lambda: Image.objects.count() == 2, "listed again")


async def test_an_image_that_cannot_be_read_holds_up_no_other(
    fake: FakeEngine, row: Host, database: Database, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged one makes the engine answer 500; it is asked for again, behind the others."""
    monkeypatch.setattr(images, "RETRY_SECONDS", 0.3)
    bad, good = fake.images.add("bad:1"), fake.images.add("good:1")
    healthy = bad.inspect

    def damaged() -> None:
        raise OSError

    monkeypatch.setattr(bad, "inspect", damaged)
    async with following(row, database, replace(QUICK, image_pause=0.05, relist=0.2)):
        of_good = Image.objects.filter(engine_id=good.id)
        await until(lambda: of_good.filter(platform="linux/amd64").exists(), "the other one")
        assert not await database.run(Image.objects.filter(platform="").exists)
        monkeypatch.setattr(bad, "inspect", healthy)
        await until(lambda: not Image.objects.filter(platform=None).exists(), "asked again")


async def test_an_engine_that_fails_each_time_is_left_alone(
    fake: FakeEngine, row: Host, database: Database, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def slow(_engine: object, ident: str) -> list[str]:
        asked.append(ident)
        raise EngineError

    monkeypatch.setattr(images, "image_platforms", slow)
    for number in range(9):
        fake.images.add(f"many:{number}")
    async with following(row, database, replace(QUICK, image_pause=0.05)):
        await until(lambda: len(asked) >= 3, "three")
        fake.images.add("new:1")
        await until(lambda: len(asked) >= 6, "three others")
    assert len(set(asked[:6])) == 6


def test_platforms_are_asked_for_once_and_stay(host: Host) -> None:
    batch = ImageBatch([image_of(1), image_of(2)])
    save_images(host.id, 1, host.name, batch)
    first = image_of(1).engine_id
    assert without_platform(host.id, 1) == [first]
    assert without_platform(host.id, 1, {first}) == [image_of(2).engine_id]
    saved = save_images(host.id, 1, host.name, ImageBatch(platforms={first: "linux/arm64/v8\0"}))
    row = Image.objects.get(engine_id=first)
    assert saved.changed == [row.pk] and row.revision == 2
    assert row.platform == "linux/arm64/v8\ufffd"
    assert without_platform(host.id, 9) == [image_of(2).engine_id]
    save_images(host.id, 1, host.name, ImageBatch([image_of(1, size=7)]))
    row.refresh_from_db()
    assert (row.size, row.platform) == (7, "linux/arm64/v8\ufffd")
