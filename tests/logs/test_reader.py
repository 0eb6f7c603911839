"""One viewer's queue."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from fleet.logs.lines import OUT, Line
from fleet.logs.marks import Mark
from fleet.logs.reader import BATCH_LINES, QUEUE_LINES, Batch, Item, Place, Reader


def lines(count: int, start: int = 0, text: str = "x") -> list[Item]:
    """Return lines with rising times."""
    return [Line(OUT, f"2026-01-01T00:00:00.{n:09d}Z", text) for n in range(start, start + count)]


async def all_of(reader: Reader) -> list[Batch]:
    """Return the batches until the reader would wait."""
    found = []
    while True:
        try:
            async with asyncio.timeout(0.05):
                found.append(await reader.next())
        except TimeoutError:
            return found


async def test_it_gives_lines_in_order_and_in_batches() -> None:
    reader = Reader()
    sent = lines(BATCH_LINES * 2 + 5)
    reader.put(sent)
    batches = await all_of(reader)
    assert [len(batch.items) for batch in batches] == [BATCH_LINES, BATCH_LINES, 5]
    assert [item for batch in batches for item in batch.items] == sent


async def test_it_drops_the_oldest_and_counts_them() -> None:
    reader = Reader()
    reader.put(lines(QUEUE_LINES + 70))
    first = await reader.next()
    assert first.skipped == 70
    assert first.items[0] == lines(1, start=70)[0]
    assert (await reader.next()).skipped == 0


async def test_it_is_bounded_in_letters_too() -> None:
    reader = Reader()
    for number in range(100):
        reader.put(lines(1, number, "y" * 250_000))
    batch = await reader.next()
    assert batch.skipped > 60
    assert len(batch.items) == 2, "batches are bounded as well"


async def test_it_wakes_for_an_answer_without_lines() -> None:
    reader = Reader()
    reader.put([])
    assert await reader.next() == Batch()


async def test_it_ends_after_the_last_line() -> None:
    reader = Reader()
    reader.put(lines(BATCH_LINES + 1))
    reader.finish(Mark("removed"))
    first, last = await reader.next(), await reader.next()
    assert first.end is None and len(last.items) == 1
    assert last.end == Mark("removed")


async def test_it_goes_on_where_the_viewer_was() -> None:
    here = [Line(OUT, "2026-01-01T00:00:05Z", text) for text in ("a", "b", "c")]
    after = Line(OUT, "2026-01-01T00:00:06Z", "d")
    before = Line(OUT, "2026-01-01T00:00:04Z", "z")
    reader = Reader(Place("2026-01-01T00:00:05Z", same=2))
    reader.backlog([before, *here, after], complete=False)
    assert (await reader.next()).items == [here[2], after]


async def test_it_says_that_lines_are_missing() -> None:
    place = Place("2025-01-01T00:00:00Z")
    hole, whole = Reader(place), Reader(place)
    hole.backlog(lines(3), complete=False)
    whole.backlog(lines(3), complete=True)
    assert (await hole.next()).skipped == -1
    assert (await whole.next()).skipped == 0


async def test_it_says_so_too_when_the_stream_began_after_the_viewer_left() -> None:
    fresh, joined = (
        Reader(Place("2025-01-01T00:00:00Z")),
        Reader(Place("2026-01-01T00:00:00.000000000Z")),
    )
    fresh.put(lines(3))
    joined.put(lines(3))
    assert (await fresh.next()).skipped == -1
    batch = await joined.next()
    assert (batch.skipped, len(batch.items)) == (0, 2)


async def test_it_leaves_out_what_is_older_than_wanted() -> None:
    reader = Reader(since=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
    reader.put([*lines(2), Mark("restarted"), Line(1, "2026-01-01T00:00:01Z", "new")])
    found = (await reader.next()).items
    assert [item.text if isinstance(item, Line) else item.code for item in found] == [
        "restarted", "new",
    ]  # fmt: skip
