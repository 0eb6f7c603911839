"""The audit log: append-only, each entry hashed with the one before."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fleet.models.people import User


class AuditResult(models.TextChoices):
    """How the attempt ended when it was made; a job's own end is on the job."""

    ALLOWED = "allowed", _("allowed")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")


class AuditEntry(models.Model):
    """Who did or tried what, to what, from where, with which result."""

    number = models.PositiveBigIntegerField(unique=True)  # without gaps
    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=150, blank=True)
    via = models.CharField(max_length=20, blank=True)
    address = models.CharField(max_length=60, blank=True)
    action = models.CharField(max_length=60, db_index=True)
    target_kind = models.CharField(max_length=20, blank=True)
    target_id = models.CharField(max_length=100, blank=True)
    target_name = models.CharField(max_length=255, blank=True)
    result = models.CharField(max_length=8, choices=AuditResult.choices)
    detail = models.JSONField(default=dict, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.number} {self.actor_name} {self.action} {self.target_name}"
