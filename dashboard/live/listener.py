"""Listening to hints, and knowing whether any arrive.

A beat that is sent to ourselves shows it. Where none comes for long, the connection that we listen
by is dead without having said so: all of them are closed, and we listen anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from channels.layers import get_channel_layer

from fleet.publish import GROUP, Hint, hint_of

log = structlog.get_logger(__name__)

BEAT_SECONDS = 2.0
MISSED_BEATS = 3
ANEW_SECONDS = 15.0  # without a word, not even from ourselves
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 5.0


class Listener:
    """Calls `hear` for each hint, `late` when it goes deaf or hears again.

    `missed` is called whenever hints may have been lost.
    """

    def __init__(
        self,
        *,
        hear: Callable[[Hint], Awaitable[None]],
        late: Callable[[bool], None],
        missed: Callable[[], None],
    ) -> None:
        self._hear, self._late, self._missed = hear, late, missed
        self._channel = ""
        self._last_beat = 0.0
        self.deaf = False
        self.begun = asyncio.Event()

    async def listen(self) -> None:
        """Listen for ever, whatever happens."""
        while True:
            try:
                async with asyncio.timeout(ANEW_SECONDS) as patience:
                    await self._listen(patience)
            except Exception as error:  # noqa: BLE001 - whatever it is, we listen again
                self.set_deaf(True, repr(error))
                await self._forget()
                await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self, patience: asyncio.Timeout) -> None:
        layer, loop = get_channel_layer(), asyncio.get_running_loop()
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        self._channel, self._last_beat = channel, loop.time()
        if self.begun.is_set():
            self._missed()
        self.begun.set()
        while True:
            message = await layer.receive(channel)
            patience.reschedule(loop.time() + ANEW_SECONDS)
            await self._receive(message)

    async def _forget(self) -> None:
        """Close what we listened by: a new channel would be heard by the same dead connection.

        Nobody else listens by this event loop's layer. A channel that we left in its group, or one
        that could not be subscribed to, would gather messages for ever.
        """
        self._channel = ""
        with suppress(Exception):
            await asyncio.wait_for(get_channel_layer().flush(), CLOSE_SECONDS)

    async def _receive(self, message: dict[str, Any]) -> None:
        if message.get("type") == "beat":
            self._last_beat = asyncio.get_running_loop().time()
            if self.deaf:
                self.set_deaf(False)
                self._missed()
            return
        try:
            hint = hint_of(message)
        except (KeyError, TypeError):
            log.warning("live_strange_hint", kind=str(message.get("kind"))[:40])
            return
        await self._hear(hint)

    async def beat(self) -> None:
        """Send ourselves beats for ever; when none comes back, what pages show may be stale."""
        layer, loop = get_channel_layer(), asyncio.get_running_loop()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if loop.time() - self._last_beat > BEAT_SECONDS * MISSED_BEATS:
                self.set_deaf(True, "no beat")
            if not self._channel:
                continue
            try:
                await asyncio.wait_for(layer.send(self._channel, {"type": "beat"}), BEAT_SECONDS)
            except Exception as error:  # noqa: BLE001 - Redis is away
                self.set_deaf(True, repr(error))

    def set_deaf(self, deaf: bool, why: str = "") -> None:
        """Note whether hints arrive, and tell who has to know."""
        if deaf == self.deaf:
            return
        self.deaf = deaf
        if deaf:
            log.warning("live_hub_deaf", error=why)
        else:
            log.info("live_hub_hears")
        self._late(deaf)
