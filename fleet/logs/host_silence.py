"""What the watcher says of the host of what is read.

An engine that hangs sends nothing and ends nothing: a quiet stream cannot know.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from fleet.engine.errors import EngineError
from fleet.logs.target import Silence


class Teller(Protocol):
    """Who tells readers; `away` while they were told that the host does not answer."""

    away: bool

    def tell_away(self, error: EngineError) -> None:
        """Tell that the host does not answer."""

    def tell_back(self) -> None:
        """Tell that it answers again."""


class HostSilence:
    """Tells of a host that is silent, once, while one connection lasts."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._heard = False
        self._known: datetime | None = None  # since when it is silent, as we know and do not tell
        self._told = False

    def hear(self, silence: Silence | None) -> None:
        """Take what the host's row says now.

        What it said when the connection was made is older than that: a watcher comes back to a
        host later than who reads of it.
        """
        since = silence and silence.since
        if not self._heard:
            self._heard, self._known = True, since
        elif silence is None:
            self._end()
        elif since != self._known:
            self._known = since
            if not self._teller.away:
                self._told = True
                self._teller.tell_away(EngineError(silence.code))

    def _end(self) -> None:
        if self._told and self._teller.away:
            self._teller.tell_back()
        self._told = False
