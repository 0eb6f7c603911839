"""Drawn elements, kept for everybody who sees the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from django.utils.translation import get_language

from dashboard.live.moments import finish
from dashboard.live.topics.base import Part, Snapshot

Key = tuple[str, str, str]


class HtmlCache:
    """HTML by (element id, revision, language); the least used goes when it is full."""

    def __init__(self, limit: int = 32 * 1024 * 1024) -> None:
        self.limit = limit  # characters
        self.size = 0
        self._kept: OrderedDict[Key, str] = OrderedDict()
        self._lock = threading.Lock()

    def draw(self, part_id: str, part: Part) -> str:
        """Return the element's HTML in the active language, drawn now or earlier."""
        key = (part_id, part.rev, get_language() or "")
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        html = part.render()
        self._keep(key, html)
        return html

    def _keep(self, key: Key, html: str) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = html
                self.size += len(html)
            while self.size > self.limit and self._kept:
                _key, old = self._kept.popitem(last=False)
                self.size -= len(old)


CACHE = HtmlCache()


def draw(snapshot: Snapshot, ids: Iterable[str], site: str) -> dict[str, str]:
    """Return the HTML of some parts of a snapshot, for a first paint or an update.

    `site` is the host name under which the viewer's browser reaches us (`moments.site_of`).
    """
    return {part_id: finish(CACHE.draw(part_id, snapshot.parts[part_id]), site) for part_id in ids}
