"""Images of an engine as a tar, as ``docker save`` makes it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fleet.engine.errors import EngineError, NotFound
from fleet.engine.images import image_path, is_of_no_image

if TYPE_CHECKING:
    from requests import Response

    from fleet.engine.client import Engine

PIECE = 256 * 1024
# Docker copies the whole to its own disk before the first byte comes.
SILENCE_SECONDS = 1800.0


def save_image(engine: Engine, refs: Sequence[str]) -> Generator[bytes]:
    """Yield a tar with these images, by id or by name; by a name it keeps that one.

    Asked for at the first piece. Closing the iterator hangs up, and the engine stops; so does
    ``engine.abort``: then it raises ``Aborted``, never a tar that just ends. Raises
    ``EngineError``: ``NotFound`` for what the engine has not.
    """
    for ref in refs:
        image_path(ref, "get")  # what no engine takes for a name never goes out
    query = urlencode([("names", ref) for ref in refs])
    with closing(_asked(engine, f"/images/get?{query}")) as answer:
        while piece := _next(engine, answer.raw):
            yield piece
    engine.check_wires()


def _asked(engine: Engine, path: str) -> Response:
    try:
        return engine.stream("GET", path, wait=SILENCE_SECONDS)
    except EngineError as error:
        if is_of_no_image(error):
            raise NotFound("image_gone", raw=error.raw) from error
        raise


def _next(engine: Engine, raw: object) -> bytes:
    try:
        piece: bytes = raw.read(PIECE)  # type: ignore[attr-defined]
    except Exception as error:
        raise engine.explain(error) from error
    return piece
