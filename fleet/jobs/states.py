"""States of jobs as sets, for pages and operations alike."""

from __future__ import annotations

from typing import Final

from fleet.models import JobState

BAD_STATES: Final = frozenset({JobState.FAILED, JobState.ERRORED, JobState.LOST})
# Ended without having done what was asked: can be tried again.
RETRYABLE_STATES: Final = BAD_STATES | {JobState.CANCELLED}
MAX_ATTEMPTS: Final = 3  # how often the reaper lets a job run that is safe to repeat
SETTLE_ATTEMPTS: Final = 2  # more, in which it only brings to an end what it had begun
# Operations of which each target has one job under way at most; the next one waits for its turn.
ONE_AT_A_TIME = ("build.run", "build.push", "container.recreate")
# Operations that take much of a worker: of all of them so many run at once in the whole fleet,
# and pulls and pushes find a free hand beside them.
HEAVY = ("image.scan", "image.scan_missing")
HEAVY_AT_ONCE: Final = 2
