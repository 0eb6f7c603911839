"""One viewer's queue."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from fleet.engine.log_blocks import LogBlock
from fleet.logs.marks import Mark
from fleet.logs.places import Place
from fleet.logs.reader import BATCH_BYTES, QUEUE_BYTES, Batch, Item, Reader
from tests.logs.blocks import at, block, numbered, texts


async def all_of(reader: Reader) -> list[Batch]:
    """Return the batches until the reader would wait."""
    found = []
    while True:
        try:
            async with asyncio.timeout(0.05):
                found.append(await reader.next())
        except TimeoutError:
            return found


def large(count: int, start: int = 0) -> list[Item]:
    """Return blocks of a line of 100,000 bytes each."""
    return [numbered(1, number, "y" * 100_000) for number in range(start, start + count)]


async def test_it_gives_blocks_in_order_and_in_batches() -> None:
    reader = Reader()
    sent = large(8)
    reader.put(sent)
    batches = await all_of(reader)
    assert [item for batch in batches for item in batch.items] == sent
    assert len(batches) == 3
    sizes = [
        sum(len(item.data) for item in batch.items if isinstance(item, LogBlock))
        for batch in batches
    ]
    assert max(sizes) < BATCH_BYTES + 100_100


async def test_it_drops_the_oldest_and_counts_their_lines() -> None:
    reader = Reader()
    reader.put([numbered(70), *large(QUEUE_BYTES // 100_000 + 2, 70)])
    first = await reader.next()
    assert first.skipped >= 70
    assert (await reader.next()).skipped == 0


async def test_it_has_less_room_among_many() -> None:
    room = 1_000_000
    reader = Reader(share=lambda: room)
    reader.put(large(9))
    assert reader.crowded
    room = 500_000
    reader.put([Mark("restarted")])
    batches = await all_of(reader)
    assert batches[0].skipped == 5
    assert not reader.crowded


async def test_it_wakes_for_an_answer_without_lines() -> None:
    reader = Reader()
    reader.put([])
    assert await reader.next() == Batch()


async def test_it_ends_after_the_last_line() -> None:
    reader = Reader()
    reader.put(large(4))
    reader.finish(Mark("removed"))
    first, last = await reader.next(), await reader.next()
    assert first.end is None and len(last.items) == 1
    assert last.end == Mark("removed")


async def test_it_goes_on_where_the_viewer_was() -> None:
    here = "2026-01-01T00:00:05Z"
    sent = block(("2026-01-01T00:00:04Z", "z"), *((here, text) for text in "abc"), (at(0), "?"))
    reader = Reader(Place(here, same=2))
    reader.backlog([sent, block(("2026-01-01T00:00:06Z", "d"))], complete=False)
    batch = await reader.next()
    assert (batch.skipped, texts(batch.items)) == (0, ["c", "?", "d"])


async def test_it_leaves_out_the_rest_of_a_long_line_that_was_read() -> None:
    from fleet.engine.log_blocks import pack

    pieces = [pack(1, f"{at(1)} long".encode()), pack(1, f"{at(2)} er\n".encode())]
    reader = Reader(Place(at(1)))
    reader.put([LogBlock(b"".join(pieces), 2, len(pieces[0])), block((at(3), "next"))])
    batch = await reader.next()
    assert (batch.skipped, texts(batch.items)) == (0, ["next"])


async def test_it_says_that_lines_are_missing() -> None:
    place = Place("2025-01-01T00:00:00Z")
    hole, whole = Reader(place), Reader(place)
    hole.backlog([numbered(3)], complete=False)
    whole.backlog([numbered(3)], complete=True)
    assert (await hole.next()).skipped == -1
    assert (await whole.next()).skipped == 0


async def test_it_says_so_too_when_the_stream_began_after_the_viewer_left() -> None:
    fresh, joined = Reader(Place("2025-01-01T00:00:00Z")), Reader(Place(at(0)))
    fresh.put([numbered(3)])
    joined.put([numbered(3)])
    assert (await fresh.next()).skipped == -1
    batch = await joined.next()
    assert (batch.skipped, len(texts(batch.items))) == (0, 2)


async def test_it_leaves_out_what_is_older_than_wanted() -> None:
    reader = Reader(since=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
    reader.put([numbered(2), Mark("restarted"), block(("2026-01-01T00:00:01Z", "new"))])
    assert texts((await reader.next()).items) == ["*restarted", "new"]
