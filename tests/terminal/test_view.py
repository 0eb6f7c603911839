"""What waits for one viewer, and what it is believed."""

from __future__ import annotations

from fleet.engine.terminals import Size
from fleet.terminal.view import WINDOW, View


async def test_nobody_has_shown_what_was_not_sent() -> None:
    view = View(Size(), acks=True)
    view.put(b"x" * WINDOW)
    assert view.shown(10**12) == 0
    assert not view.has_room
    await view.next()
    assert view.shown(10**12) == WINDOW
    assert view.has_room


async def test_what_was_sent_counts_until_it_is_shown() -> None:
    view = View(Size(), acks=True)
    view.put(b"x" * (WINDOW - 1))
    view.sent(await view.next())
    assert view.has_room
    view.put(b"x")
    assert not view.has_room
    assert (view.shown(-5), view.shown(1)) == (0, 1)
    assert view.has_room


async def test_a_viewer_that_tells_nothing_has_shown_what_it_was_sent() -> None:
    view = View(Size())
    view.put(b"x" * WINDOW)
    item = await view.next()
    assert not view.has_room
    view.sent(item)
    assert view.has_room
