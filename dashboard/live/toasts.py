"""Which toasts a hub has shown, and to whom it still owes some.

A page that goes to another address has no socket for a moment. What is told just then is told to
the page that comes; one that had it already shows it once (static/js/toast.js).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from time import monotonic

from dashboard.live.topics.base import Toast

REMEMBERED = 1000
OWED_SECONDS = 3.0


class Toasts:
    """Those of one hub."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, None] = OrderedDict()
        self._recent: deque[tuple[float, Toast]] = deque()
        self._left: dict[int, float] = {}

    def leave(self, user_id: int) -> None:
        """Note that a page of a user has closed."""
        self._left[user_id] = monotonic()

    def just_left(self) -> set[int]:
        """Return whose page has closed a moment ago."""
        since = monotonic() - OWED_SECONDS
        self._left = {user: at for user, at in self._left.items() if at > since}
        return set(self._left)

    def new(self, toasts: Iterable[Toast]) -> list[Toast]:
        """Return those that were not shown yet; they are from now on."""
        found = [toast for toast in toasts if toast.key not in self._shown]
        for toast in found:
            self._shown[toast.key] = None
            self._recent.append((monotonic(), toast))
        while len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)
        return found

    def owed(self, user_id: int) -> list[Toast]:
        """Return what a user's page was told a moment ago, or would have been."""
        since = monotonic() - OWED_SECONDS
        while self._recent and self._recent[0][0] <= since:
            self._recent.popleft()
        return [toast for _at, toast in self._recent if toast.user == user_id]
