"""The container of a terminal, as far as the database knows."""

from __future__ import annotations

from dataclasses import dataclass

from fleet.access import access_container
from fleet.actor import Actor
from fleet.engine.endpoint import Endpoint
from fleet.logs.target import target_of
from fleet.models import Container
from fleet.terminal.problems import Problem

EXEC = "container.exec"


@dataclass(frozen=True)
class TerminalTarget:
    """Where the process will run; `problem` says why it cannot."""

    container: Container
    endpoint: Endpoint | None
    problem: Problem | None = None

    @property
    def engine_id(self) -> str:
        """The engine's name for it."""
        return self.container.engine_id

    @property
    def host_id(self) -> int:
        """Of its host."""
        return self.container.host_id


def terminal_target(actor: Actor, pk: int) -> TerminalTarget:
    """Return a container to run something in. Raises Unknown, Refused without `container.exec`."""
    row = access_container(actor, pk, EXEC)
    found = target_of(row.host, row.engine_id)
    problem = None
    if found.problem is not None:
        problem = Problem(found.problem.code, found.problem.detail)
    return TerminalTarget(row, found.endpoint, problem)
