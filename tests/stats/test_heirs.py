"""An updated container goes on with the history of the one that it was made of."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.models import Container, Host, UsageBlock, UsageFrame, UsageNow
from fleet.stats import keeping
from fleet.stats.heirs import inherit
from fleet.stats.keeping import DAY, HOUR, SWEEP, roll_up_hours
from fleet.stats.packing import Table, pack, unpack
from fleet.stats.rollup import MINUTE, Trail, rolled
from tests.conftest import make_container

pytestmark = pytest.mark.django_db
NOW = 1_800_000_000 - 1_800_000_000 % DAY + 10 * HOUR + 30 * MINUTE


def used(container: Container, at: int, cpu: float, step: int = MINUTE) -> None:
    """Keep a minute in which it used so much; what another used then stays."""
    frame = UsageFrame.objects.filter(host=container.host_id, step=step, at=at).first()
    lines = unpack(frame.data)[1] if frame else {}
    reading = (cpu, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    lines[container.pk] = rolled([reading]) if step == MINUTE else reading
    UsageFrame.objects.update_or_create(
        host=container.host, step=step, at=at, defaults={"data": pack(step, lines)}
    )


@pytest.fixture
def pair(host: Host) -> tuple[Container, Container, Container]:
    """An old one with two hours of history, the new one, and one that is not meant."""
    old, new, other = (make_container(host, name) for name in ("old", "web-1", "other"))
    for at, cpu in ((NOW - 2 * HOUR, 10), (NOW - HOUR - MINUTE, 20), (NOW - 2 * MINUTE, 30)):
        used(old, at, cpu)
        used(other, at, 1)
    used(new, NOW - HOUR, 40)  # in the same hour and day as the old one
    used(old, NOW - 20, 50, SWEEP)
    roll_up_hours(NOW)
    return old, new, other


def cpus(container: Container) -> list[float]:
    """All that is kept of its processor by minutes, in order of time."""
    blocks = UsageBlock.objects.filter(key=container.pk, step=MINUTE)
    frames = UsageFrame.objects.filter(step=MINUTE)
    found = {at: line[0] for block in blocks for at, line in unpack(block.data)[1].items()}
    for frame in frames:
        lines = unpack(frame.data)[1]
        if container.pk in lines:
            found[frame.at] = lines[container.pk][0]
    return [found[at] for at in sorted(found)]


def test_history_goes_to_the_heir_alone(
    pair: tuple[Container, Container, Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, other = pair
    assert cpus(new) == [40]
    inherit(old.host_id, old.engine_id, new.engine_id)
    assert cpus(new) == [10, 20, 40, 30] and cpus(old) == []
    assert cpus(other) == [1, 1, 1]
    assert set(UsageBlock.objects.filter(key=new.pk).values_list("container", flat=True)) == {
        new.pk
    }
    sweep = UsageFrame.objects.get(step=SWEEP)
    assert set(unpack(sweep.data)[1]) == {new.pk}
    old.delete()
    assert cpus(new) == [10, 20, 40, 30]


def test_the_small_pictures_go_on(host: Host) -> None:
    old, new = (make_container(host, name) for name in ("old", "web-1"))
    trail = Trail([(NOW - MINUTE, {old.pk: (1, 2), 0: (1, 2)}), (NOW, {new.pk: (3, 4), 0: (3, 4)})])
    UsageNow.objects.create(
        host=host, at=NOW, frame=pack(10, {old.pk: (5.0,) * 8}), minute=NOW,
        trail=pack(MINUTE, trail.table()),
    )  # fmt: skip
    inherit(host.pk, old.engine_id, new.engine_id)
    row = UsageNow.objects.get()
    kept = unpack(row.trail)[1]
    assert kept[new.pk][-4:] == (1, 2, 3, 4) and set(kept) == {0, new.pk}
    assert set(unpack(row.frame)[1]) == {new.pk}


def test_history_that_moves_while_an_hour_is_put_together_is_not_lost(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (make_container(host, name) for name in ("old", "web-1"))
    used(old, NOW - HOUR, 10)
    add = keeping._add

    def meanwhile(*args: Any) -> dict[int, Table]:
        if old.engine_id:
            inherit(host.pk, old.engine_id, new.engine_id)
            old.engine_id = ""
        return add(*args)

    monkeypatch.setattr(keeping, "_add", meanwhile)
    roll_up_hours(NOW)
    Container.objects.filter(pk=old.pk).delete()
    roll_up_hours(NOW)
    assert cpus(new) == [10] and not UsageFrame.objects.exists()


def test_a_new_one_that_no_watcher_has_seen_gets_the_row(host: Host) -> None:
    old = make_container(host, "old")
    used(old, NOW, 10)
    inherit(host.pk, old.engine_id, "f" * 64)
    row = Container.objects.get()
    assert (row.pk, row.engine_id) == (old.pk, "f" * 64) and cpus(row) == [10]


def test_nothing_is_moved_where_there_is_nothing(host: Host) -> None:
    new = make_container(host, "web-1")
    inherit(host.pk, "e" * 64, new.engine_id)
    inherit(host.pk + 1, "e" * 64, new.engine_id)
    assert Container.objects.get() == new and not UsageBlock.objects.exists()
