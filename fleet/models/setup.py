"""The one-time link that makes the first administrator."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class SetupToken(models.Model):
    """The digest of the token in the set-up link; gone once an account exists."""

    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"made {self.created_at:%Y-%m-%d %H:%M}"
