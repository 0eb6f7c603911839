"""What registries say of the images that run: kept, so that pages never ask a registry."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from fleet.models.registries import Registry


class ImageUpdate(models.Model):
    """One reference with a tag, as a registry answers it to one account, or to nobody."""

    reference = models.CharField(max_length=400)  # registry host/repository:tag, nothing left out
    place = models.CharField(max_length=255)  # the registry's host, in front of the reference
    repository = models.CharField(max_length=255)
    tag = models.CharField(max_length=128)
    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, null=True, blank=True)

    digest = models.CharField(max_length=200, blank=True)  # the tag's, at `checked_at`
    checked_at = models.DateTimeField(null=True, blank=True)  # the last answer
    asked_at = models.DateTimeField(null=True, blank=True)  # the last question
    next_check_at = models.DateTimeField(default=timezone.now)
    wanted_at = models.DateTimeField(default=timezone.now)  # something ran it

    newer_patch = models.CharField(max_length=128, blank=True)
    newer_minor = models.CharField(max_length=128, blank=True)
    newer_major = models.CharField(max_length=128, blank=True)
    tags_at = models.DateTimeField(null=True, blank=True)  # the repository's tags were asked for

    code = models.CharField(max_length=40, blank=True)  # why the last question failed
    message = models.TextField(blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    rate_limit = models.BigIntegerField(null=True, blank=True)
    rate_remaining = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["reference", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "registry"],
                condition=models.Q(registry__isnull=False),
                name="update_once_an_account",
            ),
            models.UniqueConstraint(
                fields=["reference"],
                condition=models.Q(registry__isnull=True),
                name="update_once_for_nobody",
            ),
        ]
        indexes = [
            models.Index(fields=["reference"]),
            models.Index(fields=["next_check_at"]),
            models.Index(fields=["place", "repository"]),
        ]

    def __str__(self) -> str:
        return self.reference
