"""What is kept of readings, for how long, and what pages and API get of it."""

from __future__ import annotations

import pytest

from fleet.access import Unknown
from fleet.actor import Actor, actor_for
from fleet.jobs.schedule import SCHEDULES
from fleet.jobs.tasks import roll_up_usage
from fleet.models import Container, Host, UsageBlock, UsageFrame, UsageNow, User
from fleet.selectors.usage import container_history, host_history
from fleet.stats.keeping import (
    DAY,
    HOUR,
    QUARTER,
    SWEEP,
    Packed,
    purge_usage,
    roll_up_hours,
    save_usage,
)
from fleet.stats.packing import SUM, Table, pack, unpack
from fleet.stats.rollup import MINUTE, rolled, with_sum
from tests.conftest import make_container

pytestmark = pytest.mark.django_db
NOW = 1_800_000_000 - 1_800_000_000 % DAY + 10 * HOUR + 30 * MINUTE  # half past ten


def lines_of(container: Container, cpu: float) -> Table:
    """Return a sweep that read one container."""
    return with_sum({container.pk: (cpu, 1000.0, 4000.0, 1.0, 2.0, 3.0, 4.0, 5.0)})


def frame(container: Container, step: int, at: int, cpu: float = 10, every: int = 0) -> None:
    """Keep one sweep or minute, of a host that is read so often."""
    lines = lines_of(container, cpu)
    if step > SWEEP:
        lines = {key: rolled([line]) for key, line in lines.items()}
    UsageFrame.objects.create(
        host=container.host, step=step, at=at, data=pack(every or step, lines)
    )


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is half past ten."""
    monkeypatch.setattr("fleet.selectors.usage.time.time", lambda: float(NOW))


def test_it_keeps_sweeps_minutes_and_what_is_newest(container: Container) -> None:
    host = container.host_id
    one = Packed(host, NOW, pack(10, lines_of(container, 1)))
    minute = pack(60, lines_of(container, 2))
    two = Packed(host, NOW + 10, pack(10, lines_of(container, 3)), NOW - 60, minute, b"trail")
    three = Packed(host, NOW + 20, pack(10, lines_of(container, 4)))
    save_usage([one, two, three])
    save_usage([three])  # the same again changes nothing
    kept = UsageFrame.objects.order_by("step", "at").values_list("step", "at")
    assert list(kept) == [(10, NOW), (10, NOW + 10), (10, NOW + 20), (60, NOW - 60)]
    now = UsageNow.objects.get()
    assert (now.at, now.minute, bytes(now.trail)) == (NOW + 20, NOW - 60, b"trail")
    assert unpack(now.frame)[1][container.pk][0] == 4


def test_a_host_that_was_removed_meanwhile_is_left_out(container: Container) -> None:
    gone = Packed(container.host_id + 1, NOW, pack(10, {}))
    save_usage([gone, Packed(container.host_id, NOW, pack(10, {}))])
    save_usage([])
    assert list(UsageNow.objects.values_list("host", flat=True)) == [container.host_id]


def test_hours_that_are_over_are_put_together(container: Container, actor: Actor) -> None:
    for number in range(150):  # from 8:00 to 10:29
        frame(container, MINUTE, NOW - NOW % HOUR - 2 * HOUR + 60 * number, cpu=number)
    assert roll_up_hours(NOW) == 2
    assert roll_up_hours(NOW) == 0
    assert UsageFrame.objects.count() == 30  # of the hour that goes on
    kept = UsageBlock.objects.order_by("key", "step", "at").values_list("key", "step")
    blocks = [(MINUTE), (MINUTE), (QUARTER)]
    assert list(kept) == [(key, step) for key in (SUM, container.pk) for step in blocks]

    day = container_history(actor, container.pk, "24h")
    assert (day.step, len(day.times), day.columns["cpu"]) == (60, 150, list(range(150)))
    week = container_history(actor, container.pk, "7d")
    assert week.columns["cpu"] == [7, 22, 37, 52, 67, 82, 97, 112, 127, 142]
    assert week.columns["cpu_peak"][0] == 14
    assert host_history(actor, container.host_id, "7d").columns["cpu"] == week.columns["cpu"]
    assert host_history(actor, container.host_id, "7d").columns["memory_limit"][0] is None


def test_minutes_that_come_late_are_added(container: Container) -> None:
    hour = NOW - NOW % HOUR - HOUR
    frame(container, MINUTE, hour)
    roll_up_hours(NOW)
    frame(container, MINUTE, hour + 1800)
    roll_up_hours(NOW)
    minutes = UsageBlock.objects.get(key=container.pk, step=MINUTE)
    assert sorted(unpack(minutes.data)[1]) == [hour, hour + 1800]


def test_a_late_minute_replaces_no_quarter_of_an_hour(container: Container, actor: Actor) -> None:
    hour = NOW - NOW % HOUR - HOUR
    for number in range(14):
        frame(container, MINUTE, hour + 60 * number, cpu=100 if number == 3 else 10)
    roll_up_hours(NOW)
    frame(container, MINUTE, hour + 14 * 60, cpu=40)
    for _ in range(2):  # before it is put together, and after
        week = container_history(actor, container.pk, "7d")
        assert week.columns["cpu_peak"] == [100]
        roll_up_hours(NOW)
    assert container_history(actor, container.pk, "7d").columns["cpu"] == [18]
    assert host_history(actor, container.host_id, "7d").columns["cpu"] == [18]


def test_an_hour_is_left_alone_until_its_last_minutes_are_written(container: Container) -> None:
    frame(container, MINUTE, NOW - NOW % HOUR - 60)
    assert roll_up_hours(NOW - NOW % HOUR + 200) == 0
    assert roll_up_hours(NOW - NOW % HOUR + 400) == 1


def test_long_jobs_do_not_keep_readings_from_being_put_together() -> None:
    """Builds and pulls may fill all places of their queue for hours."""
    entry = SCHEDULES["roll up usage"]
    assert entry["task"] == roll_up_usage.name
    assert entry["options"]["queue"] == SCHEDULES["reap jobs"]["options"]["queue"] == "upkeep"
    assert entry["options"]["expire_seconds"] < entry["schedule"].run_every.total_seconds()


def test_what_is_old_goes_and_what_is_of_a_wrong_clock(container: Container) -> None:
    for age in (0, HOUR, HOUR + 200, -DAY):
        frame(container, SWEEP, NOW - age)
    for step, age in ((MINUTE, 24), (MINUTE, 26), (QUARTER, 7 * 24), (QUARTER, 9 * 24)):
        UsageBlock.objects.create(
            host=container.host, container=container, key=container.pk, step=step,
            at=NOW - age * HOUR, data=b"",
        )  # fmt: skip
    purge_usage(NOW)
    assert sorted(UsageFrame.objects.values_list("at", flat=True)) == [NOW - HOUR, NOW]
    left = UsageBlock.objects.values_list("at", flat=True)
    assert sorted(NOW - at for at in left) == [24 * HOUR, 7 * DAY]


def test_a_removed_container_takes_its_readings_along(container: Container) -> None:
    frame(container, MINUTE, NOW - 2 * HOUR)
    roll_up_hours(NOW)
    frame(container, MINUTE, NOW - 2 * HOUR + 60)
    container.delete()
    roll_up_hours(NOW)  # its minutes were still there: it must not come back
    assert set(UsageBlock.objects.values_list("key", flat=True)) == {SUM}


def test_a_pause_is_a_hole_not_a_line(container: Container, actor: Actor) -> None:
    for at in (NOW - 600, NOW - 590, NOW - 300, NOW - 290):
        frame(container, SWEEP, at)
    found = container_history(actor, container.pk, "1h")
    assert found.times == [NOW - 600, NOW - 590, NOW - 580, NOW - 300, NOW - 290]
    assert found.columns["cpu"] == [10, 10, None, 10, 10]
    assert (found.begin, found.end, found.step) == (NOW - HOUR, NOW, SWEEP)


def test_a_host_that_is_read_seldom_has_lines_all_the_same(
    container: Container, actor: Actor
) -> None:
    for number in range(10):
        frame(container, SWEEP, NOW - 1600 + 160 * number, every=160)
        frame(container, MINUTE, NOW - 1600 + 160 * number, every=160)
    for span in ("1h", "24h"):
        assert None not in container_history(actor, container.pk, span).columns["cpu"]


def test_where_it_was_read_seldom_for_a_while_there_are_lines_too(
    container: Container, actor: Actor
) -> None:
    """Forty minutes every ten seconds, twenty every forty: only what is missing is a hole."""
    often = [NOW - 3600 + 10 * number for number in range(240)]
    seldom = [NOW - 1200 + 40 * number for number in range(30) if number not in (9, 10, 11)]
    for at in often:
        frame(container, SWEEP, at)
    for at in seldom:
        frame(container, SWEEP, at, every=40)
    found = container_history(actor, container.pk, "1h")
    holes = [at for at, cpu in zip(found.times, found.columns["cpu"], strict=True) if cpu is None]
    assert holes == [NOW - 1200 + 9 * 40]


def test_a_day_knows_when_it_was_read_seldom(container: Container, actor: Actor) -> None:
    hour = NOW - NOW % HOUR - 2 * HOUR
    for number in range(60):
        frame(container, MINUTE, hour + 60 * number)
    for number in range(20):
        frame(container, MINUTE, hour + HOUR + 180 * number, every=160)
    roll_up_hours(NOW)
    assert None not in container_history(actor, container.pk, "24h").columns["cpu"]


def test_strangers_get_nothing(container: Container, stranger: User, other_host: Host) -> None:
    nobody = actor_for(stranger)
    other = make_container(other_host, "db-1")
    for pk in (container.pk, other.pk, 10**6):
        with pytest.raises(Unknown):
            container_history(nobody, pk, "1h")
    with pytest.raises(Unknown):
        host_history(nobody, container.host_id, "1h")
