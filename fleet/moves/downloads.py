"""An image as a tar on its way out: read from its engine as fast as it is taken, kept nowhere."""

from __future__ import annotations

import math
import re
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Protocol

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.utils.translation import gettext as _

from fleet import audit
from fleet.access import access_host, access_image
from fleet.actor import Actor
from fleet.crypto import SecretLost
from fleet.engine.client import Engine, open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.engine.images import inspect_image
from fleet.engine.raw import as_list, as_str
from fleet.engine.saving import save_image
from fleet.models import HostState, Image
from fleet.selectors.engine_calls import away_words

SAVE = "image.save"
MOST = 6  # at a time in each web process; each is a thread and a stream at an engine
EACH = 2  # of one user
CONNECT_SECONDS = 3.0
BEGIN_SECONDS = 60.0  # in which one that was asked for has to begin
CHECK_SECONDS = 5.0  # how soon a right that was taken ends it
GZIP = 16 + zlib.MAX_WBITS
LEVEL = 3  # layers are large, and somebody waits
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class NotSaved(Exception):
    """Why there is no file, in words. `busy`: others have to end first."""

    def __init__(self, words: str, *, busy: bool = False) -> None:
        super().__init__(words)
        self.busy = busy


@dataclass(eq=False)
class Seat:
    """One of them. Whose browser went away before it began loses it by itself."""

    who: str
    until: float


class Seats:
    """How many may be under way in this process: bounded, and for each user."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[Seat] = set()

    @property
    def taken(self) -> int:
        """How many are under way."""
        with self._lock:
            return len(self._living())

    def take(self, who: str) -> Seat:
        """Take a seat. Raises NotSaved when there is none."""
        with self._lock:
            living = self._living()
            if sum(seat.who == who for seat in living) >= EACH or len(living) >= MOST:
                raise _no_seat()
            seat = Seat(who, monotonic() + BEGIN_SECONDS)
            living.add(seat)
            return seat

    def keep(self, seat: Seat) -> None:
        """It has begun, and is kept until it ends. Raises NotSaved when it took too long."""
        with self._lock:
            if seat not in self._living():
                raise _no_seat()
            seat.until = math.inf

    def free(self, seat: Seat) -> None:
        """Give it back; safe to call again."""
        with self._lock:
            self._taken.discard(seat)

    def _living(self) -> set[Seat]:
        now = monotonic()
        self._taken -= {seat for seat in self._taken if seat.until < now}
        return self._taken


def _no_seat() -> NotSaved:
    return NotSaved(_("Too many images are being saved just now. Wait for one of them."), busy=True)


class Packer(Protocol):
    """What bytes go through on their way out."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what is to be sent by now."""

    def flush(self) -> bytes:
        """Return the rest, once; then nothing."""


class Plain:
    """Packs nothing."""

    def compress(self, data: bytes, /) -> bytes:
        """Return it as it is."""
        return data

    def flush(self) -> bytes:
        """Return nothing."""
        return b""


SEATS = Seats()
_threads = ThreadPoolExecutor(MOST, thread_name_prefix="save")


@dataclass
class Download:
    """A tar that an engine is ready to send, and does once somebody takes it.

    It ends at its end, or as soon as `close` is called, from anywhere: Docker copies all of an
    image before the first byte comes, and nobody is to wait for that who has gone.
    """

    name: str  # of the file
    engine: Engine
    pieces: Generator[bytes]
    seat: Seat
    stack: ExitStack
    packer: Packer
    check: Callable[[], object]  # raises AccessError once who takes it may not any more
    _looked: float = field(default_factory=monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield it piece by piece; who takes none holds up the engine, not us."""
        following = sync_to_async(self._next, thread_sensitive=False, executor=_threads)
        try:
            SEATS.keep(self.seat)
            while piece := await following():
                yield piece
        finally:
            self.close()

    def _next(self) -> bytes:
        """Return the next piece, in a thread that may wait and count."""
        with self._lock:
            while piece := next(self.pieces, b""):
                self._check()  # after the wait for it, which may have been long
                if packed := self.packer.compress(piece):
                    return packed
            rest, self.packer = self.packer.flush(), Plain()
            return rest

    def _check(self) -> None:
        if monotonic() - self._looked < CHECK_SECONDS:
            return
        self._looked = monotonic()
        try:
            self.check()
        finally:
            close_old_connections()

    def close(self) -> None:
        """Hang up on the engine, which stops; safe to call again."""
        if not self._closed:
            self._closed = True
            self.engine.abort()
            SEATS.free(self.seat)
            _threads.submit(self._end)

    def _end(self) -> None:
        with self._lock, self.stack:
            self.pieces.close()


def open_download(
    actor: Actor, pk: int, again: Callable[[], Actor], *, packed: bool = False
) -> Download:
    """Look whether an image can be saved; its engine begins once the download is read.

    `again` tells who the actor is by then, and raises AccessError once they are nobody. Raises
    Unknown, Refused (`image.save`) or NotSaved.
    """
    row = access_image(actor, pk, SAVE)
    with ExitStack() as stack:
        seat = SEATS.take(actor.name)
        stack.callback(SEATS.free, seat)
        engine, pieces = _ready(row, stack)
        audit.record(actor, SAVE, row, detail={"host": row.host.name, "names": row.tags[:20]})
        name = f"{file_name(row)}{'.gz' if packed else ''}"
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP) if packed else Plain()
        check = partial(_check_right, again, row.host_id)
        return Download(name, engine, pieces, seat, stack.pop_all(), packer, check)


def _check_right(again: Callable[[], Actor], host_id: int) -> None:
    access_host(again(), host_id, SAVE)


def file_name(row: Image) -> str:
    """Return a name for the file that no system takes for a path or an option."""
    called = row.tags[0] if row.tags else row.engine_id.removeprefix("sha256:")[:12]
    return f"{_UNSAFE.sub('_', called).strip('._-')[:120] or 'image'}.tar"


def _ready(row: Image, stack: ExitStack) -> tuple[Engine, Generator[bytes]]:
    """Return the open engine, which has the image, with the tar. Raises NotSaved in words."""
    if row.host.state in {HostState.UNREACHABLE, HostState.DISABLED}:
        raise NotSaved(away_words(row.host))
    try:
        endpoint = Endpoint(**row.host.endpoint_fields())
        engine = stack.enter_context(open_engine(endpoint, connect_timeout=CONNECT_SECONDS))
        return engine, save_image(engine, _refs(engine, row))
    except SecretLost as error:
        raise NotSaved(str(error)) from error
    except EngineError as error:
        said = _("%(host)s: %(why)s")
        raise NotSaved(said % {"host": row.host.name, "why": error}) from error


def _refs(engine: Engine, row: Image) -> list[str]:
    """Return the names that it has now, so that the file has them, too; or its id."""
    names = map(as_str, as_list(inspect_image(engine, row.engine_id).get("RepoTags")))
    return [name for name in names if name and not name.startswith("<none>")] or [row.engine_id]
