"""Events: every change that the watcher saw, kept for some weeks."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Case, Q, Value, When
from django.utils.translation import gettext_lazy as _

from fleet.models.hosts import Host

STACK_LIMIT = 200

CALM_EXITS: Final = frozenset({0, 130, 143})
# Ends that a signal brings: nothing is wrong with them where somebody sent one.
TOLD_TO_END: Final = frozenset({130, 137, 143})
BAD_JOBS: Final = ("failed", "errored", "lost")
BAD_STATES: Final = ("unhealthy", "dead")
PROBLEM_KINDS: Final = ("oom", "unreachable")

# What went wrong, as `event_words.event_tone` shows it: one is tested against the other.
# To change this takes a migration that makes the column anew.
PROBLEM: Final = (
    Q(kind__in=PROBLEM_KINDS)
    | Q(kind="job", to_state__in=BAD_JOBS)
    | Q(kind__in=("health_status", "seen"), to_state__in=BAD_STATES)
    | (
        Q(kind="die", detail__exit_code__isnull=False)
        & ~Q(detail__exit_code__in=sorted(CALM_EXITS))
        & ~Q(detail__signal__isnull=False, detail__exit_code__in=sorted(TOLD_TO_END))
    )
)


class Event(models.Model):
    """Something changed on a host: what, from which state to which, when."""

    # Found by the index on host and time.
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    kind = models.CharField(_("Kind"), max_length=40)  # die, start, health_status, unreachable…
    object_kind = models.CharField(max_length=20)  # container, image, network, volume, host
    object_id = models.CharField(max_length=100, blank=True)  # the engine's id of it
    object_name = models.CharField(max_length=512, blank=True)
    from_state = models.CharField(max_length=40, blank=True)
    to_state = models.CharField(max_length=40, blank=True)
    detail = models.JSONField(default=dict, blank=True)  # exit code, signal, message…
    # The Compose project or swarm stack of its container; NULL keeps the rest out of the index.
    stack = models.CharField(max_length=STACK_LIMIT, null=True, blank=True)  # noqa: DJ001
    # By the database, so that it is right whoever writes a row, and found without reading all.
    problem = models.GeneratedField(
        expression=Case(When(PROBLEM, then=Value(True)), default=Value(False)),
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            # Each holds only the rows that its filter can find, which is what it costs to write.
            models.Index(
                fields=["stack", "-at", "-id"],
                name="event_of_stack",
                condition=Q(stack__isnull=False),
            ),
            models.Index(fields=["-at", "-id"], name="event_is_problem", condition=Q(problem=True)),
            models.Index(fields=["-at", "-id"]),
            models.Index(fields=["host", "-at"]),
            models.Index(fields=["object_id", "-at"]),
            models.Index(fields=["object_name", "-at"]),
        ]

    def __str__(self) -> str:
        return f"{self.object_kind} {self.object_name}: {self.kind}"
