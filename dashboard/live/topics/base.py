"""What a page can follow: topics (pictures of rows, shared), streams (one's own) and notices.

A topic says which hints concern it and loads a `Snapshot`: every element that the page shows,
with its revision and how to draw it. The hub loads each distinct view once for all its
viewers, draws what one of them lacks, and sends each of them just the difference.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

from django.http import QueryDict
from django.utils.functional import Promise

from fleet.actor import Actor
from fleet.publish import Hint

AROUND = 20  # elements around a list, at most
Send = Callable[[dict[str, Any] | bytes], Awaitable[None]]
Kind = TypeVar("Kind", bound="type[Topic] | type[Stream] | type[Notice]")


@dataclass(frozen=True, slots=True)
class Part:
    """An element of a page: its revision, and how to draw it as HTML with `id` and `data-rev`.

    Equal id, revision and language must mean equal HTML: it is kept and used for everybody.
    Whatever the HTML depends on (the row, its host, what the viewer may do) belongs into `rev`.
    """

    rev: str
    render: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a page shows now: fragments and rows by element id, and each list's order."""

    parts: dict[str, Part]
    lists: dict[str, list[str]] = field(default_factory=dict)


class Topic:
    """A picture of rows that many may look at. Subclasses are stateless."""

    name: ClassVar[str]
    most: ClassVar[int] = 100  # elements of it that a page can show
    renders_per_second: ClassVar[float] = 10.0

    def key(self, actor: Actor) -> Hashable:
        """Return what of the actor the picture depends on: actors of equal keys share it.

        A topic that shows "my own" things must put the user's id in here.
        """
        return actor.access

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Return whether the hint may change what is shown; cheap, no queries."""
        raise NotImplementedError

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return what the actor sees now; runs in a thread, in the viewers' language.

        Raises AccessError (Unknown, Refused): the page says so instead of the content.
        """
        raise NotImplementedError


class Stream:
    """Something that flows to one page only, such as a log. Subclasses are stateless.

    A page opens it by `stream.open`; the socket owns the task and cancels it when the page goes,
    closes it or loses its right.
    """

    name: ClassVar[str]

    def check(self, actor: Actor, args: QueryDict) -> Any:
        """Return what `run` needs, read through `fleet.access`; runs in a thread.

        Asked again whenever the viewer's rights may have changed. Raises AccessError.
        """
        raise NotImplementedError

    async def run(self, target: Any, args: QueryDict, send: Send) -> None:
        """Send messages until the end; each `await send(...)` waits for a slow browser.

        Clean up in `finally`: leaving the page cancels this task at any await.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Toast:
    """A short message for all open pages of a user; shown once for each `key`."""

    user: int
    level: Literal["success", "error", "info"]
    message: str | Promise
    key: str
    href: str = ""


class Notice:
    """Turns hints into toasts, such as "Restarted web-1 in 1.8 s". Subclasses are stateless."""

    name: ClassVar[str]

    def interested(self, hint: Hint) -> bool:
        """Return whether a hint may need toasts; cheap, no queries."""
        raise NotImplementedError

    def toasts(self, hint: Hint, users: frozenset[int]) -> list[Toast]:
        """Return the toasts for users with open pages; runs in a thread."""
        raise NotImplementedError


TOPICS: dict[str, Topic] = {}
STREAMS: dict[str, Stream] = {}
NOTICES: dict[str, Notice] = {}


def register(kind: Kind) -> Kind:
    """Add a class to the list of its kind, as a decorator. Raises ValueError for a second one."""
    thing = kind()
    registry: dict[str, Any] = (
        TOPICS if isinstance(thing, Topic) else STREAMS if isinstance(thing, Stream) else NOTICES
    )
    if thing.name in registry:
        raise ValueError(f"{thing.name} is registered twice")
    registry[thing.name] = thing
    return kind
