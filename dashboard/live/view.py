"""One topic as all those see it who have the same rights, arguments and language."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from django.http import QueryDict

from dashboard.live.difference import Known, update_text
from dashboard.live.pace import Pace
from dashboard.live.threads import run
from dashboard.live.topics.base import Snapshot, Topic
from fleet.access import AccessError
from fleet.actor import Actor
from fleet.cancel import cancel
from fleet.publish import Hint

if TYPE_CHECKING:
    from dashboard.live.viewer import Subscription

log = structlog.get_logger(__name__)

Key = tuple[str, str, Hashable, str, str]
RENDERS_AT_ONCE = 4  # one `docker stop` makes a few hints within milliseconds
RETRY_SECONDS = 1.0  # after the first error; then twice as long each time
LONGEST_SECONDS = 15.0
LATE_AFTER = 2  # errors, one after the other
FRESH_SECONDS = 1.0  # a newcomer is served what was loaded that long ago
MESSAGES_KEPT = 8  # most pages have one of the last few pictures; each message may be large


def key_of(topic: Topic, args: str, seer: Seer) -> Key:
    """Return what distinguishes one view from another."""
    return (topic.name, args, topic.key(seer.actor), seer.language, seer.site)


@dataclass(frozen=True)
class Seer:
    """Whose eyes a picture is for."""

    actor: Actor
    language: str
    site: str  # the host name under which the browser reaches us


class View:
    """Loads its snapshot when a hint concerns it and wakes its viewers, who fetch the difference.

    Viewers pull: a slow one misses the snapshots in between and gets the newest, so nothing
    queues up. The difference between two snapshots is made once, whoever asks for it.
    """

    def __init__(self, topic: Topic, args: str, seer: Seer) -> None:
        self.topic = topic
        self.args = args
        self.query = QueryDict(args)
        self.seer = seer
        self.subscriptions: set[Subscription] = set()
        self.snapshot: Snapshot | None = None
        self.known = Known()
        self.refusal: str | None = None
        self.loaded_at = float("-inf")
        self._messages: OrderedDict[Known, asyncio.Task[str | None]] = OrderedDict()
        self._dirty = False
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        self._pace = Pace(topic.renders_per_second, RENDERS_AT_ONCE)

    @property
    def key(self) -> Key:
        """What the hub finds it by."""
        return key_of(self.topic, self.args, self.seer)

    @property
    def late(self) -> bool:
        """Whether what it shows may be outdated, as it could not be loaded again and again."""
        return self._failures >= LATE_AFTER

    def hear(self, hint: Hint) -> None:
        """Load again if the hint concerns this view."""
        if self.topic.interested(hint, self.query):
            self.touch()

    def freshen(self) -> None:
        """Load unless that was done just now: somebody new wants to see it."""
        if asyncio.get_running_loop().time() - self.loaded_at > FRESH_SECONDS:
            self.touch()

    def touch(self) -> None:
        """Load soon: at once when idle, once more after the load that is under way."""
        self._dirty = True
        if self._task is None:
            self._task = asyncio.create_task(self._refresh())

    async def close(self) -> None:
        """Stop loading: nobody looks any more."""
        if self._task is not None:
            await cancel(self._task)

    async def _refresh(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._dirty and self.subscriptions:
                while not self._pace.take(loop.time()):
                    await asyncio.sleep(self._pace.delay(loop.time()))
                self._dirty = False
                if not await self._load(loop.time()):
                    self._dirty = True
                    pause = RETRY_SECONDS * 2 ** min(self._failures - 1, 10)
                    await asyncio.sleep(min(pause, LONGEST_SECONDS))
        finally:
            self._task = None

    async def _load(self, now: float) -> bool:
        """Load and show; False after an error that is not the viewer's."""
        try:
            snapshot = await run(
                self.topic.load, self.seer.actor, self.query, language=self.seer.language
            )
        except AccessError as refused:
            self.snapshot, self.refusal = None, str(refused)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            self._failed(error)
            return False
        else:
            self._show(snapshot)
        self.loaded_at, self._failures = now, 0
        self._wake_viewers()
        return True

    def _failed(self, error: Exception) -> None:
        if not self._failures:  # the next ones would say the same
            log.error("live_load_failed", topic=self.topic.name, exc_info=error)
        self._failures += 1
        if self._failures == LATE_AFTER:
            self._wake_viewers()

    def _wake_viewers(self) -> None:
        for subscription in self.subscriptions:
            subscription.viewer.wake()

    def _show(self, snapshot: Snapshot) -> None:
        self.refusal = None
        known = Known.of(snapshot)
        if self.snapshot is None or not known.same_as(self.known):
            self.snapshot, self.known = snapshot, known
            self._messages = OrderedDict()

    async def message(self, known: Known) -> tuple[str | None, Known]:
        """Return the update for a page that shows `known`, and what it shows afterwards."""
        snapshot, after = self.snapshot, self.known
        if snapshot is None or known is after:
            return None, known
        task = self._messages.get(known) or self._make(known, snapshot)
        return await asyncio.shield(task), after

    def _make(self, known: Known, snapshot: Snapshot) -> asyncio.Task[str | None]:
        """Make a difference, kept for whoever else asks soon unless it fails."""
        messages, task = self._messages, asyncio.create_task(self._text(known, snapshot))
        messages[known] = task
        while len(messages) > MESSAGES_KEPT:
            messages.popitem(last=False)

        def forget_failure(done: asyncio.Task[str | None]) -> None:
            if done.cancelled() or done.exception():
                messages.pop(known, None)

        task.add_done_callback(forget_failure)
        return task

    async def _text(self, known: Known, snapshot: Snapshot) -> str | None:
        work = (self.topic.name, self.args, known, snapshot, self.seer.site)
        return await run(update_text, *work, language=self.seer.language)
