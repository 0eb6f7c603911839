"""Logs over the page's socket: blocks of frames, gaps, marks, who joins and how it ended."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.live.threads import run
from dashboard.live.topics.args import number as pk_of
from dashboard.live.topics.base import Send, Stream, register
from dashboard.live.topics.log_clocks import ClockWatch
from dashboard.live.topics.log_wire import messages_of, places_of, told
from fleet.actor import Actor
from fleet.cancel import cancel
from fleet.logs.hub import current_log_hub
from fleet.logs.places import Place, Trail
from fleet.logs.selection import MOST, Selection, Source, selected, selected_now
from fleet.logs.upstream import TAIL

MESSAGE_SECONDS = 0.03  # pause after a message while little comes
OPENING_SECONDS = 0.1  # what comes so soon is what somebody waits for
OPENING_PAUSE = 0.01  # enough for most of the last lines to come at once
BUSY_BYTES = 64 * 1024  # a batch of that much is followed by the next one at once
PASSING = frozenset({"host_gone", "secret_lost"})  # ends that last until somebody mends the host
LOOK_SECONDS = 2.0  # how soon a new container joins, and one that may not be read leaves


@dataclass(frozen=True)
class Wanted:
    """What one page reads, for whom, and in which language."""

    actor: Actor
    selection: Selection
    language: str


def pause_after(size: int, age: float) -> float:
    """Return how long (s) to wait after a message of `size` bytes of a log read for `age` s."""
    if size > BUSY_BYTES:
        return 0
    return OPENING_PAUSE if age < OPENING_SECONDS else MESSAGE_SECONDS


@register
class Logs(Stream):
    """`logs`, with `container=12` (or more of them), `filter=3` or the containers' list's filter.

    After a lost connection also `place=12,<lines>,<time>` and `was=12,<host>,<name>` for each.
    """

    name = "logs"

    def check(self, actor: Actor, args: QueryDict) -> Wanted:
        """Return whose logs they are. Raises Unknown, Refused without `container.logs`."""
        return Wanted(actor, selected(actor, args), translation.get_language() or "")

    async def run(self, target: Wanted, args: QueryDict, send: Send) -> None:
        """Send what comes until the page goes."""
        view = LogView(target, args, send)
        try:
            await view.run()
        finally:
            await view.close()


class LogView:
    """The sources of one page: a task each, which end, join and leave while it is open."""

    def __init__(self, wanted: Wanted, args: QueryDict, send: Send) -> None:
        self._wanted, self._args, self._send = wanted, args, send
        self._places = places_of(args)
        self._saved = wanted.selection.saved
        self._left: set[int] = set()  # containers that no longer belong here
        self._out: set[int] = set()  # those of them that do not come back: their filter is gone
        self._trails: dict[int, Trail] = {}  # by container
        self._tasks: dict[int, asyncio.Task[None]] = {}  # by container
        self._ends: dict[int, str] = {}  # why nothing more came, by container
        self._sources: list[Source] = []  # in the order of their numbers
        self._clocks = ClockWatch(self._mark, wanted.language)

    async def run(self) -> None:
        """Read all, and look now and then who has come and who has gone."""
        sources = self._wanted.selection.sources
        await self._join(sources)
        if any(source.target.endpoint is None for source in sources):
            await self._look()  # one that was made again meanwhile is there
        if more := self._wanted.selection.more:
            await self._tell_more(more)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for task in self._tasks.values():
                if task.done() and not task.cancelled() and (error := task.exception()):
                    raise error
            self._clocks.look(enumerate(self._sources))
            await self._look()

    async def close(self) -> None:
        """End all. Nothing stays behind when whoever waits for that is cancelled once more."""
        ending = asyncio.create_task(cancel(*self._clocks.tasks, *self._tasks.values()))
        await asyncio.shield(ending)

    async def _look(self) -> None:
        actor, args = self._wanted.actor, self._args
        out = self._out if "container" in args else self._left
        known = [source for source in self._sources if source.container not in out]
        now = await run(selected_now, actor, args, known, language=self._wanted.language)
        if now is None:
            return
        await self._tell_filter(now)
        there = {source.container: source for source in now.sources}
        for number, source in enumerate(self._sources):
            if source.container not in there:
                await self._leave(number, source)
        for number, source in enumerate(self._sources):
            found = there.get(source.container)
            if found and self._is_back(found) and self._room():
                await self._come_back(number, found)
        fresh = [source for source in now.sources if source.container not in self._tasks]
        await self._join(fresh[: self._room()])
        await self._tell_chosen(now)

    def _room(self) -> int:
        """Return how many more may join."""
        return max(0, MOST - sum(not task.done() for task in self._tasks.values()))

    async def _leave(self, number: int, source: Source) -> None:
        task = self._tasks[source.container]
        self._left.add(source.container)
        if task.done():
            return
        await cancel(task)
        await self._mark(number, "left", self._words("left", source))

    def _is_back(self, source: Source) -> bool:
        """Return whether one that is found now has left, or ended with its host, before."""
        ended = self._tasks[source.container].done() and self._ends.get(source.container) in PASSING
        return source.container in self._left or (ended and source.target.endpoint is not None)

    async def _come_back(self, number: int, source: Source) -> None:
        """One belongs here again, such as one that runs again: its log goes on where it was."""
        self._left.discard(source.container)
        self._ends.pop(source.container, None)
        self._sources[number] = source
        await self._mark(number, "joined", self._words("joined", source))
        trail = self._trails.get(source.container)
        place = trail.place if trail else self._places.get(source.container)
        self._tasks[source.container] = asyncio.create_task(self._pump(number, source, place))

    async def _tell_filter(self, now: Selection) -> None:
        """Say that the saved filter has changed, or is gone: then its containers stay chosen."""
        before, self._saved = self._saved, now.saved
        if before is None or (now.saved and now.saved.query == before.query):
            return
        if not now.lost:
            await self._mark(0, "filter", self._filter_words("filter", before.name))
            return
        numbers = [source.container for source in now.sources or self._sources]
        del self._args["filter"]
        self._out = set(self._left)
        text = self._filter_words("unfiltered", before.name)
        await self._send(told("log.unfiltered", 0, text=text, args=self._choose(numbers)))

    async def _tell_chosen(self, now: Selection) -> None:
        """Say which containers are asked for after a lost connection, once one is another one."""
        keys = {source.container: source.key for source in self._sources}
        current = {s.key: s.container for s in now.sources if s.container in keys}
        chosen = self._chosen()
        followed = [current.get(keys[pk], pk) if pk in keys else pk for pk in chosen]
        if followed != chosen:
            await self._send(told("log.chosen", 0, args=self._choose(followed)))

    def _chosen(self) -> list[int]:
        """Return the containers of the view, none where a filter finds them."""
        return list(dict.fromkeys(map(pk_of, self._args.getlist("container"))))

    def _choose(self, numbers: list[int]) -> str:
        """Ask for these from now on, also when rights are looked at again. Returns it as `args`."""
        numbers = list(dict.fromkeys(numbers))
        self._args.setlist("container", [str(pk) for pk in numbers])
        self._remember()
        return urlencode([("container", pk) for pk in numbers])

    def _remember(self) -> None:
        """Keep what the chosen ones are: rights may be looked at when their rows are gone."""
        if not (chosen := set(self._chosen())):
            return
        known = [source for source in self._sources if source.container in chosen]
        self._args.setlist("was", [f"{s.container},{s.key[0]},{s.name}" for s in known])

    async def _join(self, sources: tuple[Source, ...] | list[Source]) -> None:
        if not sources:
            return
        first = len(self._sources)
        before = {source.key for source in self._sources}
        self._sources += sources
        numbered = [facts_of(first + n, source) for n, source in enumerate(sources)]
        await self._send({"type": "log.sources", "topic": Logs.name, "sources": numbered})
        for number, source in enumerate(sources, first):
            if first:
                code = "recreated" if source.key in before else "joined"
                await self._mark(number, code, self._words(code, source))
            place = self._places.get(source.container)
            self._tasks[source.container] = asyncio.create_task(self._pump(number, source, place))
        self._remember()

    async def _pump(self, number: int, source: Source, place: Place | None) -> None:
        trail = self._trails[source.container] = Trail(place)
        with current_log_hub().reading(source.target, place) as reader:
            answered = False
            opened = time.monotonic()
            while True:
                batch = await reader.next()
                if not answered:
                    answered = True
                    await self._send(told("log.answered", number, more=reader.more))
                size = 0
                for message in messages_of(batch, number, self._wanted.language):
                    size += len(message) if isinstance(message, bytes) else 0
                    await self._send(message)
                trail.went(batch.items)
                if batch.end is not None:
                    self._ends[source.container] = batch.end.code
                    return
                await asyncio.sleep(pause_after(size, time.monotonic() - opened))

    async def _mark(self, number: int, code: str, text: str) -> None:
        await self._send(told("log.mark", number, code=code, text=text))

    async def _tell_more(self, more: int) -> None:
        with translation.override(self._wanted.language or None):
            text = ngettext(
                "%(more)d more container matches. One view shows %(most)d: choose fewer.",
                "%(more)d more containers match. One view shows %(most)d: choose fewer.",
                more,
            )
        await self._mark(0, "more", text % {"more": more, "most": MOST})

    def _filter_words(self, code: str, name: str) -> str:
        with translation.override(self._wanted.language or None):
            if code == "filter":
                words = _("The filter “%(name)s” was changed: its containers are shown.")
            else:
                words = _(
                    "The filter “%(name)s” was deleted, or is no longer shared."
                    " The containers that were shown stay."
                )
        return words % {"name": name}

    def _words(self, code: str, source: Source) -> str:
        where = {"name": source.name, "host": source.host}
        with translation.override(self._wanted.language or None):
            if code == "recreated":
                return _("%(name)s on %(host)s was made again.") % where
            if code == "joined":
                return _("%(name)s on %(host)s has joined.") % where
            return _("%(name)s on %(host)s no longer belongs here.") % where


def facts_of(number: int, source: Source) -> dict[str, Any]:
    """Return a source as the page's script knows it."""
    title = f"{source.name} · {source.host}" if source.host else source.name
    who = {"index": number, "container": source.container, "name": source.name, "title": title}
    return who | {"host": source.target.host_id, "tail": TAIL}
