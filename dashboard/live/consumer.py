"""The socket of a page: who it is, what it asks for, and its own streams."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any, cast

import structlog
from django.http import QueryDict
from django.utils import translation
from django.utils.translation import gettext as _

from dashboard.live.difference import Known
from dashboard.live.hub import TooManyPages, current_hub
from dashboard.live.messages import (
    TOPICS_LIMIT,
    ChangeArgs,
    CloseStream,
    Following,
    Malformed,
    Message,
    OpenStream,
    Subscribe,
    parse,
)
from dashboard.live.pace import Pace
from dashboard.live.socket import FULL, MALFORMED, OUR_BUG, TOO_MANY, Socket
from dashboard.live.streams import Streams
from dashboard.live.topics import STREAMS, TOPICS
from dashboard.live.topics.base import Topic
from dashboard.live.viewer import BrowserGone, Viewer, gone_text

log = structlog.get_logger(__name__)

MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 10.0, 40


def believed(following: Following, topic: Topic) -> Known:
    """Return what the page shows, nothing if it claims more than there can be: it gets all."""
    listed = sum(len(order) for order in following.lists.values())
    if max(len(following.have), listed) > topic.most:
        return Known()
    return Known(following.have, following.lists)


class LiveConsumer(Socket):
    """`/ws/live/`: one for each open page."""

    viewer: Viewer | None = None
    sender: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept who is signed in; browsers learn a refusal's reason only after accepting."""
        await self.accept()
        viewer = await self._recognise(self.send_text)
        if viewer is None:
            return
        self.viewer = viewer
        self.lock = asyncio.Lock()
        self.pace = Pace(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE)
        self.hub = current_hub()
        self.streams = Streams(viewer, self.send_message)
        viewer.on_bye = self._on_bye
        viewer.on_rights = self.streams.check_soon
        try:
            await self.hub.join(viewer)
        except TooManyPages:
            await self._refuse(FULL)
            return
        if self.viewer is None:  # the hub said goodbye meanwhile
            return
        self.sender = asyncio.create_task(viewer.run())
        self.sender.add_done_callback(self._sender_ended)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what the page asks for; close the socket for what no page of ours sends."""
        if self.viewer is None:
            return
        if not self.pace.take(asyncio.get_running_loop().time()):
            await self._refuse(TOO_MANY)
            return
        try:
            message = parse(text_data)
        except Malformed as error:
            log.info("live_malformed", user=self.viewer.user_id, error=str(error))
            await self._refuse(MALFORMED)
            return
        with suppress(BrowserGone):
            await self._handle(message)

    async def _handle(self, message: Message) -> None:
        if isinstance(message, Subscribe):
            await self._subscribe(message)
        elif isinstance(message, ChangeArgs):
            await self._follow(cast(Viewer, self.viewer), message)
        elif isinstance(message, OpenStream):
            await self._open(message)
        elif isinstance(message, CloseStream):
            await self.streams.close(message.topic)
        else:
            await self.send_text('{"type":"pong"}')

    async def _subscribe(self, message: Subscribe) -> None:
        viewer = cast(Viewer, self.viewer)
        wanted = {following.topic for following in message.topics}
        await self.hub.unfollow(viewer, *(set(viewer.subscriptions) - wanted))
        for following in message.topics:
            await self._follow(viewer, following)
        viewer.asked()

    async def _follow(self, viewer: Viewer, following: Following) -> None:
        topic = TOPICS.get(following.topic)
        if topic is None:
            await self._unknown(following.topic)
        elif len(viewer.subscriptions.keys() | {topic.name}) > TOPICS_LIMIT:
            await self._refuse(MALFORMED)
        else:
            await self.hub.follow(viewer, topic.name, following.args, believed(following, topic))

    async def _open(self, message: OpenStream) -> None:
        if message.topic in STREAMS:
            await self.streams.open(STREAMS[message.topic], QueryDict(message.args, mutable=True))
        else:
            await self._unknown(message.topic)

    async def _unknown(self, topic: str) -> None:
        with translation.override(self.language):
            text = _("This part of the page is of another version of Quayside. Reload the page.")
        await self.send_text(gone_text(topic, text))

    async def send_text(self, text: str) -> None:
        """Send one message; waits while the browser is slow. Raises BrowserGone."""
        await self._put(text_data=text)

    async def send_message(self, message: dict[str, Any] | bytes) -> None:
        """Send one message of a stream."""
        if isinstance(message, bytes):
            await self._put(bytes_data=message)
        else:
            await self.send_text(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    async def _put(self, **data: Any) -> None:
        async with self.lock:
            try:
                await self.send(**data)
            except OSError as error:
                raise BrowserGone from error

    def _on_bye(self, reason: str) -> None:
        self.farewell = asyncio.create_task(self._bye(reason))

    async def _bye(self, reason: str) -> None:
        await self._stop()
        await super()._bye(reason)

    async def _refuse(self, code: int) -> None:
        await self._stop()
        await self._close(code)

    def _sender_ended(self, sender: asyncio.Task[None]) -> None:
        if sender.cancelled() or isinstance(error := sender.exception(), BrowserGone):
            return
        if error is not None:
            log.error("live_sender_failed", error=repr(error), exc_info=error)
            self.farewell = asyncio.create_task(self._refuse(OUR_BUG))

    async def _stop(self) -> None:
        """Send nothing more and follow nothing more."""
        viewer, self.viewer = self.viewer, None
        if viewer is None:
            return
        await self.hub.leave(viewer)
        await self.streams.close_all()
        if self.sender is not None and self.sender is not asyncio.current_task():
            self.sender.cancel()

    async def _clean_up(self) -> None:
        with suppress(Exception):
            await self._stop()
