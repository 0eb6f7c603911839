"""What an engine tells while it moves an image: of one layer, or of the whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from fleet.engine.raw import Json, as_dict, as_int, as_str

LINE_LIMIT = 1024 * 1024  # bytes of one object in a stream
LayerState = Literal[
    "waiting", "downloading", "retrying", "verifying", "downloaded", "extracting", "preparing",
    "uploading", "done", "exists",
]  # fmt: skip

# By the first words of a status, as Docker and Podman write them.
_STATES: tuple[tuple[str, LayerState], ...] = (
    ("pulling fs layer", "waiting"),
    ("waiting", "waiting"),
    ("downloading", "downloading"),
    ("retrying in", "retrying"),
    ("verifying checksum", "verifying"),
    ("download complete", "downloaded"),
    ("extracting", "extracting"),
    ("loading layer", "extracting"),
    ("pull complete", "done"),
    ("already exists", "exists"),
    ("preparing", "preparing"),
    ("pushing", "uploading"),
    ("pushed", "done"),
    ("layer already exists", "exists"),
    ("mounted from", "exists"),
)


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """How far one layer is; `done` and `total` are bytes of what `state` says, 0 when unknown."""

    layer: str
    state: LayerState
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of the engine about the whole."""

    text: str


# What an engine says ten times a second, whether anything has moved or not, if containerd keeps
# its images.
_REPEATED = frozenset({"waiting", "downloading", "uploading"})


class Repeats:
    """Tells what is new from what an engine only says again."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._told: dict[str, LayerProgress] = {}

    def is_news(self, found: LayerProgress | Said) -> bool:
        """Whether it was not said in the same words of that layer before."""
        if isinstance(found, LayerProgress):
            if found.state in _REPEATED and self._told.get(found.layer) == found:
                return False
            self._told[found.layer] = found
        self._since = self._clock()
        return True

    @property
    def seconds(self) -> float:
        """For how long there was no news."""
        return self._clock() - self._since


def read_objects(chunks: Iterable[bytes]) -> Iterator[Json]:
    """The JSON objects of a stream that has one a line, as they come.

    Raises ValueError for what is none, which means that no Docker API speaks.
    """
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_LIMIT:
            raise json.JSONDecodeError("an endless line", "", 0)
        yield from (as_dict(json.loads(line)) for line in lines if line.strip())
    if rest.strip():
        yield as_dict(json.loads(rest))


def error_of(raw: Json) -> str:
    """The error in an object of a stream, which comes after the answer's 200; "" without one."""
    return as_str(as_dict(raw.get("errorDetail")).get("message")) or as_str(raw.get("error"))


def parse_progress(raw: Json) -> LayerProgress | Said | None:
    """An object of a stream; ``None`` for what says nothing."""
    status, layer = as_str(raw.get("status")).strip(), as_str(raw.get("id"))
    low = status.lower()
    if low == "unavailable":  # a push's word for layers of platforms that it has not
        return None
    state = next((state for words, state in _STATES if low.startswith(words)), None)
    if layer and state:
        detail = as_dict(raw.get("progressDetail"))
        # Docker 28 and newer count seconds instead of bytes while they extract.
        counts = not detail.get("units")
        done = max(0, as_int(detail.get("current"))) if counts else 0
        return LayerProgress(layer, state, done, max(0, as_int(detail.get("total"))))
    text = f"{layer}: {status}" if layer and status else status or as_str(raw.get("stream"))
    return Said(text.strip()) if text.strip() else None
