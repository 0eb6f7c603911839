"""All pictures that open pages look at now, one `View` for each distinct one.

Whoever waits here for a view to end may be overtaken: a page leaves, follows something else or
gets other rights meanwhile. So all is written down before anything is awaited.
"""

from __future__ import annotations

from collections.abc import Collection

from dashboard.live.difference import Known
from dashboard.live.topics import TOPICS
from dashboard.live.topics.base import Topic
from dashboard.live.view import Key, Seer, View, key_of
from dashboard.live.viewer import Subscription, Viewer


class Views:
    """See the module."""

    def __init__(self) -> None:
        self._views: dict[Key, View] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._views)

    def values(self) -> Collection[View]:
        """Return them; a copy, as they come and go."""
        return list(self._views.values())

    async def follow(self, viewer: Viewer, topic: str, args: str, known: Known) -> None:
        """Let a page follow a topic, in place of what it followed under that name."""
        old = viewer.subscriptions.get(topic)
        view = self._view(TOPICS[topic], args, viewer.seer)
        subscription = viewer.subscriptions[topic] = Subscription(viewer, view, known)
        view.subscriptions.add(subscription)
        view.freshen()
        viewer.wake()
        if old is not None:
            await self._drop((old, old.view))

    async def unfollow(self, viewer: Viewer, *topics: str) -> None:
        """Let a page follow topics no more."""
        left = [viewer.subscriptions.pop(name) for name in topics if name in viewer.subscriptions]
        viewer.wake()
        await self._drop(*[(subscription, subscription.view) for subscription in left])

    async def move(self, viewer: Viewer) -> None:
        """Put a page on the views of its user's new rights."""
        left: list[tuple[Subscription, View]] = []
        for subscription in viewer.subscriptions.values():
            old = subscription.view
            new = self._view(old.topic, old.args, viewer.seer)
            if new is not old:
                subscription.view = new
                new.subscriptions.add(subscription)
                new.freshen()
                left.append((subscription, old))
        viewer.wake()
        await self._drop(*left)

    def _view(self, topic: Topic, args: str, seer: Seer) -> View:
        key = key_of(topic, args, seer)
        if key not in self._views:
            self._views[key] = View(topic, args, seer)
        return self._views[key]

    async def _drop(self, *left: tuple[Subscription, View]) -> None:
        """Take subscriptions from views; those that nobody looks at any more end."""
        idle = []
        for subscription, view in left:
            view.subscriptions.discard(subscription)
            if not view.subscriptions and self._views.get(view.key) is view:
                del self._views[view.key]
                idle.append(view)
        for view in idle:
            await view.close()
