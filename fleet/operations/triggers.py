"""What schedules and webhooks share: who may change them, and what they do when they fire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.utils import timezone
from django.utils.translation import gettext as _

from fleet import audit
from fleet.access import AccessError, Refused, Unknown, access_build
from fleet.actor import Actor, actor_for
from fleet.models import AuditResult, Build, BuildRun, BuildSchedule, DeliveryResult, Job, Webhook
from fleet.operations.build_run import RUN
from fleet.operations.errors import Invalid
from fleet.operations.registry import Operation, Text, register
from fleet.operations.release_plan import Plan, check_rights
from fleet.operations.requests import request

CHANGE = "build.update"
LIMIT = 20  # schedules of a build, and webhooks
WORDS_LIMIT = 300  # letters of what came of it
Trigger = BuildSchedule | Webhook


class NotLasting(Refused):
    """A trigger lives on when the token that made it is gone, with all rights of its owner."""

    def __init__(self, target: Build) -> None:
        super().__init__(CHANGE, target)
        self.args = (_("A token that may less than its owner cannot change what starts builds."),)


@dataclass(frozen=True)
class Fired:
    """What came of firing."""

    result: DeliveryResult
    words: str
    job: Job | None = None
    allowed: bool = True

    @property
    def started(self) -> bool:
        """Whether a run does what was asked for."""
        return self.job is not None


def access_to_change(actor: Actor, build_id: int) -> Build:
    """Return a build whose triggers the actor may change. Raises Unknown or Refused."""
    build = access_build(actor, build_id, CHANGE)
    if actor.user is None:
        raise Unknown(_("user"))
    if actor.narrowed:
        raise NotLasting(build)
    return build


def check_triggered(actor: Actor, build: Build) -> None:
    """Who changes what a trigger runs must be allowed to run it, for good.

    Raises Refused, while one is switched on.
    """
    rows: tuple[Any, ...] = (BuildSchedule.objects, Webhook.objects)
    if any(found.filter(build=build, enabled=True).exists() for found in rows):
        if not actor.access.may(RUN.permission, build.host):
            raise Refused(RUN.permission, build)
        if actor.narrowed:
            raise NotLasting(build)


def take_over(trigger: Trigger, actor: Actor) -> None:
    """From now on it runs with the rights of who saves it.

    Raises Refused without the right to run the build, and what comes after it.
    """
    if trigger.enabled:
        if not actor.access.may(RUN.permission, trigger.build.host):
            raise Refused(RUN.permission, trigger.build)
        check_rights(actor, trigger.build.host, Plan.of(trigger.build))
    trigger.owner, trigger.owner_name = actor.user, actor.name
    trigger.changed_at = timezone.now()


def fire(
    trigger: Trigger, via: Literal["schedule", "webhook"], ref: str, address: str = ""
) -> Fired:
    """Ask for a run as the trigger's owner, with the rights that they have now. Never raises."""
    build = trigger.build
    actor = actor_for(trigger.owner, via=via, address=address)
    began = timezone.now()
    try:
        params = {"ref": ref} if ref else {}
        job = request(RUN.name, actor=actor, target_id=build.pk, params=params)
    except AccessError:
        told = {via: trigger.pk, "owner": trigger.owner_name}
        audit.record(actor, RUN.name, build, result=AuditResult.REFUSED, detail=told)
        return Fired(DeliveryResult.REFUSED, _refusal(trigger), allowed=False)
    except Invalid as error:
        return Fired(DeliveryResult.REFUSED, str(error)[:WORDS_LIMIT])
    number = BuildRun.objects.values_list("number", flat=True).get(job=job)
    if job.created_at < began:
        words = _("Run #%(number)d, which waited already, does it.") % {"number": number}
        return Fired(DeliveryResult.JOINED, words, job)
    return Fired(DeliveryResult.STARTED, _("Started run #%(number)d.") % {"number": number}, job)


def _refusal(trigger: Trigger) -> str:
    if trigger.owner is None:
        return _("Its owner is gone. Save it again to run it with your rights.")
    sentence = _("%(owner)s may not run this build any more. Who may can save it again.")
    return sentence % {"owner": trigger.owner_name}


def changes_of(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return what the audit log keeps of a change."""
    return {key: [before[key], after[key]] for key in after if before[key] != after[key]}


def operation(name: str, icon: str, *words: Text, destructive: bool = False) -> Operation:
    """Register a change to triggers: it is a change to their build."""
    verb, doing, done, sentence = words
    return register(
        Operation(
            name=name, target="build", icon=icon, verb=verb, doing=doing, done=done,
            sentence=sentence, needs=CHANGE, destructive=destructive,
        )
    )  # fmt: skip
