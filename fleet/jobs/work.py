"""What a worker hands to an operation's `run`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from fleet.models import Host, Job
from fleet.operations.registry import Params

if TYPE_CHECKING:
    from fleet.engine.client import Engine

P = TypeVar("P", bound=Params)


class Failed(Exception):
    """Raised by an operation that cannot do it: why, in a sentence; `raw` is for the details."""

    def __init__(self, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.raw = raw


class NothingToDo(Exception):
    """Raised by an operation that finds it done already: the job succeeds with these words."""


class Report(Protocol):
    """What an operation may tell while it runs."""

    def line(self, text: str, *, level: str = "info", part: int | None = None) -> None:
        """Add a line to the job's output, of one of its steps (`part`); saved and shown soon."""

    def percent(self, value: int) -> None:
        """Set the progress, 0 to 100."""

    def part(self, label: str, state: str, done: int = 0, total: int = 0) -> None:
        """Say how far a part is (`fleet.jobs.meter`): percent, speed and time left follow."""

    def awaiting(self, *, packs: bool = False) -> AbstractContextManager[None]:
        """Within the block lines and parts are due: it is told when none come for a while.

        An engine that `packs`, or unpacks, may well say nothing for minutes.
        """

    def keep(self, save: Callable[[], None]) -> None:
        """Call this in the transaction of each saving and of the end, in another thread too."""

    def touch(self) -> None:
        """Say that there is something new to be kept."""

    def check(self) -> None:
        """Raise when the job was cancelled or taken away; each engine call does this by itself."""

    def insisting(self) -> AbstractContextManager[None]:
        """Within the block a cancellation is not heard, only that the job was taken away."""


@dataclass(frozen=True)
class Work:
    """A claimed job with everything its operation needs: the engine is open.

    Every call of `engine` first makes sure that the job is still ours and wanted.
    """

    job: Job
    host: Host
    engine: Engine
    report: Report

    @property
    def engine_id(self) -> str:
        """The engine's id of the target."""
        return self.job.target_engine_id

    def params_as(self, model: type[P]) -> P:
        """Return the job's parameters, validated. Raises pydantic.ValidationError."""
        return model.model_validate(self.job.params)
