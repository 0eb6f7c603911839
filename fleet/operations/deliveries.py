"""Taking what a webhook is sent: proven, new, meant for this build, and only then a run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet.builds.git_url import parse_git_url
from fleet.crypto import SecretLost
from fleet.models import (
    Build,
    BuildSource,
    DeliveryResult,
    Job,
    Webhook,
    WebhookDelivery,
    WebhookMemory,
)
from fleet.operations.requests import lock_row
from fleet.operations.triggers import WORDS_LIMIT, fire
from fleet.publish import BuildsChanged, publish_on_commit
from fleet.triggers.globs import matches, parse_globs
from fleet.triggers.payloads import BadPayload, Push, read_push
from fleet.triggers.signatures import NotProven, Proof, Sent, new_secret, prove

KEPT = 100  # deliveries of a webhook that are shown
# Marks of a webhook that are remembered, two for a delivery at most. Thirty times what may come in
# while a signed time is good (config/settings.py: 120 a minute).
REMEMBERED = 20_000
NOTED_EVERY = timedelta(minutes=1)  # refusals without a proof
NOBODYS = new_secret()


class Unproven(Exception):
    """There is no such webhook, or its secret was not used: which of both is not told."""


@dataclass(frozen=True)
class Taken:
    """What came of a delivery; `code` says why, for who asks by HTTP."""

    result: DeliveryResult
    words: str
    code: str = "ok"  # ok, malformed, repeated, not_allowed, not_possible
    job: Job | None = None


@dataclass(frozen=True)
class Proven:
    """A delivery that is from who knows the secret; nothing of its body was read."""

    webhook: Webhook
    sent: Sent
    proof: Proof
    address: str


def delivery_prove(public_id: str, sent: Sent, address: str) -> Proven:
    """Return what a webhook was sent, once its secret has proven it. Raises Unproven.

    An address that is nobody's costs as much work as one that is somebody's.
    """
    webhook = Webhook.objects.select_related("build").filter(public_id=public_id).first()
    try:
        secret = webhook.secret if webhook else NOBODYS
        proof = prove(webhook.kind if webhook else "github", secret, sent)
    except (NotProven, SecretLost) as error:
        if webhook is not None:
            _note_refusal(webhook, f"{error} ({address})")
        raise Unproven from None
    if webhook is None:
        raise Unproven
    return Proven(webhook, sent, proof, address)


def delivery_take(proven: Proven) -> Taken:
    """Take a delivery; it starts one run at most, however often it comes. Raises Unproven."""
    with transaction.atomic():
        # One at a time: of two equal ones the second finds what the first has written.
        lock_row(proven.webhook.build)
        rows = Webhook.objects.select_related("build__host", "owner")
        webhook = rows.filter(pk=proven.webhook.pk).first()
        if webhook is None:
            raise Unproven
        return _Delivery(webhook, proven).take()


def _note_refusal(webhook: Webhook, why: str) -> None:
    """Keep the last one, for who sets it up; not every one: anybody can send those."""
    now = timezone.now()
    if webhook.refused_at is None or now - webhook.refused_at > NOTED_EVERY:
        Webhook.objects.filter(pk=webhook.pk).update(refused_at=now, refused_why=why[:WORDS_LIMIT])
        publish_on_commit(BuildsChanged([webhook.build_id]))


@dataclass
class _Delivery:
    webhook: Webhook
    proven: Proven
    push: Push = field(default_factory=lambda: Push("", is_push=False))

    def take(self) -> Taken:
        taken = self._taken()
        words = taken.words[:WORDS_LIMIT]
        row = WebhookDelivery.objects.create(
            webhook=self.webhook, delivery_id=self.proven.proof.delivery_id, event=self.push.event,
            ref=self.push.ref, commit=self.push.commit, result=taken.result, words=words,
            job=taken.job,
        )  # fmt: skip
        Webhook.objects.filter(pk=self.webhook.pk).update(
            last_at=row.at, last_result=words, last_ok=taken.result != DeliveryResult.REFUSED
        )
        self._forget_old()
        publish_on_commit(BuildsChanged([self.webhook.build_id]))
        return taken

    def _taken(self) -> Taken:
        try:
            self.push = read_push(self.webhook.kind, self.proven.sent)
        except BadPayload as error:
            return Taken(DeliveryResult.REFUSED, str(error), "malformed")
        if WebhookMemory.objects.filter(
            webhook=self.webhook, mark__in=self.proven.proof.marks
        ).exists():
            words = _("This came before, and was done then. Nothing was started.")
            return Taken(DeliveryResult.REFUSED, words, "repeated")
        # Of several that moved, the first that is meant: a delivery starts one run.
        moved = (self.push, *self.push.more)
        meant = [one for one in moved if not reason_to_ignore(self.webhook, one)]
        if not meant:
            return Taken(DeliveryResult.IGNORED, reason_to_ignore(self.webhook, self.push))
        self.push = meant[0]
        taken = self._fire()
        others = {one.ref for one in meant} - {self.push.ref}
        if taken.job is None or not others or self.webhook.build.source != BuildSource.GIT:
            return taken
        return replace(taken, words=f"{taken.words} {_not_built(len(others))}")

    def _fire(self) -> Taken:
        done = fire(self.webhook, "webhook", self._ref(), self.proven.address)
        if not done.started:
            code = "not_possible" if done.allowed else "not_allowed"
            return Taken(done.result, done.words, code)
        # Only what led to a run is remembered: a push that was refused may be sent again.
        WebhookMemory.objects.bulk_create(
            WebhookMemory(webhook=self.webhook, mark=mark) for mark in self.proven.proof.marks
        )
        return Taken(done.result, done.words, job=done.job)

    def _ref(self) -> str:
        """Return what to build for once: runs of what the definition says are one."""
        build = self.webhook.build
        of_git = build.source == BuildSource.GIT
        return self.push.ref if of_git and self.push.ref != build.git_ref else ""

    def _forget_old(self) -> None:
        for rows, kept in ((self.webhook.deliveries, KEPT), (self.webhook.memory, REMEMBERED)):
            newest = rows.order_by("-pk").values_list("pk", flat=True)
            if last := newest[kept : kept + 1].first():
                rows.filter(pk__lte=last).delete()


def _not_built(count: int) -> str:
    said = ngettext(
        "%(count)d more branch or tag was pushed and not built.",
        "%(count)d more branches or tags were pushed and not built.",
        count,
    )
    return said % {"count": count}


def reason_to_ignore(webhook: Webhook, push: Push) -> str:
    """Return why a delivery is not for this build, or an empty text."""
    told = {"name": push.ref, "event": push.event, "repository": push.repository}
    if not webhook.enabled:
        return _("This webhook is switched off.")
    if push.event == "ping":
        return _("A ping: the address and the secret are right.")
    if not push.is_push:
        return _("“%(event)s” is no push.") % told
    if push.deleted:
        return _("“%(name)s” was deleted.") % told
    if push.repository and not _is_of(webhook.build, push.repository):
        return _("This build is not of the repository “%(repository)s”.") % told
    if push.tag and not matches(parse_globs(webhook.tags), push.tag):
        return _("The tag “%(name)s” is not one of those that are built.") % told
    if push.branch and not matches(parse_globs(webhook.branches), push.branch):
        return _("The branch “%(name)s” is not one of those that are built.") % told
    return ""


def _is_of(build: Build, repository: str) -> bool:
    """One webhook of an organisation tells of all its repositories. Hosts have several names and
    ways in; the path's end is the same in all."""
    if build.source != BuildSource.GIT:
        return True
    path = parse_git_url(build.git_url).path.lower().rstrip("/").removesuffix(".git")
    return f"/{path.lstrip('/')}".endswith(f"/{repository.lower()}")
