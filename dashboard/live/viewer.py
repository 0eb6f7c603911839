"""One open page: what it follows, and the sending of what it lacks."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from dashboard.live.difference import Known
from dashboard.live.view import Seer, View

SendText = Callable[[str], Awaitable[None]]
TOASTS_KEPT = 20


class BrowserGone(Exception):
    """The page's connection ended while something was sent: nobody's mistake."""


@dataclass(eq=False, slots=True)
class Subscription:
    """One topic of one page."""

    viewer: Viewer
    view: View
    known: Known
    synced: bool = False  # the page has shown the view's state at least once
    told_gone: bool = False

    async def next(self) -> str | None:
        """Return the next message for this topic, None when the page is up to date."""
        if self.view.refusal is not None:
            return self._gone(self.view.refusal)
        if self.view.snapshot is None:
            return None
        view = self.view
        text, known = await view.message(self.known)
        if self.view is not view:  # the rights have changed meanwhile: not for these eyes
            return None
        self.known, self.synced, self.told_gone = known, True, False
        return text

    def _gone(self, message: str) -> str | None:
        if self.told_gone:
            return None
        self.told_gone = self.synced = True
        self.known = Known()
        return gone_text(self.view.topic.name, message)


def gone_text(topic: str, message: str) -> str:
    """Return the message that replaces a topic's content by a sentence."""
    return json.dumps({"type": "gone", "topic": topic, "message": message})


class Viewer:
    """A page's side in the hub. Its sender sends one message after the other, newest state."""

    def __init__(self, seer: Seer, *, session_key: str, session_hash: str, send: SendText) -> None:
        self.seer = seer
        actor = seer.actor
        self.user_id = actor.user.pk if actor.user else 0
        self.session_key = session_key
        self.session_hash = session_hash  # changes with the password
        self.subscriptions: dict[str, Subscription] = {}
        self.on_rights: Callable[[], None] = lambda: None
        self.on_bye: Callable[[str], None] = lambda _reason: None
        self._send = send
        self._urgent: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._wakeup = asyncio.Event()
        self._asked = self._ready = False
        self._hints_late = self._told_late = False

    def asked(self) -> None:
        """The page has said what it follows: it is told once all of that is up to date."""
        self._asked = True
        self.wake()

    def wake(self) -> None:
        """There may be something to send."""
        self._wakeup.set()

    def tell(self, key: str, message: dict[str, Any]) -> None:
        """Send a small message soon; a newer one of the same key replaces it."""
        self._urgent.pop(key, None)
        self._urgent[key] = message
        while len(self._urgent) > TOASTS_KEPT:
            self._urgent.popitem(last=False)
        self.wake()

    def tell_late(self, late: bool) -> None:
        """Tell the page that changes come late, as no hints arrive, or at once again."""
        self._hints_late = late
        self.wake()

    async def run(self) -> None:
        """Send until cancelled; a slow browser makes this wait, and miss what is outdated."""
        while True:
            await self._wakeup.wait()
            self._wakeup.clear()
            await self._send_urgent()
            for name, subscription in list(self.subscriptions.items()):
                text = await subscription.next()
                if text is not None and self.subscriptions.get(name) is subscription:
                    await self._send(text)
            await self._send_late()
            await self._send_ready()

    async def _send_urgent(self) -> None:
        while self._urgent:
            _key, message = self._urgent.popitem(last=False)
            await self._send(json.dumps(message))

    async def _send_late(self) -> None:
        """Say when changes begin to come late: no hints arrive, or a picture cannot be loaded."""
        late = self._hints_late or any(sub.view.late for sub in self.subscriptions.values())
        if late != self._told_late:
            self._told_late = late
            await self._send(json.dumps({"type": "late", "late": late}))

    async def _send_ready(self) -> None:
        if self._ready or not self._asked:
            return
        if all(sub.synced for sub in self.subscriptions.values()):
            self._ready = True
            await self._send('{"type":"ready"}')
