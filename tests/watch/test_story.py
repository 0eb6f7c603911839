"""Event rows: what is told, from which state to which, and never twice."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.engine.types import EngineEvent
from fleet.models import Event
from fleet.watch.story import Story, is_noise, touched
from tests.watch.conftest import START, event_of, facts_of

ID = facts_of().engine_id


def told(story: Story, *events: EngineEvent) -> list[Event]:
    return [row for event in events if (row := story.tell(event))]


def changes(rows: list[Event]) -> list[tuple[str, str, str]]:
    return [(row.kind, row.from_state, row.to_state) for row in rows]


def test_it_tells_a_life_with_states() -> None:
    actions = ("create", "start", "pause", "unpause", "die", "destroy")
    rows = told(Story(1), *(event_of(action) for action in actions))
    assert changes(rows) == [
        ("create", "", "created"),
        ("start", "created", "running"),
        ("pause", "running", "paused"),
        ("unpause", "paused", "running"),
        ("die", "running", "exited"),
        ("destroy", "exited", ""),
    ]


def test_it_begins_with_the_state_that_was_known() -> None:
    story = Story(1)
    story.begin(facts_of(state="paused"))
    assert changes(told(story, event_of("unpause"))) == [("unpause", "paused", "running")]


def test_it_keeps_exit_code_signal_and_old_name() -> None:
    events = (
        event_of("kill", signal="15"),
        event_of("die", exitCode="137"),
        event_of("rename", oldName="/before"),
    )
    details = [row.detail for row in told(Story(1), *events)]
    assert details[0]["signal"] == "15"
    assert details[1]["exit_code"] == 137
    assert details[2]["old_name"] == "before"


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("container", "exec_create: sh -c true"),
        ("container", "exec_die"),
        ("container", "top"),
        ("container", "attach"),
        ("container", "archive-path"),
        ("container", "export"),
        ("container", "commit"),
        ("volume", "mount"),
    ],
)
def test_it_leaves_noise_out(kind: str, action: str) -> None:
    event = event_of(action, kind=kind)
    assert is_noise(event)
    assert Story(1).tell(event) is None


def test_a_prune_is_told_when_something_went() -> None:
    def pruned(reclaimed: str) -> bool:
        return is_noise(event_of("prune", kind="builder", reclaimed=reclaimed))

    assert pruned("0")
    assert not pruned("1024")


@pytest.mark.parametrize(
    ("kind", "action"),
    [("image", "pull"), ("volume", "create"), ("network", "destroy"), ("daemon", "reload")],
)
def test_it_tells_of_other_objects(kind: str, action: str) -> None:
    row = Story(1).tell(event_of(action, kind=kind, object_id="thing"))
    assert row is not None
    assert (row.object_kind, row.kind, row.object_id) == (kind, action, "thing")


def test_it_tells_health_once_per_change() -> None:
    words = ("starting", "healthy", "healthy", "unhealthy")
    rows = told(Story(1), *(event_of(f"health_status: {word}") for word in words))
    assert changes(rows) == [
        ("health_status", "", "starting"),
        ("health_status", "starting", "healthy"),
        ("health_status", "healthy", "unhealthy"),
    ]


def test_it_leaves_a_health_that_is_on_its_way_to_its_event() -> None:
    story = Story(1)
    rows = told(story, event_of("start"))
    story.settle(facts_of(health="healthy"), rows)
    assert len(told(story, event_of("health_status: healthy"))) == 1


def test_it_never_tells_a_recorded_event_again() -> None:
    first = event_of("start", seconds=1)
    story = Story(1, recorded={(first.at, "start", ID)})
    assert told(story, first) == []
    assert len(told(story, event_of("start", seconds=2))) == 1


def test_it_tells_of_a_network_only_when_somebody_joined_it_by_hand() -> None:
    story = Story(1)
    join = event_of("connect", kind="network", object_id="net", container=ID)
    assert told(story, join) == []
    assert touched(join) == ID
    story.begin(facts_of())
    assert [row.kind for row in told(story, join)] == ["connect"]


def test_it_says_how_a_process_ended_as_exactly_as_the_engine() -> None:
    story = Story(1)
    story.begin(facts_of())
    rows = told(story, event_of("die"))
    story.settle(facts_of(state="restarting"), rows)
    assert changes(rows) == [("die", "running", "restarting")]
    assert changes(told(story, event_of("start"))) == [("start", "restarting", "running")]


def test_it_confesses_what_no_event_told() -> None:
    story = Story(1)
    story.begin(facts_of())
    story.begin(facts_of(2))
    story.compare(facts_of(state="exited"))
    story.compare(facts_of(2))
    story.compare(facts_of(3))
    assert changes(story.confess(START)) == [("seen", "running", "exited"), ("seen", "", "running")]
    assert story.confess(START) == []
    story.compare(facts_of(4, labels={"com.docker.stack.namespace": "shop"}))
    assert [row.stack for row in story.confess(START)] == ["shop"]


def test_it_confesses_containers_that_are_gone() -> None:
    story = Story(1)
    story.begin(facts_of())
    story.miss({ID: "web-1"})
    rows = story.confess(START)
    assert changes(rows) == [("seen", "running", "")]
    assert rows[0].object_name == "web-1"


def test_it_confesses_a_changed_health() -> None:
    story = Story(1)
    story.begin(facts_of(health="healthy"))
    story.compare(facts_of(health="unhealthy"))
    assert changes(story.confess(START)) == [("seen", "healthy", "unhealthy")]


def test_it_takes_the_failed_check_of_a_stopped_container_for_nothing() -> None:
    story = Story(1)
    story.begin(facts_of(state="exited", health="healthy"))
    story.compare(facts_of(state="exited", health="unhealthy"))
    assert story.confess(START) == []


def test_it_believes_an_event_that_comes_after_the_list() -> None:
    story = Story(1)
    story.begin(facts_of(state="exited"))
    story.compare(facts_of(state="running"))
    assert changes(told(story, event_of("start"))) == [("start", "exited", "running")]
    assert story.confess(START) == []


def test_it_bounds_what_a_row_holds() -> None:
    event = event_of("x" * 100, kind="k" * 50, object_id="o" * 500, signal="s" * 9000)
    row = Story(1).tell(event)
    assert row is not None
    row.host_id = 1
    row.clean_fields(exclude=["host"])
    assert len(row.detail["signal"]) == 300


def test_an_end_tells_of_the_signal_that_was_sent_before_it() -> None:
    story = Story(1)
    told(story, event_of("start"), event_of("kill", signal="15", seconds=1))
    (died,) = told(story, event_of("die", exitCode="143", seconds=11))
    assert died.detail["signal"] == "15"


def test_a_slow_end_by_the_very_signal_that_was_sent_is_by_it() -> None:
    story = Story(1)
    told(story, event_of("start"), event_of("kill", signal="SIGTERM", seconds=1))
    (died,) = told(story, event_of("die", exitCode="143", seconds=50))
    assert died.detail["signal"] == "SIGTERM"


def test_a_signal_to_an_earlier_run_is_forgotten() -> None:
    story = Story(1)
    told(story, event_of("kill", signal="15"), event_of("die", exitCode="0", seconds=1))
    rows = told(story, event_of("start", seconds=2), event_of("die", exitCode="1", seconds=3))
    assert "signal" not in rows[-1].detail


@pytest.mark.parametrize(("signal", "seconds"), [("1", 2), ("SIGUSR1", 2), ("15", 30), ("", 2)])
def test_an_end_by_itself_tells_of_no_signal(signal: str, seconds: int) -> None:
    story = Story(1)
    told(story, event_of("start"), event_of("kill", signal=signal, seconds=1))
    (died,) = told(story, event_of("die", exitCode="1", seconds=seconds + 1))
    assert "signal" not in died.detail


def test_an_end_tells_that_memory_ran_out_as_long_as_the_engine_knows() -> None:
    story = Story(1)
    rows = told(story, event_of("start"), event_of("die", exitCode="137"))
    story.settle(facts_of(state="exited", oom_killed=True), rows)
    assert rows[-1].detail["oom"] is True


def test_it_keeps_what_tells_one_deploy_from_another() -> None:
    labels: dict[str, Any] = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.config-hash": "abc",
        "com.docker.compose.image": "sha256:1",
    }
    made, started = told(Story(1), event_of("create", **labels), event_of("start", **labels))
    assert made.stack == started.stack == "shop"
    known = {"image": "lab/busybox:1", "stack": "shop"}
    assert made.detail == {**known, "config_hash": "abc", "image_id": "sha256:1"}
    assert started.detail == known
