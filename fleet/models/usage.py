"""What containers used: packed readings (fleet/stats/packing.py), a few rows for thousands."""

from __future__ import annotations

from django.db import models

from fleet.models.containers import Container
from fleet.models.hosts import Host


class UsageNow(models.Model):
    """The newest readings of a host: one row tells lists and tiles all that they show."""

    host = models.OneToOneField(
        Host, on_delete=models.CASCADE, primary_key=True, related_name="usage_now"
    )
    at = models.BigIntegerField()  # Unix seconds
    frame = models.BinaryField()  # a line for each container
    minute = models.BigIntegerField(default=0)  # of the trail's last value
    trail = models.BinaryField(default=bytes)  # the last half hour of each container, by minutes

    def __str__(self) -> str:
        return f"{self.host_id} at {self.at}"


class UsageFrame(models.Model):
    """All containers of a host at one time; `step` is 10 (a sweep) or 60 (a minute)."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="usage_frames")
    step = models.PositiveSmallIntegerField()
    at = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "step", "at"], name="usage_frame_once")
        ]
        indexes = [models.Index(fields=["step", "at"])]

    def __str__(self) -> str:
        return f"{self.host_id}/{self.step} at {self.at}"


class UsageBlock(models.Model):
    """One container over time: an hour by minutes, or a day by quarters of an hour.

    `key` is the container's id, or 0 for the sum of its host, which has no container.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="usage_blocks")
    container = models.ForeignKey(
        Container, on_delete=models.CASCADE, null=True, related_name="usage_blocks"
    )
    key = models.BigIntegerField()
    step = models.PositiveSmallIntegerField()  # 60 or 900
    at = models.BigIntegerField()  # where it begins
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "key", "step", "at"], name="usage_block_once")
        ]
        indexes = [models.Index(fields=["step", "at"])]

    def __str__(self) -> str:
        return f"{self.host_id}/{self.key}/{self.step} at {self.at}"
