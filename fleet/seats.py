"""How many of something long may be under way in this process: all together, and for each user."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import monotonic

from django.utils.translation import gettext as _

BEGIN_SECONDS = 60.0  # in which what was asked for has to begin
STILL_SECONDS = 600.0  # for which it may stand still, as when a browser pauses a download


class NoSeat(Exception):
    """There are as many under way as may be."""


class StoodStill(NoSeat):
    """A seat was given to others: nothing moved for too long."""

    def __str__(self) -> str:
        return _("Nothing of it was taken for too long.")


@dataclass(eq=False)
class Seat:
    """One of them, lost by itself when nothing moves: a browser may go, or pause, at any time."""

    who: str
    until: float


class Seats:
    """At most `most` in this process, `each` of one user."""

    def __init__(self, *, each: int, most: int) -> None:
        self._each, self._most = each, most
        self._lock = threading.Lock()
        self._taken: set[Seat] = set()

    @property
    def taken(self) -> int:
        """How many are under way."""
        with self._lock:
            return len(self._living())

    def take(self, who: str) -> Seat:
        """Take a seat. Raises NoSeat."""
        with self._lock:
            living = self._living()
            if sum(seat.who == who for seat in living) >= self._each or len(living) >= self._most:
                raise NoSeat
            seat = Seat(who, monotonic() + BEGIN_SECONDS)
            living.add(seat)
            return seat

    def keep(self, seat: Seat) -> None:
        """It begins, or goes on: it is kept for some time more. Raises StoodStill."""
        self.look(seat, moves=True)

    def look(self, seat: Seat, *, moves: bool) -> None:
        """Keep it while something moves, or is waited for. Raises StoodStill when it is lost."""
        with self._lock:
            if seat not in self._living():
                raise StoodStill
            if moves:
                seat.until = monotonic() + STILL_SECONDS

    def free(self, seat: Seat) -> None:
        """Give it back; safe to call again."""
        with self._lock:
            self._taken.discard(seat)

    def _living(self) -> set[Seat]:
        now = monotonic()
        self._taken -= {seat for seat in self._taken if seat.until < now}
        return self._taken
