"""How far a job is that moves many bytes in parts: layers of an image, files, hosts.

An operation tells of each part as often as it likes; twice a second the pulse takes a picture of
it all, which is small whatever happens: a few hundred parts at most are told one by one.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

PARTS_LIMIT = 200  # parts that are told one by one
COUNTED_LIMIT = 5000  # parts that count at all: an engine's stream is not to be trusted
LABEL_LIMIT = 80
SMOOTH_SECONDS = 3.0  # speeds of about so long ago count
STILL_SECONDS = 5.0  # without a byte for so long nothing moves
DOWNLOADED = 0.7  # of a part's way is behind it once its bytes are there and wait to be unpacked

PartState = Literal[
    "waiting", "downloading", "retrying", "verifying", "downloaded", "extracting", "preparing",
    "uploading", "sending", "done", "exists",
]  # fmt: skip
STATES = frozenset(PartState.__args__)  # type: ignore[attr-defined]
FULL = frozenset({"verifying", "downloaded", "extracting", "done"})  # its bytes have all come
ENDED = frozenset({"done", "exists"})


@dataclass
class Part:
    """One part: its bytes on the way (`moved` of `total`), and unpacked."""

    label: str
    state: str = "waiting"
    moved: int = 0
    unpacked: int = 0
    total: int = 0  # 0 until it is known

    def tell(self, state: str, done: int, total: int) -> None:
        """Take note of what the engine says of it now."""
        self.state = state
        self.total = max(self.total, total)
        if state in ("downloading", "uploading", "sending"):
            self.moved = done
        elif state == "extracting":
            self.unpacked = done
        if state in FULL:
            self.moved = self.total
        if state == "done":
            self.unpacked = self.total

    @property
    def is_known(self) -> bool:
        """Whether no more bytes will turn up than it tells of."""
        return bool(self.total) or self.state in FULL or self.state in ENDED

    @property
    def fraction(self) -> float:
        """How much of its way is behind it, from 0 to 1."""
        if self.state in ENDED:
            return 1.0
        if self.state == "uploading":
            return _share(self.moved, self.total)
        if self.state == "extracting":
            return DOWNLOADED + (1 - DOWNLOADED) * _share(self.unpacked, self.total)
        return DOWNLOADED if self.state in FULL else DOWNLOADED * _share(self.moved, self.total)

    def picture(self) -> dict[str, Any]:
        """What is kept of it: bytes of what its state says."""
        done = self.unpacked if self.state in ("extracting", "done") else self.moved
        return {"label": self.label, "state": self.state, "done": done, "total": self.total}


def _share(done: int, total: int) -> float:
    return min(1.0, done / total) if total else 0.0


@dataclass(frozen=True)
class Measured:
    """A picture of all parts. `total` is None while some part has not told its size."""

    percent: int
    done: int
    total: int | None
    speed: int  # bytes a second, smoothed
    parts: list[dict[str, Any]]


@dataclass
class Meter:
    """Told of parts by one thread, looked at by another."""

    clock: Callable[[], float] = monotonic
    _parts: dict[str, Part] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _speed: float = 0.0
    _looked: tuple[float, int] | None = None
    _moved_at: float = 0.0
    _percent: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was told yet."""
        return not self._parts

    def tell(self, label: str, state: str, done: int = 0, total: int = 0) -> None:
        """Say how far a part is; of an unknown state nothing is noted."""
        if state not in STATES:
            return
        with self._lock:
            part = self._parts.get(label)
            if part is None:
                if len(self._parts) >= COUNTED_LIMIT:
                    return
                part = self._parts[label] = Part(label[:LABEL_LIMIT])
            part.tell(state, max(0, done), max(0, total))

    def complete(self) -> None:
        """Say that all went well: some engines end without a word on each part."""
        with self._lock:
            for part in self._parts.values():
                if part.state not in ENDED:
                    part.tell("done", 0, 0)

    def look(self) -> Measured | None:
        """Return the picture of now; None before anything was told."""
        with self._lock:
            parts = list(self._parts.values())
            if not parts:
                return None
            moved = sum(part.moved for part in parts)
            known = all(part.is_known for part in parts)
            self._percent = max(self._percent, _percent(parts))
            return Measured(
                percent=self._percent,
                done=moved,
                total=sum(p.total for p in parts if p.state != "exists") if known else None,
                speed=self._measure(moved),
                parts=[part.picture() for part in parts[:PARTS_LIMIT]],
            )

    def _measure(self, moved: int) -> int:
        """Return the speed: what came since the last look, smoothed over some seconds."""
        now = self.clock()
        if self._looked is None:
            self._looked, self._moved_at = (now, moved), now
            return 0
        if moved > self._looked[1]:
            self._moved_at = now
        elif now - self._moved_at >= STILL_SECONDS:
            self._speed = 0.0
        seconds = now - self._looked[0]
        if seconds >= 0.1:
            latest = max(0, moved - self._looked[1]) / seconds
            weight = 1.0 if not self._speed else 1 - math.exp(-seconds / SMOOTH_SECONDS)
            self._speed += weight * (latest - self._speed)
            self._looked = (now, moved)
        return round(self._speed)


def _percent(parts: list[Part]) -> int:
    """Return how far all are, by their sizes; who has not told its size counts as the others do.

    The last percent is the end of the job.
    """
    ours = [part for part in parts if part.state != "exists"]
    sizes = [part.total for part in ours if part.total]
    usual = sum(sizes) / len(sizes) if sizes else 1.0
    weights = [part.total or usual for part in ours]
    way = sum(w * part.fraction for w, part in zip(weights, ours, strict=True))
    return min(99, int(100 * way / sum(weights))) if ours else 99
