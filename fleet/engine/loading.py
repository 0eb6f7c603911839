"""Putting images of a tar into an engine, as ``docker load`` does."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet.engine.errors import DISK_FULL, Aborted, EngineError, Unreachable
from fleet.engine.images import image_id
from fleet.engine.progress import LayerProgress, Said, error_of, parse_progress, read_objects
from fleet.engine.protocol import http_error
from fleet.engine.raw import as_dict, as_str

if TYPE_CHECKING:
    from requests import Response

    from fleet.engine.client import Engine

# Without a byte for so long: either way, while it is sent and while the engine unpacks.
SILENCE_SECONDS = 900.0
_LOADED = re.compile(r"^Loaded image(?:\(s\)| ID)?:\s*(.+)$", re.MULTILINE)
# An engine's words for what is wrong with a tar. The first that fits decides.
_WORDS = (
    (DISK_FULL, "disk_full"),
    (r"unexpected EOF|invalid tar header|archive/tar", "tar_damaged"),
    (r"(manifest\.json|index\.json|repositories): (no such file|file does not exist)"
     r"|does not contain a manifest\.json"
     r"|payload does not match|unrecognized image format", "tar_no_images"),
    (r"no such file|file does not exist|checksum|digest|invalid archive", "tar_damaged"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is there now: names as the engine tells them, and ids of what has no name."""

    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


def load_image(engine: Engine, pieces: Iterable[bytes]) -> Generator[LayerProgress | Said | Loaded]:
    """Send a tar; yield what the engine tells of it, and ``Loaded`` at the end.

    The names are given once all is there: what breaks off leaves none. An error of ``pieces``
    comes out as it is. Raises ``EngineError`` in words.
    """
    with closing(engine.stream("GET", "/_ping")) as ping:
        ping.content  # noqa: B018 - a connection that stands, so that no time goes for a new one
    names: list[str] = []
    with closing(_send(engine, pieces)) as answer:
        try:
            for raw in read_objects(answer.raw.stream(65536)):
                if message := error_of(raw):
                    raise http_error(500, json.dumps({"message": message}).encode())
                names += _loaded(as_str(raw.get("stream")))
                if (found := parse_progress(raw)) is not None:
                    yield found
        except Exception as error:
            raise explain_load(engine.explain(error)) from error
    ids = tuple(filter(None, map(image_id, names)))
    yield Loaded(tuple(name for name in names if not image_id(name)), ids)


def _send(engine: Engine, pieces: Iterable[bytes]) -> Response:
    """Return the answer, which comes once all is sent, or when the engine has had enough."""
    own: list[Exception] = []

    def watched() -> Iterator[bytes]:
        try:
            yield from pieces
        except Exception as error:
            own.append(error)
            raise

    try:
        path = "/images/load?quiet=0"
        return engine.stream("POST", path, wait=SILENCE_SECONDS, body=watched())
    except EngineError as error:
        if own:
            raise own[0] from None
        raise explain_load(error) from error


def explain_load(error: EngineError) -> EngineError:
    """Return the error with a sentence that says what to do, where its words are known."""
    if isinstance(error, Aborted | Unreachable):
        return error
    for pattern, code in _WORDS:
        if re.search(pattern, error.raw, re.IGNORECASE):
            return EngineError(code, raw=error.raw)
    return error


def rootfs_of(engine: Engine, reference: str) -> tuple[str, ...]:
    """Return the ids of an image's layers, its base first. Raises ``NotFound``."""
    said = as_dict(engine.image(reference).get("RootFS")).get("Layers")
    return tuple(str(layer) for layer in said) if isinstance(said, list) else ()


def _loaded(text: str) -> list[str]:
    """Docker tells one a line, Podman all of them with commas."""
    return [
        name.strip() for found in _LOADED.findall(text) for name in found.split(",") if name.strip()
    ]
