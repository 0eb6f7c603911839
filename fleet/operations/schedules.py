"""Schedules of builds: add, change, remove, and fire what is due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet import audit
from fleet.access import access_schedule
from fleet.actor import Actor
from fleet.builds.errors import ContextRefused
from fleet.builds.git import BAD_REF
from fleet.models import BuildSchedule, BuildSource
from fleet.operations.errors import Invalid
from fleet.operations.inputs import Reader
from fleet.operations.requests import lock_row
from fleet.operations.triggers import (
    CHANGE,
    LIMIT,
    access_to_change,
    changes_of,
    fire,
    operation,
    take_over,
)
from fleet.publish import BuildsChanged, publish_on_commit
from fleet.triggers.cron import LENGTH_LIMIT, BadCron, next_times, parse_cron, zone_named

FIELDS = ("cron", "zone", "ref", "enabled")
LATE = timedelta(minutes=15)  # later than this a missed time is left out
AT_ONCE = 500  # due ones that a turn looks at
log = structlog.get_logger(__name__)


def schedule_create(*, actor: Actor, build_id: int, data: Mapping[str, Any]) -> BuildSchedule:
    """Run a build at times from `cron`, `zone`, `ref` and `enabled`; as the actor.

    Raises Unknown, Refused or Invalid.
    """
    build = access_to_change(actor, build_id)
    with transaction.atomic():
        lock_row(build)
        if build.buildschedules.count() >= LIMIT:
            sentence = _("This build has %(limit)d schedules. Remove one first.")
            raise Invalid({"": [sentence % {"limit": LIMIT}]})
        row = _read(data, BuildSchedule(build=build, cron="", zone=settings.TIME_ZONE))
        take_over(row, actor)
        row.save(force_insert=True)
        audit.record(actor, CREATE.name, build, detail=_facts(row))
        publish_on_commit(BuildsChanged([build.pk]))
    return row


def schedule_update(
    *, actor: Actor, build_id: int, schedule_id: int, data: Mapping[str, Any]
) -> BuildSchedule:
    """Change what `data` names; it runs as the actor from now on.

    Raises Unknown, Refused or Invalid.
    """
    build = access_to_change(actor, build_id)
    with transaction.atomic():
        lock_row(build)
        row = access_schedule(actor, build_id, schedule_id, CHANGE)
        before = _facts(row)
        row = _read(data, row)
        take_over(row, actor)
        row.save()
        changes = changes_of(before, _facts(row))
        audit.record(actor, UPDATE.name, build, detail={"schedule": row.pk, "changes": changes})
        publish_on_commit(BuildsChanged([build.pk]))
    return row


def schedule_remove(*, actor: Actor, build_id: int, schedule_id: int) -> None:
    """Remove a schedule. Raises Unknown or Refused."""
    row = access_schedule(actor, build_id, schedule_id, CHANGE)
    with transaction.atomic():
        audit.record(actor, REMOVE.name, row.build, detail=_facts(row))
        BuildSchedule.objects.filter(pk=row.pk).delete()
        publish_on_commit(BuildsChanged([row.build_id]))


def fire_due(now: datetime | None = None) -> int:
    """Start the builds whose time has come; return how many schedules fired.

    However often and by whomever it is called, a time is fired once: the schedule moves on by
    compare-and-set, in the transaction in which its job is made.
    """
    moment = now or timezone.now()
    due = BuildSchedule.objects.filter(enabled=True, next_at__lte=moment)
    rows = due.select_related("build", "build__host", "owner").order_by("next_at", "pk")
    fired = 0
    for row in rows[:AT_ONCE]:
        try:
            with transaction.atomic():
                lock_row(row.build)
                fired += _fire(row, moment)
        except Exception:  # one that cannot be fired holds up no other; it is tried again
            log.exception("schedule_not_fired", schedule=row.pk)
    return fired


def _fire(row: BuildSchedule, now: datetime) -> int:
    due, values = row.next_at, _moved_on(row, now)
    mine = BuildSchedule.objects.filter(pk=row.pk, next_at=due, enabled=True)
    if due is None or not mine.update(**values):
        return 0
    publish_on_commit(BuildsChanged([row.build_id]))
    if now - due > LATE:
        missed = _("Left out: Quayside did not run at that time, and came %(n)d min too late.")
        words = missed % {"n": (now - due) // timedelta(minutes=1)}
        BuildSchedule.objects.filter(pk=row.pk).update(last_result=words, last_ok=False)
        return 0
    done = fire(row, "schedule", row.ref)
    BuildSchedule.objects.filter(pk=row.pk).update(
        last_result=done.words, last_ok=done.started, job=done.job
    )
    return 1


def _moved_on(row: BuildSchedule, now: datetime) -> dict[str, Any]:
    """Return when it is due next: times that were missed do not add up."""
    try:
        later = next_times(row.cron, row.zone, now)
    except BadCron:  # a zone that this machine no longer knows
        later = []
    return {"next_at": later[0] if later else None, "last_at": now}


def _read(data: Mapping[str, Any], row: BuildSchedule) -> BuildSchedule:
    reader = Reader(data, FIELDS)
    row.cron = " ".join(reader.text("cron", row.cron, limit=LENGTH_LIMIT).split())
    row.zone = reader.text("zone", row.zone, limit=60) or settings.TIME_ZONE
    row.ref = reader.text("ref", row.ref, limit=200)
    row.enabled = reader.switch("enabled", row.enabled)
    if row.ref and row.build.source != BuildSource.GIT:
        reader.refuse("ref", gettext_lazy("Only a build from Git has other branches."))
    elif row.ref and BAD_REF.search(row.ref):
        reader.refuse("ref", str(ContextRefused("git_ref", name=row.ref)))
    for field, check in (("cron", parse_cron), ("zone", zone_named)):
        try:
            if field not in reader.problems:
                check(getattr(row, field))
        except BadCron as error:
            reader.refuse(field, str(error))
    reader.finish()
    row.next_at = next_times(row.cron, row.zone, timezone.now())[0] if row.enabled else None
    return row


def _facts(row: BuildSchedule) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS}


CREATE = operation(
    "schedule.create", "clock",
    gettext_lazy("Add schedule"), gettext_lazy("Adding a schedule of %(target)s"),
    gettext_lazy("Added a schedule of %(target)s"),
    gettext_lazy("Runs a build at times, with the rights of who added it."),
)  # fmt: skip
UPDATE = operation(
    "schedule.update", "clock",
    gettext_lazy("Change schedule"), gettext_lazy("Changing a schedule of %(target)s"),
    gettext_lazy("Changed a schedule of %(target)s"),
    gettext_lazy("Changes when a build runs; it runs with the rights of who changed it last."),
)  # fmt: skip
REMOVE = operation(
    "schedule.remove", "trash",
    gettext_lazy("Remove schedule"), gettext_lazy("Removing a schedule of %(target)s"),
    gettext_lazy("Removed a schedule of %(target)s"),
    gettext_lazy("Ends a schedule. What it started goes on."), destructive=True,
)  # fmt: skip
