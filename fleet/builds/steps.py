"""What is known of a run while it is built: its steps, and why it failed. For two threads.

The worker's thread tells what the builder said; the pulse writes it, with the job's own lines.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from fleet.builds.dockerfile import excerpt, instruction_of, line_said, parse
from fleet.models import BuildRun

STEPS_LIMIT = 500
NAME_LIMIT = 500
TEXT_LIMIT = 2000
LAST_LINES = 30
FIELDS = (
    "revision", "builder", "commit", "branch", "subject", "image_id", "size", "tags", "seconds",
    "steps", "failure",
)  # fmt: skip


@dataclass
class Step:
    """One step, as the builder numbers it."""

    number: int
    name: str
    state: str = "running"
    seconds: float | None = None
    cached: bool = False
    began: float = field(default_factory=monotonic)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))

    def picture(self) -> dict[str, Any]:
        """Return what is kept of it."""
        return {
            "number": self.number,
            "name": self.name,
            "state": self.state,
            "seconds": self.seconds,
            "cached": self.cached,
        }


class Record:
    """A run's row, filled in as it goes."""

    def __init__(self, run: BuildRun) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._steps: dict[int, Step] = {}
        self._failed: Step | None = None
        self._changed = False

    @property
    def failed(self) -> Step | None:
        """The step that ended the build."""
        return self._failed

    def note(self, **facts: Any) -> None:
        """Set fields of the row."""
        with self._lock:
            for name, value in facts.items():
                setattr(self.run, name, value)
            self._changed = True

    def began(self, number: int, name: str) -> None:
        """A step began."""
        with self._lock:
            if len(self._steps) < STEPS_LIMIT:
                self._steps.setdefault(number, Step(number, name[:NAME_LIMIT]))
                self._changed = True

    def said(self, number: int, text: str) -> None:
        """A step wrote a line."""
        step = self._steps.get(number)
        if step is not None:
            step.last.append(text[:TEXT_LIMIT])

    def ended(self, number: int, seconds: float | None, *, cached: bool) -> None:
        """A step is done."""
        with self._lock:
            step = self._steps.get(number)
            if step is not None and step.state == "running":
                step.state, step.cached = "done", cached
                step.seconds = seconds if seconds is not None else _since(step)
                self._changed = True

    def broke(self, number: int, text: str, dockerfile: str, path: str) -> None:
        """A step ended the build."""
        with self._lock:
            step = self._steps.get(number)
            if step is None or self._failed is not None:
                return
            step.state, step.seconds = "failed", _since(step)
            self._failed, self._changed = step, True
            self.run.failure = {
                "step": number,
                "name": step.name,
                "text": text[:TEXT_LIMIT],
                "lines": list(step.last),
                **_place(step.name, text, dockerfile, path),
            }

    def refused(self, text: str, dockerfile: str, path: str) -> None:
        """The builder would not begin, or said no without naming a step."""
        with self._lock:
            if not self.run.failure:
                found = _place("", text, dockerfile, path)
                self.run.failure = {"text": text[:TEXT_LIMIT], **found}
                self._changed = True

    def close(self) -> None:
        """Nothing runs any more, whatever was said."""
        with self._lock:
            for step in self._steps.values():
                if step.state == "running":
                    step.state, self._changed = "stopped", True

    def save(self) -> None:
        """Write the row, if anything is new."""
        with self._lock:
            if not self._changed:
                return
            self._changed = False
            self.run.steps = [step.picture() for step in self._steps.values()]
            values = {name: getattr(self.run, name) for name in FIELDS}
        try:
            BuildRun.objects.filter(pk=self.run.pk).update(**values)
        except BaseException:
            self._changed = True
            raise


def _since(step: Step) -> float:
    return round(monotonic() - step.began, 1)


def _place(step: str, said: str, dockerfile: str, path: str) -> dict[str, Any]:
    """Return where in the Dockerfile it was, as far as that can be told."""
    found = instruction_of(step, parse(dockerfile)) if step else None
    line = found.line if found else line_said(said)
    if line is None or not 0 < line <= dockerfile.count("\n") + 1:
        return {}
    shown = excerpt(dockerfile, line, found.end if found else line)
    end = found.end if found else line
    return {
        "line": line, "end": end, "path": path, "first": shown.first, "excerpt": list(shown.lines),
    }  # fmt: skip
