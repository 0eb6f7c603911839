"""What comes after a build: the stages of a run, and the jobs that each is made of."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from fleet.models.builds import BuildRun
from fleet.models.jobs import Job
from fleet.models.people import User


class StageKind(models.TextChoices):
    """The stages after the build itself, in their order."""

    PUSH = "push", _("Push")
    DEPLOY = "deploy", _("Deploy")


class StageState(models.TextChoices):
    """waiting -> running -> one of the rest; one that did not succeed may be gone on with."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    SKIPPED = "skipped", _("skipped")


class RunStage(models.Model):
    """One stage of a run after its build; planned when the run was asked for.

    `plan` is {"deploy", "push", "hosts", "environments"} of the definition as it was then. The
    stage acts with the rights, read anew, of who asked for the run or went on with it.
    """

    run = models.ForeignKey(BuildRun, on_delete=models.CASCADE, related_name="stages")
    kind = models.CharField(max_length=10, choices=StageKind.choices)
    state = models.CharField(max_length=10, choices=StageState.choices, default=StageState.WAITING)
    plan = models.JSONField(default=dict)
    why = models.TextField(blank=True)  # it failed, or nothing was done, in words
    attempt = models.PositiveSmallIntegerField(default=1)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=150, blank=True)
    via = models.CharField(max_length=20, default="web")
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["run", "kind"], name="stage_once_a_run")]
        indexes = [models.Index(fields=["state"])]

    def __str__(self) -> str:
        return f"{self.kind} ({self.state})"


class StageJob(models.Model):
    """A job of a stage. One that was `joined` was somebody else's: it is waited for, no more."""

    stage = models.ForeignKey(RunStage, on_delete=models.CASCADE, related_name="links")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="stage_links")
    attempt = models.PositiveSmallIntegerField()
    joined = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["stage", "job"], name="job_once_a_stage")]

    def __str__(self) -> str:
        return f"job {self.job_id} of stage {self.stage_id}"
