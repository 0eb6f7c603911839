"""Images as a tar on their way out: read from their engine as they are taken, kept nowhere."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

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
from fleet.packing import Packer, Plain, packer_for
from fleet.seats import NoSeat, Seat, Seats
from fleet.selectors.engine_calls import away_words

SAVE = "image.save"
MOST = 6  # at a time in each web process; each is a thread and a stream at an engine
EACH = 2  # of one user
CONNECT_SECONDS = 3.0
MANY = 100  # in one file
CHECK_SECONDS = 2.0  # how often rights are read: one that was taken ends it within five
LEVEL = 3  # layers are large, and somebody waits
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class NotSaved(Exception):
    """Why there is no file, in words; `status` as HTTP has it."""

    def __init__(self, words: str, status: int = 503) -> None:
        super().__init__(words)
        self.status = status


@contextmanager
def _seating() -> Iterator[None]:
    try:
        yield
    except NoSeat:
        words = _("Too many images are being saved just now. Wait for one of them.")
        raise NotSaved(words, 429) from None


SEATS = Seats(each=EACH, most=MOST)
_threads = ThreadPoolExecutor(MOST, thread_name_prefix="save")


@dataclass
class Download:
    """A tar that an engine is ready to send, and does once somebody takes it.

    It ends at its end, or as soon as `close` is called, from anywhere: Docker copies all of an
    image before the first byte comes, and nobody is to wait for that who has gone. So it does when
    no piece is taken for as long as the seat is kept.
    """

    name: str  # of the file
    engine: Engine
    pieces: Generator[bytes]
    seat: Seat
    stack: ExitStack
    packer: Packer
    check: Callable[[], object]  # raises AccessError once who takes it may not any more
    _lost: Exception | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False
    _awaited: bool = True  # by who takes the pieces; else they have one

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield it piece by piece; who takes none holds up the engine, not us."""
        following = sync_to_async(self._next, thread_sensitive=False, executor=_threads)
        watching = asyncio.create_task(self._watch())
        try:
            with _seating():
                SEATS.keep(self.seat)
            while piece := await following():
                SEATS.keep(self.seat)
                self._awaited = False
                yield piece
                self._awaited = True
        finally:
            watching.cancel()
            self.close()

    def _next(self) -> bytes:
        """Return the next piece, in a thread that may wait and count."""
        with self._lock:
            try:
                piece = self._packed()
            except EngineError as error:
                raise self._lost or error from error
            if self._lost:  # a tar that was cut short must not look like a whole one
                raise self._lost
            return piece

    def _packed(self) -> bytes:
        while piece := next(self.pieces, b""):
            if packed := self.packer.compress(piece):
                return packed
        rest, self.packer = self.packer.flush(), Plain()
        return rest

    async def _watch(self) -> None:
        """Look at rights and seat, also while the engine is silent or nobody takes anything."""
        look = sync_to_async(self._look, thread_sensitive=False)
        while not self._closed:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                SEATS.look(self.seat, moves=self._awaited)
                await look()
            except Exception as error:  # noqa: BLE001 what cannot be read is not allowed
                self._lost = error
                self.close()

    def _look(self) -> None:
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
    actor: Actor, pks: Collection[int], again: Callable[[], Actor], *, packed: bool = False
) -> Download:
    """Look whether images of one host can be saved; its engine begins once the download is read.

    `again` tells who the actor is by then, and raises AccessError once they are nobody. Raises
    Unknown, Refused (`image.save`) or NotSaved.
    """
    rows = _rows(actor, pks)
    host = rows[0].host
    with ExitStack() as stack:
        with _seating():
            seat = SEATS.take(actor.name)
        stack.callback(SEATS.free, seat)
        engine, pieces = _ready(rows, stack)
        for row in rows:
            detail = {"host": host.name, "names": row.tags[:20], "images": len(rows)}
            audit.record(actor, SAVE, row, detail=detail)
        name = f"{file_name(rows)}{'.gz' if packed else ''}"
        packer = packer_for(packed, LEVEL)
        check = partial(_check_right, again, host.pk)
        return Download(name, engine, pieces, seat, stack.pop_all(), packer, check)


def _rows(actor: Actor, pks: Collection[int]) -> list[Image]:
    """Return the images, each asked for at the door. Raises NotSaved for what makes no file."""
    wanted = list(dict.fromkeys(pks))
    if not wanted:
        raise NotSaved(_("Choose at least one image."), 422)
    if too_many := why_too_many(wanted):
        raise NotSaved(too_many, 422)
    rows = [access_image(actor, pk, SAVE) for pk in wanted]
    if len({row.host_id for row in rows}) > 1:
        raise NotSaved(_("Images of one file must be on one host."), 422)
    return rows


def why_too_many(pks: Collection[int]) -> str:
    """Return why so many images do not go into one file; "" when they do."""
    if len(set(pks)) <= MANY:
        return ""
    return _("At most %(number)d images go into one file.") % {"number": MANY}


def _check_right(again: Callable[[], Actor], host_id: int) -> None:
    access_host(again(), host_id, SAVE)


def file_name(rows: Sequence[Image]) -> str:
    """Return a name for the file that no system takes for a path or an option."""
    row = rows[0]
    called = row.tags[0] if row.tags else row.engine_id.removeprefix("sha256:")[:12]
    if len(rows) > 1:
        called = f"{row.host.name}-{len(rows)}-images"
    return f"{_UNSAFE.sub('_', called).strip('._-')[:120] or 'image'}.tar"


def _ready(rows: Sequence[Image], stack: ExitStack) -> tuple[Engine, Generator[bytes]]:
    """Return the open engine, which has the images, with the tar. Raises NotSaved in words."""
    host = rows[0].host
    if host.state in {HostState.UNREACHABLE, HostState.DISABLED}:
        raise NotSaved(away_words(host))
    try:
        endpoint = Endpoint(**host.endpoint_fields())
        engine = stack.enter_context(open_engine(endpoint, connect_timeout=CONNECT_SECONDS))
        refs = [ref for row in rows for ref in _refs(engine, row)]
        return engine, save_image(engine, refs)
    except SecretLost as error:
        raise NotSaved(str(error)) from error
    except EngineError as error:
        said = _("%(host)s: %(why)s")
        raise NotSaved(said % {"host": host.name, "why": error}) from error


def _refs(engine: Engine, row: Image) -> list[str]:
    """Return the names that it has now, so that the file has them, too; or its id."""
    names = map(as_str, as_list(inspect_image(engine, row.engine_id).get("RepoTags")))
    return [name for name in names if name and not name.startswith("<none>")] or [row.engine_id]
