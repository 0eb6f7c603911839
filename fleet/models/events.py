"""Events: every change that the watcher saw, kept for some weeks."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from fleet.models.hosts import Host


class Event(models.Model):
    """Something changed on a host: what, from which state to which, when."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(_("Kind"), max_length=40)  # die, start, health_status, unreachable…
    object_kind = models.CharField(max_length=20)  # container, image, network, volume, host
    object_id = models.CharField(max_length=100, blank=True)  # the engine's id of it
    object_name = models.CharField(max_length=512, blank=True)
    from_state = models.CharField(max_length=40, blank=True)
    to_state = models.CharField(max_length=40, blank=True)
    detail = models.JSONField(default=dict, blank=True)  # exit code, signal, message…

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["-at", "-id"]),
            models.Index(fields=["host", "-at"]),
            models.Index(fields=["object_id", "-at"]),
        ]

    def __str__(self) -> str:
        return f"{self.object_kind} {self.object_name}: {self.kind}"
