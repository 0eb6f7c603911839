"""Schedules: who may, what is due, and that a time is fired once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.jobs.schedule import SCHEDULES
from fleet.jobs.tasks import fire_schedules
from fleet.models import AuditEntry, Build, BuildSchedule, Host, Job, Role, User
from fleet.operations import schedules, triggers
from fleet.operations.builds import build_update
from fleet.operations.errors import Invalid
from fleet.operations.schedules import (
    fire_due,
    schedule_create,
    schedule_remove,
    schedule_update,
)
from fleet.operations.triggers import NotLasting
from fleet.operations.webhooks import webhook_create, webhook_update
from fleet.tokens import create_token
from fleet.triggers.cron import zone_named

NIGHTLY = {"cron": "30 3 * * *", "zone": "Europe/Berlin"}
Add = Callable[..., BuildSchedule]


@pytest.fixture
def add(deployer: Actor, build: Build) -> Add:
    """add(cron=…) -> a schedule of the build."""

    def make(**data: Any) -> BuildSchedule:
        return schedule_create(actor=deployer, build_id=build.pk, data={**NIGHTLY, **data})

    return make


def due(row: BuildSchedule, late: timedelta = timedelta(seconds=3)) -> datetime:
    """Let a schedule have been due a moment ago; return when."""
    at = timezone.now() - late
    BuildSchedule.objects.filter(pk=row.pk).update(next_at=at)
    return at


def test_it_is_due_by_the_clock_of_its_zone(add: Add) -> None:
    row = add()
    assert row.next_at is not None
    assert row.next_at > timezone.now()
    assert (row.next_at.astimezone(zone_named("Europe/Berlin"))).hour == 3
    assert AuditEntry.objects.get(action="schedule.create").detail["cron"] == "30 3 * * *"


def test_a_time_is_fired_once_by_whoever_comes_first(add: Add) -> None:
    row = add(cron="*/5 * * * *", ref="release/1")
    due(row)
    stale = BuildSchedule.objects.select_related("build__host", "owner").get(pk=row.pk)
    assert fire_due() == 1
    assert fire_due() == 0
    # A second beat that had read it before the first wrote.
    assert schedules._fire(stale, timezone.now()) == 0
    job = Job.objects.get()
    assert (job.via, job.actor_name, job.params) == ("schedule", "dora", {"ref": "release/1"})
    row.refresh_from_db()
    assert (row.job, row.last_result, row.last_ok) == (job, "Started run #1.", True)
    assert row.next_at is not None
    assert row.next_at > timezone.now()


def test_what_waits_is_joined(add: Add) -> None:
    row = add()
    for _turn in range(2):
        due(row)
        fire_due()
    row.refresh_from_db()
    assert Job.objects.count() == 1
    assert "which waited already" in row.last_result


def test_what_was_missed_for_long_is_left_out_and_told(add: Add) -> None:
    row = add()
    due(row, timedelta(minutes=14))
    assert fire_due() == 1
    Job.objects.update(state="succeeded")
    due(row, timedelta(hours=3))
    assert fire_due() == 0
    row.refresh_from_db()
    assert "180 min too late" in row.last_result
    assert row.next_at is not None
    assert row.next_at > timezone.now()
    assert Job.objects.count() == 1


def test_it_runs_with_what_its_owner_may_now(add: Add, dora: User, build: Build) -> None:
    row = add()
    User.objects.filter(pk=dora.pk).update(is_active=False)
    due(row)
    fire_due()
    row.refresh_from_db()
    assert (row.last_ok, Job.objects.count()) == (False, 0)
    assert "dora may not run this build any more" in row.last_result
    entry = AuditEntry.objects.get(action="build.run")
    assert (entry.result, entry.via, entry.detail["schedule"]) == ("refused", "schedule", row.pk)


def test_who_saves_it_owns_it(add: Add, build: Build, dora: User, administrator: User) -> None:
    row = add()
    boss = actor_for(administrator)
    row = schedule_update(
        actor=boss, build_id=build.pk, schedule_id=row.pk, data={"cron": "0 4 * * *"}
    )
    dora.grants.all().delete()
    due(row)
    assert fire_due() == 1
    assert Job.objects.get().actor_name == administrator.username
    changes = AuditEntry.objects.get(action="schedule.update").detail["changes"]
    assert changes == {"cron": ["30 3 * * *", "0 4 * * *"]}


def test_one_that_breaks_holds_up_no_other(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = add(cron="0 1 * * *"), add(cron="0 2 * * *")
    due(bad, timedelta(minutes=1))
    due(good)

    def broken(row: BuildSchedule, *args: Any) -> Any:
        if row.pk == bad.pk:
            raise RuntimeError("a bug")
        return triggers.fire(row, *args)

    monkeypatch.setattr(schedules, "fire", broken)
    assert fire_due() == 1
    bad.refresh_from_db()
    assert bad.last_at is None  # it is tried again


def test_off_is_off(add: Add, build: Build, deployer: Actor) -> None:
    row = add(enabled=False)
    assert row.next_at is None
    BuildSchedule.objects.update(next_at=timezone.now())
    assert fire_due() == 0
    on = schedule_update(
        actor=deployer, build_id=build.pk, schedule_id=row.pk, data={"enabled": True}
    )
    assert on.next_at is not None
    schedule_remove(actor=deployer, build_id=build.pk, schedule_id=row.pk)
    assert not BuildSchedule.objects.exists()


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        ({"cron": "61 * * * *"}, "cron", "“61” is no minute"),
        ({"cron": 5}, "cron", "must be a text"),
        ({"zone": "Mars/Olympus"}, "zone", "no time zone"),
        ({"ref": "--x"}, "ref", "cannot be the name"),
        ({"enabled": "yes"}, "enabled", "true or false"),
        ({"other": 1}, "other", "no such field"),
    ],
)
def test_it_refuses_with_reasons(add: Add, data: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        add(**data)
    assert words in " ".join(refused.value.fields[field])


def test_branches_are_of_git_only(add: Add, build: Build) -> None:
    Build.objects.update(source="dockerfile")
    with pytest.raises(Invalid, match="from Git"):
        add(ref="main")


def test_how_many(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "LIMIT", 1)
    add()
    with pytest.raises(Invalid, match="Remove one first"):
        add()


def test_who_may(build: Build, host: Host, make_user: Any, deployer: Actor) -> None:
    """Changing builds is not enough: what is saved runs."""
    editor = Role.objects.create(name="editor", permissions=["build.view", "build.update"])
    erin = make_user("erin", role=editor.name, on=host)
    hook = {"name": "x", "kind": "github"}
    for name in ("viewer", "editor"):
        user = erin if name == "editor" else make_user("vic", role="viewer", on=host)
        with pytest.raises(Refused):
            schedule_create(actor=actor_for(user), build_id=build.pk, data=NIGHTLY)
        with pytest.raises(Refused):
            webhook_create(actor=actor_for(user), build_id=build.pk, data=hook)
    # Switching off is a change that runs nothing.
    webhook, _secret = webhook_create(actor=deployer, build_id=build.pk, data=hook)
    off = {"enabled": False}
    webhook_update(actor=actor_for(erin), build_id=build.pk, webhook_id=webhook.pk, data=off)
    with pytest.raises(Refused):
        webhook_update(
            actor=actor_for(erin), build_id=build.pk, webhook_id=webhook.pk, data={"enabled": True}
        )


def test_a_narrow_token_leaves_nothing_behind(build: Build, dora: User) -> None:
    token = create_token(dora, "ci", None, Role.objects.get(name="deployer"))[0]
    narrow = actor_for(dora, via="api", token=token)
    with pytest.raises(NotLasting):
        schedule_create(actor=narrow, build_id=build.pk, data=NIGHTLY)
    with pytest.raises(NotLasting):
        webhook_create(actor=narrow, build_id=build.pk, data={"name": "x", "kind": "plain"})


def test_what_a_trigger_runs_is_changed_by_who_may_run_it(
    add: Add, build: Build, dora: User, make_user: Callable[..., User]
) -> None:
    role = Role.objects.create(
        name="author", permissions=["host.view", "build.view", "build.update"]
    )
    author = actor_for(make_user("ann", role=role.name, on=build.host.environment))
    change = {"git_ref": "next"}
    build_update(actor=author, build_id=build.pk, data=change)
    schedule = add()
    with pytest.raises(Refused):
        build_update(actor=author, build_id=build.pk, data=change)
    token = create_token(dora, "ci", None, Role.objects.get(name="deployer"))[0]
    with pytest.raises(NotLasting):
        build_update(actor=actor_for(dora, via="api", token=token), build_id=build.pk, data=change)
    BuildSchedule.objects.filter(pk=schedule.pk).update(enabled=False)
    build_update(actor=author, build_id=build.pk, data=change)


def test_beat_fires_each_minute(add: Add) -> None:
    entry = SCHEDULES["fire schedules"]
    assert entry["task"] == fire_schedules.name
    assert entry["schedule"].minute == set(range(60))
    due(add())
    fire_schedules()
    assert Job.objects.count() == 1
