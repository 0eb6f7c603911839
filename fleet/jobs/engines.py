"""The engine that a job acts through: hung up on when the job is cancelled or taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from fleet.engine.client import Engine, open_engine
from fleet.engine.endpoint import Endpoint
from fleet.jobs.reporter import JobReporter
from fleet.jobs.work import Work
from fleet.models import Host


class GuardedEngine:
    """An engine that checks the claim before each call, so that who lost it does no more."""

    def __init__(self, engine: Engine, check: Callable[[], None]) -> None:
        self._engine = engine
        self._check = check

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._check()
            return found(*args, **kwargs)

        return call


@contextmanager
def guarded_engine(host: Host, reporter: JobReporter) -> Iterator[Engine]:
    """Open the engine of a host for a job. Raises EngineError."""
    with open_engine(Endpoint(**host.endpoint_fields())) as engine:
        hung_up_before = reporter.attach(engine.abort)
        try:
            yield cast(Engine, GuardedEngine(engine, reporter.check))
        finally:
            reporter.detach(hung_up_before)


@contextmanager
def insisting(work: Work) -> Iterator[Work]:
    """Return the work with a connection that a cancellation does not cut, for what must be whole.

    Who lost the job still does no more.
    """
    reporter = cast(JobReporter, work.report)
    with reporter.insisting(), guarded_engine(work.host, reporter) as engine:
        yield replace(work, engine=engine)
