"""Lines before some time: the end of the log is looked through before all of it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fleet.actor import Actor
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_state import FakeContainer
from fleet.logs.text import NEAR, PIECES, Span, container_log
from fleet.models import Container

pytestmark = pytest.mark.django_db


def write(fake: FakeEngine, real: FakeContainer, first: int, count: int) -> datetime:
    """Write numbered lines; return the time of the last one, as an engine takes it."""

    def lines() -> int:
        for number in range(first, first + count):
            real.write(f"line {number}")
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
    write(fake, real, 200, later)
    found = shown(actor, row, Span(3, until=ended))
    # Engines are asked in microseconds: what follows within one may come, too.
    assert len(found) == 3 and "line 199" in found
    assert asked(fake) == reads


def test_a_short_log_is_read_once(
    actor: Actor, row: Container, real: FakeContainer, fake: FakeEngine
) -> None:
    ended = write(fake, real, 0, 2)
    assert "line 1" in shown(actor, row, Span(50, until=ended))
    assert asked(fake) == ["tail"]
