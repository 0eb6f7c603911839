"""What builders print, as items: BuildKit's plain progress, and the classic builder's stream."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from fleet.engine.build_types import (
    BuildItem,
    Built,
    StepBegan,
    StepEnded,
    StepFailed,
    StepOutput,
)
from fleet.engine.raw import Json, as_dict, as_str

# #7 0.188 text | #7 DONE 1.3s | #7 CACHED | #7 ERROR: text | #7 [2/3] RUN make
VERTEX = re.compile(r"^#(\d{1,6}) (.*)$", re.DOTALL)
DONE = re.compile(r"^DONE (\d+(?:\.\d+)?)s$")
OUTPUT = re.compile(r"^\d+\.\d+ (.*)$", re.DOTALL)
DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
CLASSIC_STEP = re.compile(r"^Step (\d+)/(\d+) : (.*)$", re.DOTALL)
IMAGE_ID = re.compile(r"^sha256:[0-9a-f]{64}\Z")
RED, RESET = "\x1b[91m", "\x1b[0m"
TAIL_LIMIT = 40  # lines of a failure's last words


class PlainProgress:
    """Reads ``--progress=plain`` line by line.

    A step is told with its first line; the printer repeats that line whenever it comes back to a
    step after another one has written.
    """

    def __init__(self) -> None:
        self.tail: list[str] = []  # what came outside of steps: the builder's last word
        self.failed = False
        self._names: dict[int, str] = {}

    def feed(self, line: str) -> Iterator[BuildItem]:
        """Yield what a line says."""
        line = line.rstrip("\n").removesuffix("\r")
        found = VERTEX.match(line)
        if found is None:
            if line.strip():
                self.tail = [*self.tail, line][-TAIL_LIMIT:]
            return
        step, text = int(found[1]), found[2]
        if not step:  # buildx's own heading: it tells which of its drivers builds
            return
        if step not in self._names:
            self._names[step] = text
            yield StepBegan(step, text)
        elif text != self._names[step] and not DIGEST.match(text) and text != "...":
            yield from self._said(step, text)

    def _said(self, step: int, text: str) -> Iterator[BuildItem]:
        if done := DONE.match(text):
            yield StepEnded(step, float(done[1]))
        elif text == "CACHED":
            yield StepEnded(step, cached=True)
        elif text == "CANCELED":
            yield StepEnded(step)
        elif text.startswith("ERROR: "):
            self.failed = True
            yield StepFailed(step, text.removeprefix("ERROR: "))
        elif output := OUTPUT.match(text):
            yield StepOutput(step, output[1])
        else:
            yield StepOutput(step, text)


class ClassicStream:
    """Reads the classic builder's stream of JSON objects. Steps come one after another."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.image_id = ""
        self.error = ""
        self._clock = clock
        self._step = 0
        self._began = 0.0
        self._cached = False
        self._partial = ""

    def feed(self, said: Json) -> Iterator[BuildItem]:
        """Yield what an object says."""
        if error := as_str(said.get("error")):
            self.error = error
            yield from self._flush()
            if self._step:
                yield StepFailed(self._step, error)
        elif ident := as_str(as_dict(said.get("aux")).get("ID")):
            self.image_id = ident
        elif text := as_str(said.get("stream")):
            yield from self._stream(text)
        elif status := as_str(said.get("status")):  # of a base image that is pulled
            layer = as_str(said.get("id"))
            if self._step and not said.get("progressDetail"):
                yield StepOutput(self._step, f"{layer}: {status}" if layer else status)

    def end(self) -> Iterator[BuildItem]:
        """Yield the end of the last step, and the image."""
        yield from self._ended()
        if IMAGE_ID.match(self.image_id):
            yield Built(self.image_id)

    def _stream(self, text: str) -> Iterator[BuildItem]:
        if not self._partial and (found := CLASSIC_STEP.match(text.rstrip("\n"))):
            yield from self._ended()
            self._step, self._began, self._cached = int(found[1]), self._clock(), False
            yield StepBegan(self._step, f"[{found[1]}/{found[2]}] {found[3]}")
            return
        # What came by stderr is painted red by the engine; a program's own colours stay.
        text = text.removeprefix(RED).removesuffix(RESET) if text.startswith(RED) else text
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            yield from self._line(line)

    def _line(self, line: str) -> Iterator[BuildItem]:
        if line == " ---> Using cache":
            self._cached = True
        elif line and not line.startswith(
            (" ---> ", "Removing intermediate container ", "Successfully built ")
        ):
            yield StepOutput(self._step, line)

    def _flush(self) -> Iterator[BuildItem]:
        if self._partial:
            yield from self._line(self._partial)
            self._partial = ""

    def _ended(self) -> Iterator[BuildItem]:
        yield from self._flush()
        if self._step:
            took = round(self._clock() - self._began, 1)
            yield StepEnded(self._step, took, cached=self._cached)
            self._step = 0
