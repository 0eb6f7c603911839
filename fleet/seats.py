"""How many of something long may be under way in this process: all together, and for each user."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from time import monotonic

BEGIN_SECONDS = 60.0  # in which what was asked for has to begin


class NoSeat(Exception):
    """There are as many under way as may be."""


@dataclass(eq=False)
class Seat:
    """One of them. Whose browser went away before it began loses it by itself."""

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
        """It has begun, and is kept until it ends. Raises NoSeat when it took too long."""
        with self._lock:
            if seat not in self._living():
                raise NoSeat
            seat.until = math.inf

    def free(self, seat: Seat) -> None:
        """Give it back; safe to call again."""
        with self._lock:
            self._taken.discard(seat)

    def _living(self) -> set[Seat]:
        now = monotonic()
        self._taken -= {seat for seat in self._taken if seat.until < now}
        return self._taken
