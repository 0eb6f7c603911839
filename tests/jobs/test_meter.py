"""How far many parts are: percent, bytes, speed, and a picture that stays small."""

from __future__ import annotations

import pytest

from fleet.jobs.meter import PARTS_LIMIT, Meter


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def meter(now: list[float]) -> Meter:
    return Meter(clock=lambda: now[0])


def look(meter: Meter) -> tuple[int, int, int | None]:
    found = meter.look()
    assert found is not None
    return found.percent, found.done, found.total


def test_it_says_nothing_before_it_was_told(meter: Meter) -> None:
    assert meter.look() is None and meter.is_empty


def test_it_adds_up_parts_and_knows_the_whole_when_all_sizes_are_told(meter: Meter) -> None:
    meter.tell("a", "waiting")
    meter.tell("b", "downloading", 500, 1000)
    assert look(meter) == (17, 500, None)
    meter.tell("a", "downloading", 0, 3000)
    assert look(meter)[1:] == (500, 4000)
    meter.tell("a", "downloaded")
    meter.tell("b", "downloaded")
    assert look(meter) == (70, 4000, 4000)
    meter.tell("a", "extracting", 1500, 3000)
    assert look(meter) == (81, 4000, 4000)
    meter.tell("a", "done")
    meter.tell("b", "done")
    assert look(meter) == (99, 4000, 4000)


def test_what_is_there_already_counts_for_nothing(meter: Meter) -> None:
    meter.tell("a", "exists")
    assert look(meter) == (99, 0, 0)
    meter.tell("b", "downloading", 10, 1000)
    assert look(meter)[2] == 1000


def test_it_never_goes_back(meter: Meter) -> None:
    meter.tell("a", "downloading", 900, 1000)
    before = look(meter)[0]
    meter.tell("b", "waiting")
    assert look(meter)[0] == before


def test_its_speed_is_smooth(meter: Meter, now: list[float]) -> None:
    meter.tell("a", "downloading", 0, 10**9)
    meter.look()
    speeds = []
    for step in range(1, 9):
        now[0] += 0.5
        meter.tell("a", "downloading", step * 500_000, 10**9)
        found = meter.look()
        assert found is not None
        speeds.append(found.speed)
    assert set(speeds) == {1_000_000}
    now[0] += 0.5  # nothing comes for half a second
    found = meter.look()
    assert found is not None and 700_000 < found.speed < 1_000_000


def test_it_keeps_a_picture_of_some_and_counts_all(meter: Meter) -> None:
    for number in range(PARTS_LIMIT + 50):
        meter.tell(str(number) * 40, "downloading", 1, 2)
    found = meter.look()
    assert found is not None
    assert (len(found.parts), found.done) == (PARTS_LIMIT, PARTS_LIMIT + 50)
    assert max(len(part["label"]) for part in found.parts) <= 80


def test_nonsense_is_left_out(meter: Meter) -> None:
    meter.tell("a", "flying", 1, 2)
    assert meter.is_empty
    meter.tell("a", "downloading", -5, -1)
    assert look(meter) == (0, 0, None)


def test_a_good_end_ends_every_part(meter: Meter) -> None:
    """Podman says nothing while it unpacks."""
    meter.tell("a", "downloaded")
    meter.tell("b", "downloading", 10, 20)
    meter.tell("c", "exists")
    meter.complete()
    found = meter.look()
    assert found is not None
    assert [part["state"] for part in found.parts] == ["done", "done", "exists"]
    assert (found.done, found.total) == (20, 20)


def test_what_stands_still_is_seen_to(meter: Meter, now: list[float]) -> None:
    for step in range(3):
        meter.tell("a", "downloading", step * 1_000_000, 10**9)
        found = meter.look()
        now[0] += 0.5
    assert found is not None and found.speed > 0
    now[0] += 5
    found = meter.look()
    assert found is not None and found.speed == 0
