"""The live hub: one per web process (event loop), for all its open pages.

It listens once to the group of hints, keeps one `View` for each distinct picture, looks after
the viewers' rights, and turns hints into toasts. Hints may be lost, rows are the truth: after a
gap every view loads again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from weakref import WeakKeyDictionary

import structlog
from django.conf import settings
from django.utils import translation

from dashboard.live.all_views import Views
from dashboard.live.difference import Known
from dashboard.live.listener import Listener
from dashboard.live.rights import Rights, read_rights
from dashboard.live.threads import run
from dashboard.live.toasts import Toasts
from dashboard.live.topics import NOTICES
from dashboard.live.topics.base import Notice, Toast
from dashboard.live.viewer import Viewer
from fleet.publish import AccessChanged, Hint

log = structlog.get_logger(__name__)

RIGHTS_SECONDS = 4.0  # a page loses its rights within five
RETRY_SECONDS = 1.0
RELOAD_SECONDS = 30.0  # a net under everything else
LISTEN_SECONDS = 2.0  # how long the first page waits for Redis


class TooManyPages(Exception):
    """A user has as many pages open as one may."""


class LiveHub:
    """See the module."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self.views = Views()
        self._tasks: list[asyncio.Task[None]] = []
        self._listener = Listener(hear=self.hear, late=self._tell_late, missed=self._missed)
        self._rights_changed = asyncio.Event()
        self._rights_lock = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()
        self._toasts = Toasts()

    # --- Viewers ---------------------------------------------------------------------------

    async def join(self, viewer: Viewer) -> None:
        """Add a page; returns once hints arrive, or after a while without.

        Raises TooManyPages.
        """
        if self.pages_of(viewer.user_id) >= settings.SOCKETS_PER_USER:
            raise TooManyPages
        if not self._tasks:
            ears = self._listener
            loops = (ears.listen, ears.beat, self._watch_rights, self._reload)
            self._tasks = [asyncio.create_task(loop()) for loop in loops]
        self.viewers.add(viewer)
        try:
            await asyncio.wait_for(self._listener.begun.wait(), LISTEN_SECONDS)
        except TimeoutError:
            self._listener.set_deaf(True, "Redis does not answer")
        if self._listener.deaf:
            viewer.tell_late(True)
        for toast in self._toasts.owed(viewer.user_id):
            _tell(viewer, toast)

    def pages_of(self, user_id: int) -> int:
        """Return how many pages a user has open."""
        return sum(viewer.user_id == user_id for viewer in self.viewers)

    async def leave(self, viewer: Viewer) -> None:
        """Remove a page and what only it looked at."""
        self.viewers.discard(viewer)
        self._toasts.leave(viewer.user_id)
        await self.views.unfollow(viewer, *viewer.subscriptions)

    async def follow(self, viewer: Viewer, topic: str, args: str, known: Known) -> None:
        """Let a page follow a topic, in place of what it followed under that name.

        Nothing happens for a page that has left. Raises KeyError for a topic that does not exist.
        """
        if viewer in self.viewers:
            await self.views.follow(viewer, topic, args, known)

    async def unfollow(self, viewer: Viewer, *topics: str) -> None:
        """Let a page follow topics no more."""
        await self.views.unfollow(viewer, *topics)

    # --- Hints -----------------------------------------------------------------------------

    async def hear(self, hint: Hint) -> None:
        """Pass a hint on to the views and notices that it concerns."""
        if isinstance(hint, AccessChanged):
            self._rights_changed.set()
        for view in self.views.values():
            view.hear(hint)
        for notice in NOTICES.values():
            if self._listeners() and notice.interested(hint):
                task = asyncio.create_task(self._toast(notice, hint))
                self._background.add(task)
                task.add_done_callback(self._background.discard)

    def _tell_late(self, late: bool) -> None:
        for viewer in self.viewers:
            viewer.tell_late(late)

    def _missed(self) -> None:
        """Look at everything anew: hints may have been lost, also those of rights."""
        self._rights_changed.set()
        for view in self.views.values():
            view.touch()

    async def _reload(self) -> None:
        """Load every view now and then, spread over time, should a hint have been lost."""
        while True:
            views = self.views.values()
            for view in views:
                await asyncio.sleep(RELOAD_SECONDS / len(views))
                view.touch()
            if not views:
                await asyncio.sleep(RELOAD_SECONDS)

    # --- Rights ----------------------------------------------------------------------------

    async def _watch_rights(self) -> None:
        failing = False
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rights_changed.wait(), RIGHTS_SECONDS)
            told = self._rights_changed.is_set()
            self._rights_changed.clear()
            try:
                await self.check_rights(told=told)
                failing = False
            except Exception:
                if not failing:
                    log.exception("live_rights_failed")
                failing = True
                if told:
                    self._rights_changed.set()  # nobody has looked yet
                await asyncio.sleep(RETRY_SECONDS)

    async def check_rights(self, *, told: bool = False) -> None:
        """Read all viewers' rights and sessions; say goodbye to who may not stay.

        `told` that something has changed, look at all streams too: a host that moved to another
        environment leaves the rights of its viewers as they were.
        """
        async with self._rights_lock:
            viewers = list(self.viewers)
            rights = await run(
                read_rights,
                [viewer.user_id for viewer in viewers],
                [viewer.session_key for viewer in viewers],
            )
            for viewer in viewers:
                if viewer in self.viewers:
                    await self._judge(viewer, rights, told)

    async def _judge(self, viewer: Viewer, rights: Rights, told: bool) -> None:
        verdict = rights.verdict(viewer.user_id, viewer.session_key, viewer.session_hash)
        if verdict != "stay":
            await self.leave(viewer)
            viewer.on_bye(verdict)
            return
        access = rights.accesses[viewer.user_id]
        if access != viewer.seer.actor.access:
            actor = replace(viewer.seer.actor, user=rights.users[viewer.user_id], access=access)
            viewer.seer = replace(viewer.seer, actor=actor)
            viewer.on_rights()
            await self.views.move(viewer)
        elif told:
            viewer.on_rights()

    # --- Toasts ----------------------------------------------------------------------------

    def _listeners(self) -> frozenset[int]:
        """Return the users who have a page, or had one a moment ago."""
        return frozenset(viewer.user_id for viewer in self.viewers) | self._toasts.just_left()

    async def _toast(self, notice: Notice, hint: Hint) -> None:
        try:
            toasts = await run(notice.toasts, hint, self._listeners())
        except Exception:
            log.exception("live_notice_failed", notice=notice.name)
            return
        for toast in self._toasts.new(toasts):
            for viewer in self.viewers:
                if viewer.user_id == toast.user:
                    _tell(viewer, toast)


def _tell(viewer: Viewer, toast: Toast) -> None:
    with translation.override(viewer.seer.language):
        message = str(toast.message)
    said = {"type": "toast", "level": toast.level, "message": message, "href": toast.href}
    viewer.tell(toast.key, said)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, LiveHub] = WeakKeyDictionary()


def open_pages() -> int:
    """Return how many pages are open in this process, whatever thread asks."""
    return sum(len(hub.viewers) for hub in list(_hubs.values()))


def current_hub() -> LiveHub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = LiveHub()
    return _hubs[loop]
