"""What happened, as marks on the charts of what containers and hosts used."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from fleet.actor import Actor, actor_for
from fleet.engine.recreate import Aside
from fleet.models import Container, Event, User
from fleet.selectors.usage import container_history, host_history
from fleet.selectors.usage_marks import MOST, Mark, few

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
Tell = Callable[..., None]


@pytest.fixture
def actor(administrator: User) -> Actor:
    return actor_for(administrator)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.selectors.usage.time.time", NOW.timestamp)


@pytest.fixture
def tell(container: Container) -> Tell:
    """tell(kind, seconds ago, …): an event of the container, or of what else is named."""

    def made(
        kind: str,
        ago: float,
        *,
        ident: str = "",
        name: str = "",
        of: str = "container",
        **detail: object,
    ) -> None:
        Event.objects.create(
            host=container.host, kind=kind, object_kind=of, detail=detail,
            object_id=ident or container.engine_id, object_name=name or container.name,
            at=NOW - timedelta(seconds=ago),
        )  # fmt: skip

    return made


def words(marks: list[Mark]) -> list[str]:
    return [mark.words for mark in marks]


def updated(tell: Tell, old: str, new: str, ago: float, name: str = "web-1") -> None:
    """Tell an update as an engine does."""
    aside = str(Aside(name, "new", old, "running"))
    tell("create", ago, ident=new, name=aside)
    tell("die", ago - 1, ident=old, name=name, exit_code=0)
    tell("stop", ago - 1, ident=old, name=name)
    kept = str(Aside(name, "old", new, "running"))
    tell("rename", ago - 2, ident=old, name=kept, old_name=name)
    tell("rename", ago - 2, ident=new, name=name, old_name=aside)
    tell("start", ago - 3, ident=new, name=name)
    tell("destroy", ago - 20, ident=old, name=kept)


def test_it_tells_what_happened_one_act_at_a_time(
    container: Container, actor: Actor, tell: Tell
) -> None:
    tell("die", 5000, exit_code=1)
    tell("die", 600.2, exit_code=143)
    tell("start", 600.1)
    tell("restart", 600)
    tell("oom", 100.1)
    tell("die", 100, exit_code=137)
    tell("connect", 50)
    marks = container_history(actor, container.pk, "1h").marks
    assert [(mark.at, mark.tone) for mark in marks] == [
        (round(NOW.timestamp() - 600) * 1000, "idle"),
        (round(NOW.timestamp() - 100) * 1000, "bad"),
    ]
    assert marks[0].words == "restarted" and "memory" in marks[1].words


def test_a_deploy_is_marked_and_what_was_before_it_stays(
    container: Container, actor: Actor, tell: Tell
) -> None:
    first, second = "a" * 64, "b" * 64
    tell("restart", 3000, ident=first)
    tell("oom", 2500, ident=first)
    tell("die", 2500, ident=first, exit_code=137)
    updated(tell, first, second, 2000)
    tell("restart", 1500, ident=second)
    updated(tell, second, container.engine_id, 1000)
    tell("restart", 500)
    tell("restart", 400, ident="c" * 64, name="other")
    found = words(container_history(actor, container.pk, "1h").marks)
    assert found[0] == "restarted" and "memory" in found[1]
    assert [one for one in found if one in ("restarted", "updated, started")] == [
        "restarted", "updated, started", "restarted", "updated, started", "restarted",
    ]  # fmt: skip
    assert "removed" not in " ".join(found)


def test_an_update_that_was_taken_back_is_no_predecessor(
    container: Container, actor: Actor, tell: Tell
) -> None:
    failed = "d" * 64
    tell(
        "create", 900, ident=failed, name=str(Aside("web-1", "new", container.engine_id, "running"))
    )
    tell("rename", 890, name=str(Aside("web-1", "old", failed, "running")), old_name="web-1")
    tell("oom", 880, ident=failed, name="web-1")
    tell("rename", 870, name="web-1", old_name=str(Aside("web-1", "old", failed, "running")))
    tell("restart", 800)
    assert words(container_history(actor, container.pk, "1h").marks) == ["restarted"]


def test_a_host_shows_restarts_deploys_ends_and_its_own_state(
    container: Container, actor: Actor, tell: Tell
) -> None:
    name = container.name
    tell("restart", 3000)
    updated(tell, "a" * 64, container.engine_id, 2000, name)
    tell("die", 1500, exit_code=1)
    tell("start", 1499)
    tell("oom", 1000)
    tell("die", 1000, exit_code=137)
    tell("start", 900)  # somebody's
    tell("die", 800, exit_code=0)
    tell("unreachable", 700, of="host", ident="1", name="host-1")
    found = words(host_history(actor, container.host_id, "1h").marks)
    assert found == [
        f"{name} restarted",
        f"{name} updated, started",
        f"{name} exited with 1, started again",
        f"{name} ran out of memory, exit 137",
        "host-1 became unreachable",
    ]


def test_a_busy_host_has_few_marks_and_tells_the_worst(
    container: Container, actor: Actor, tell: Tell
) -> None:
    for number in range(130):
        tell("create", 3500 - 25 * number, ident=f"{number:064x}", name=f"job-{number}")
    tell("oom", 1750, ident="e" * 64, name="db-1")
    marks = host_history(actor, container.host_id, "1h").marks
    assert len(marks) <= MOST
    (worst,) = [mark for mark in marks if mark.tone == "bad"]
    assert worst.words.startswith("db-1 ran out of memory; job-")
    assert worst.at == round(NOW.timestamp() - 1750) * 1000
    assert [mark.at for mark in marks] == sorted(mark.at for mark in marks)


def test_the_same_again_and_again_is_counted() -> None:
    marks = [Mark(at * 1000, "web-1 restarted", "idle") for at in range(200)]
    told = few(marks, 3600)
    assert len(told) <= MOST
    assert told[0].words == f"web-1 restarted ({round(3600 / 200) + 1} times)"
    assert few(marks[:MOST], 3600) == marks[:MOST]


def test_old_rare_ends_are_not_crowded_out(
    container: Container, actor: Actor, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.selectors.usage_marks.EVENTS_OFTEN", 4)
    tell("oom", 3000)
    for number in range(9):
        tell("create", 1000 - number, ident=f"{number:064x}", name=f"job-{number}")
    found = words(host_history(actor, container.host_id, "1h").marks)
    assert len(found) == 5 and "ran out of memory" in found[0]
