"""Lines before some time: the end of the log is looked through before all of it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fleet.actor import Actor
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_state import FakeContainer
from fleet.logs.text import NEAR, PIECES, Span, container_log
from fleet.models import Container

pytestmark = pytest.mark.django_db


SOON = timedelta(seconds=1)


def write(
    fake: FakeEngine, real: FakeContainer, first: int, count: int, ahead_ns: int = 0
) -> datetime:
    """Write numbered lines; return the time of the last one."""

    def lines() -> int:
        for number in range(first, first + count):
            real.write(f"line {number}", ahead_ns=ahead_ns)
        return real.log[-1].at_ns

    return datetime.fromtimestamp(in_fake(fake, lines) / 1e9, UTC)


def shown(actor: Actor, row: Container, span: Span) -> list[str]:
    answer = container_log(actor, row.pk, span)
    assert answer.value is not None, answer.problem
    return [line.text for line in answer.value]


def asked(fake: FakeEngine) -> list[str]:
    """What it was asked for, each as the name of what bounds it."""
    reads = [line for line in fake.requests if "/logs?" in line]
    return ["until" if "until=" in line else "tail" for line in reads]


@pytest.mark.parametrize(("later", "reads"), [(100, ["tail"]), (NEAR + PIECES, ["tail", "until"])])
def test_the_end_is_looked_through_first(
    actor: Actor, row: Container, real: FakeContainer, fake: FakeEngine, later: int,
    reads: list[str],
) -> None:  # fmt: skip
    ended = write(fake, real, 0, 200)
    write(fake, real, 200, later, ahead_ns=10_000_000_000)
    found = shown(actor, row, Span(3, until=ended + SOON))
    assert found == ["line 197", "line 198", "line 199"]
    assert asked(fake) == reads


def test_a_short_log_is_read_once(
    actor: Actor, row: Container, real: FakeContainer, fake: FakeEngine
) -> None:
    ended = write(fake, real, 0, 2)
    assert shown(actor, row, Span(50, until=ended + SOON)) == ["line 0", "line 1"]
    assert asked(fake) == ["tail"]
