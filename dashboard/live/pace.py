"""How often something may happen: a few times at once, then at a steady rate."""

from __future__ import annotations


class Pace:
    """A token bucket over a clock that the caller reads (seconds, monotonic)."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._free_at = 0.0  # when the bucket would be full again

    def delay(self, now: float) -> float:
        """Return how many seconds to wait for the next turn; 0 means now. Takes nothing."""
        return max(0.0, self._free_at - now - (self.burst - 1) / self.rate)

    def take(self, now: float) -> bool:
        """Take a turn if there is one now."""
        if self.delay(now) > 0:
            return False
        self._free_at = max(self._free_at, now) + 1 / self.rate
        return True
