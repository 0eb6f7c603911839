"""Jobs: what somebody asked for, and how it went."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fleet.models.hosts import Host
from fleet.models.people import User


class JobState(models.TextChoices):
    """queued -> running -> exactly one of the rest; queued may also end as cancelled."""

    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")  # the engine said no
    ERRORED = "errored", _("errored")  # our bug
    CANCELLED = "cancelled", _("cancelled")
    LOST = "lost", _("lost")  # its worker died


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)
ENDED_STATES = tuple(state for state in JobState if state not in OPEN_STATES)


class Job(models.Model):
    """One thing that someone asked for, run by a worker; or the parent of many of them.

    A worker claims it by compare-and-set (queued -> running, with a new `claim`), and only
    the holder of the claim may write to it. A silent heartbeat makes the reaper end it as
    lost, or queue it again when its operation is safe to repeat.
    """

    operation = models.CharField(max_length=60)
    queue = models.CharField(max_length=20, default="control")
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="jobs")
    actor_name = models.CharField(max_length=150, blank=True)
    via = models.CharField(max_length=20, default="web")  # web, api, schedule, webhook
    parent = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="children"
    )
    retry_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True)
    host = models.ForeignKey(Host, on_delete=models.SET_NULL, null=True, related_name="jobs")
    host_name = models.CharField(max_length=60, blank=True)
    target_kind = models.CharField(max_length=20)  # container, host, build
    target_id = models.BigIntegerField(null=True, blank=True)  # the row's id
    target_engine_id = models.CharField(max_length=100, blank=True)
    target_name = models.CharField(max_length=255, blank=True)
    params = models.JSONField(default=dict, blank=True)

    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0)  # percent
    # Of what moves bytes: how many came, of how many (once all sizes are known), and how fast.
    bytes_done = models.BigIntegerField(null=True, blank=True)
    bytes_total = models.BigIntegerField(null=True, blank=True)
    bytes_per_second = models.BigIntegerField(null=True, blank=True)
    message = models.TextField(blank=True)  # the last line, or why it failed, in words
    error = models.TextField(blank=True)  # the engine's own words
    claim = models.UUIDField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Of a parent: how many children there are and how many ended, and ended badly.
    children_count = models.PositiveIntegerField(default=0)
    children_ended = models.PositiveIntegerField(default=0)
    children_failed = models.PositiveIntegerField(default=0)
    revision = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state", "-id"]),
            models.Index(fields=["host", "state"]),
            models.Index(fields=["parent", "state"]),
            models.Index(fields=["target_kind", "target_id", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.target_name} ({self.state})"

    @property
    def is_open(self) -> bool:
        """True until it has ended."""
        return self.state in OPEN_STATES

    @staticmethod
    def new_claim() -> uuid.UUID:
        """Return a fresh claim."""
        return uuid.uuid4()


class LineLevel(models.TextChoices):
    """Who speaks in a line of a job."""

    INFO = "info", _("Quayside")
    ENGINE = "engine", _("engine")
    ERROR = "error", _("error")


class JobLine(models.Model):
    """One line of a job's output, in order."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=8, choices=LineLevel.choices, default=LineLevel.INFO)
    text = models.TextField()
    part = models.PositiveIntegerField(null=True)  # of what it is: a step of a build

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="line_once_a_job")]

    def __str__(self) -> str:
        return self.text


class JobParts(models.Model):
    """How far each part of a job is, such as the layers of an image: one row, written whole.

    Lists never read it: they show the sums in the job's own row.
    """

    job = models.OneToOneField(
        Job, on_delete=models.CASCADE, primary_key=True, related_name="measured"
    )
    # [{"label", "state", "done", "total"}], at most fleet.jobs.meter.PARTS_LIMIT of them
    parts = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"parts of job {self.job_id}"
