"""Why there is no terminal, from an engine's error and what the container did then."""

from __future__ import annotations

import pytest

from fleet.engine.errors import Conflict, EngineError, Invalid, NotFound, Unreachable
from fleet.terminal.problems import problem_of

NOBODY = "unable to find user nobody-here: no matching entries in passwd file"


@pytest.mark.parametrize(
    ("error", "state", "code", "words"),
    [
        (NotFound(), "", "removed", "was removed"),
        (Unreachable("timeout"), "", "away", "did not answer in time"),
        (Conflict(), "running", "not_running", "does not run"),
        (EngineError(), "paused", "paused", "is paused"),
        # 29 looks for the user before it starts anything, older ones when they start it.
        (Invalid(raw=NOBODY), "running", "not_started", NOBODY),
        (EngineError(raw="no room"), "running", "refused_by_engine", "does not do this: no room"),
    ],
)
def test_it_says_why(error: EngineError, state: str, code: str, words: str) -> None:
    problem = problem_of(error, state)
    assert problem.code == code
    assert words in str(problem)
