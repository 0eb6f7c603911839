"""The last thing that was made different about a container before it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from fleet.access import visible_events, visible_jobs
from fleet.actor import Actor
from fleet.engine.recreate import SHORT, aside_of
from fleet.models import Container, Event, Job
from fleet.selectors.event_rows import CAUSE_AFTER, CAUSE_BEFORE, EventRow, event_rows

CHANGES = frozenset({"create", "rename", "update"})
AGAIN = {
    "container.start": ("start",),
    "container.restart": ("start", "restart"),
    "container.unpause": ("unpause",),
}
LATEST = 20


@dataclass(frozen=True)
class Change:
    """The last thing that was made different before an end."""

    at: datetime
    words: str
    job: Job | None = None


def last_change(actor: Actor, row: Container, until: datetime) -> Change | None:
    """Return the last deploy, rename, limit or start by somebody before a time.

    A policy may have started it thousands of times since: those are not looked through.
    """
    before = visible_events(actor).filter(host=row.host, object_id=row.engine_id, at__lt=until)
    changes = before.filter(kind__in=CHANGES).order_by("-at", "-id")[:LATEST]
    started = _last_start(actor, row, before, until)
    for act in event_rows(actor, list(changes)):
        if started and started.at > act.event.at:
            break
        if act.event.kind == "create":
            return _created(actor, row, act)
        if not _is_step(act.event):
            return Change(act.event.at, _capital(act.words), act.job)
    if started or row.created_at is None:
        return started
    return Change(row.created_at, _("Created"))


def _last_start(
    actor: Actor, row: Container, before: QuerySet[Event], until: datetime
) -> Change | None:
    """Return the newest start, restart or unpause that a job asked for."""
    jobs = visible_jobs(actor).filter(
        host=row.host, target_engine_id=row.engine_id, operation__in=AGAIN, started_at__lt=until
    )
    job = jobs.order_by("-started_at", "-id").first()
    if job is None or job.started_at is None:
        return None
    ended = max(job.finished_at or until, job.started_at + CAUSE_AFTER)
    told = before.filter(
        kind__in=AGAIN[job.operation], at__range=(job.started_at - CAUSE_BEFORE, ended)
    )
    acts = event_rows(actor, list(told.order_by("-at", "-id")[:LATEST]))
    found = next((act for act in acts if act.job == job), None)
    return Change(found.event.at, _capital(found.words), job) if found else None


def _is_step(event: Event) -> bool:
    """Whether it is a rename of what is made beside another and then takes its name.

    So do Quayside's own update and Compose, whose new one is called after the old one's id first.
    """
    was = str(event.detail.get("old_name", ""))
    composed = re.fullmatch(rf"[0-9a-f]{{{SHORT}}}_{re.escape(event.object_name)}", was)
    return event.kind == "rename" and bool(composed or aside_of(was))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _created(actor: Actor, row: Container, act: EventRow) -> Change:
    """Say what is different from the container that had its name before."""
    made = act.event
    last = _creation_before(actor, row, made)
    words = _("Created from %(image)s") % {"image": made.detail.get("image") or row.image}
    return Change(made.at, _difference(last, made) if last else words, act.job)


def _creation_before(actor: Actor, row: Container, made: Event) -> Event | None:
    """Return the creation of the one before, which may have got the name only by a rename."""
    here = visible_events(actor).filter(host=row.host, object_kind="container")
    named = here.filter(kind__in=("create", "rename"), object_name=row.name, at__lt=made.at)
    last = named.exclude(object_id=row.engine_id).order_by("-at", "-id").first()
    if last is None or last.kind == "create":
        return last
    return here.filter(kind="create", object_id=last.object_id).order_by("-at").first()


def _difference(last: Event, made: Event) -> str:
    images = {"old": last.detail.get("image", ""), "new": made.detail.get("image", "")}
    if images["old"] != images["new"]:
        return _("Recreated with another image: %(new)s, was %(old)s") % images
    for key, words in (
        ("image_id", _("Recreated: %(new)s is another image than before under the same name")),
        ("config_hash", _("Recreated with another configuration (environment, command, ports …)")),
    ):
        before, after = last.detail.get(key), made.detail.get(key)
        if before and after and before != after:
            return words % images
    return _("Recreated from the same image: %(new)s") % images
