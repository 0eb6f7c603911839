"""An image as a tar on its way out: read from its engine as fast as it is taken, kept nowhere."""

from __future__ import annotations

import re
import threading
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Protocol

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.utils.translation import gettext as _

from fleet import audit
from fleet.access import Refused, access_image
from fleet.actor import Actor
from fleet.crypto import SecretLost
from fleet.engine.client import Engine, open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.engine.images import inspect_image
from fleet.engine.raw import as_list, as_str
from fleet.engine.saving import save_image
from fleet.models import Host, HostState, Image
from fleet.reach import access_of
from fleet.selectors.engine_calls import away_words

SAVE = "image.save"
MOST = 6  # at a time in each web process; each is a thread and a stream at an engine
EACH = 2  # of one user
CONNECT_SECONDS = 3.0
CHECK_SECONDS = 5.0  # how soon a right that was taken ends it
GZIP = 16 + zlib.MAX_WBITS
LEVEL = 3  # layers are large, and somebody waits
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class NotSaved(Exception):
    """Why there is no file, in words. `busy`: others have to end first."""

    def __init__(self, words: str, *, busy: bool = False) -> None:
        super().__init__(words)
        self.busy = busy


class Seats:
    """How many may be under way in this process: bounded, and for each user."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are under way."""
        return self._taken.total()

    def take(self, who: str) -> None:
        """Take a seat. Raises NotSaved when there is none."""
        with self._lock:
            if self._taken[who] >= EACH or self._taken.total() >= MOST:
                words = _("Too many images are being saved just now. Wait for one of them.")
                raise NotSaved(words, busy=True)
            self._taken[who] += 1

    def free(self, who: str) -> None:
        """Give it back."""
        with self._lock:
            self._taken[who] -= 1
            self._taken += Counter()  # forgets who has none


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
    """A tar that has begun. It ends at its end, or as soon as `close` is called, from anywhere."""

    name: str  # of the file
    engine: Engine
    first: bytes
    pieces: Generator[bytes]
    stack: ExitStack
    packer: Packer
    may: Callable[[], bool]  # whether who takes it still may
    _looked: float = field(default_factory=monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield it piece by piece; who takes none holds up the engine, not us."""
        following = sync_to_async(self._next, thread_sensitive=False, executor=_threads)
        try:
            while piece := await following():
                yield piece
        finally:
            self.close()

    def _next(self) -> bytes:
        """Return the next piece, in a thread that may wait and count."""
        with self._lock:
            self._check()
            while piece := self.first or next(self.pieces, b""):
                self.first = b""
                if packed := self.packer.compress(piece):
                    return packed
            rest, self.packer = self.packer.flush(), Plain()
            return rest

    def _check(self) -> None:
        if monotonic() - self._looked < CHECK_SECONDS:
            return
        self._looked = monotonic()
        try:
            if not self.may():
                raise Refused(SAVE)
        finally:
            close_old_connections()

    def close(self) -> None:
        """Hang up on the engine, which stops; safe to call again."""
        if not self._closed:
            self._closed = True
            self.engine.abort()
            _threads.submit(self._end)

    def _end(self) -> None:
        with self._lock, self.stack:
            self.pieces.close()


def open_download(actor: Actor, pk: int, *, packed: bool = False) -> Download:
    """Begin to save an image; return once its engine sends.

    Raises Unknown, Refused (`image.save`) or NotSaved.
    """
    row = access_image(actor, pk, SAVE)
    with ExitStack() as stack:
        stack.enter_context(_seat(actor))
        engine, first, pieces = _begun(row, stack)
        audit.record(actor, SAVE, row, detail={"host": row.host.name, "names": row.tags[:20]})
        name = f"{file_name(row)}{'.gz' if packed else ''}"
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP) if packed else Plain()
        may = partial(_still_may, actor, row.host)
        return Download(name, engine, first, pieces, stack.pop_all(), packer, may)


def _still_may(actor: Actor, host: Host) -> bool:
    return access_of(actor.user).may(SAVE, host)


def file_name(row: Image) -> str:
    """Return a name for the file that no system takes for a path or an option."""
    called = row.tags[0] if row.tags else row.engine_id.removeprefix("sha256:")[:12]
    return f"{_UNSAFE.sub('_', called).strip('._-')[:120] or 'image'}.tar"


@contextmanager
def _seat(actor: Actor) -> Iterator[None]:
    SEATS.take(actor.name)
    try:
        yield
    finally:
        SEATS.free(actor.name)


def _begun(row: Image, stack: ExitStack) -> tuple[Engine, bytes, Generator[bytes]]:
    """Return the open engine with the first piece and the rest. Raises NotSaved in words."""
    if row.host.state in {HostState.UNREACHABLE, HostState.DISABLED}:
        raise NotSaved(away_words(row.host))
    try:
        endpoint = Endpoint(**row.host.endpoint_fields())
        engine = stack.enter_context(open_engine(endpoint, connect_timeout=CONNECT_SECONDS))
        pieces = save_image(engine, _refs(engine, row))
        return engine, next(pieces, b""), pieces
    except SecretLost as error:
        raise NotSaved(str(error)) from error
    except EngineError as error:
        said = _("%(host)s: %(why)s")
        raise NotSaved(said % {"host": row.host.name, "why": error}) from error


def _refs(engine: Engine, row: Image) -> list[str]:
    """Return the names that it has now, so that the file has them, too; or its id."""
    names = map(as_str, as_list(inspect_image(engine, row.engine_id).get("RepoTags")))
    return [name for name in names if name and not name.startswith("<none>")] or [row.engine_id]
