"""Tells a view of several hosts whose clock is not ours: its lines are merged by their times."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from django.utils import translation
from django.utils.translation import gettext as _

from dashboard.job_words import seconds_words
from fleet.logs.hub import current_log_hub
from fleet.logs.selection import Source

WRONG_SECONDS = 2.0
AGAIN_SECONDS = 10.0  # until a host that did not tell is asked again
Tell = Callable[[int, str, str], Awaitable[None]]  # number of a source, code, text


class ClockWatch:
    """Looks at the clock of each host of a view, once it answers, and tells what is wrong once."""

    def __init__(self, tell: Tell, language: str) -> None:
        self._tell, self._language = tell, language
        self._tasks: dict[int, asyncio.Task[bool]] = {}  # by host; whether its clock is known

    def look(self, sources: Iterable[tuple[int, Source]]) -> None:
        """Look at the clocks of those whose hosts have not told theirs yet."""
        hosts = {source.target.host_id: (number, source) for number, source in sources}
        if len(hosts) < 2:
            return
        for host, (number, source) in hosts.items():
            task = self._tasks.get(host)
            if task is None or (task.done() and not task.result()):
                self._tasks[host] = asyncio.create_task(self._ask(number, source))

    @property
    def tasks(self) -> Iterable[asyncio.Task[bool]]:
        """What looks: it goes on until it is cancelled."""
        return self._tasks.values()

    async def _ask(self, number: int, source: Source) -> bool:
        target = source.target
        ahead = await current_log_hub().clocks.wrong(target.host_id, target.endpoint)
        if ahead is not None and abs(ahead) > WRONG_SECONDS:
            await self._tell(number, "clock", self._words(source.host, ahead))
        if ahead is None:
            await asyncio.sleep(AGAIN_SECONDS)
        return ahead is not None

    def _words(self, host: str, ahead: float) -> str:
        with translation.override(self._language or None):
            if ahead > 0:
                text = _("The clock of %(host)s is %(time)s ahead of Quayside's.")
            else:
                text = _("The clock of %(host)s is %(time)s behind Quayside's.")
            why = _("Among those of other hosts its lines may stand at the wrong place.")
            time = seconds_words(round(abs(ahead)))
        return f"{text % {'host': host, 'time': time}} {why}"
