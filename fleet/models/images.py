"""Images: what each host has to run, as its engine last said."""

from __future__ import annotations

from django.db import models

from fleet.models.hosts import Host


class Image(models.Model):
    """One image on one host. The same image on other hosts has the same `engine_id` there."""

    # Found by the constraint on host and engine id.
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="images", db_index=False)
    engine_id = models.CharField(max_length=80)  # sha256:…
    name = models.CharField(max_length=512, blank=True)  # its first tag; lists sort by it
    tags = models.JSONField(default=list)  # repo:tag
    digests = models.JSONField(default=list)  # repo@sha256:…, as a registry knows it
    size = models.BigIntegerField(default=0)  # bytes, what it shares with others included
    labels = models.JSONField(default=dict)
    # linux/arm64/v8, several with commas; "": its engine does not tell, null: not asked yet.
    platform = models.CharField(max_length=255, blank=True, null=True)  # noqa: DJ001
    dangling = models.BooleanField(default=False)  # it has no tag
    created_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField()
    # Tags, digests, id, labels and host in lower case, what the search looks through.
    search = models.TextField(blank=True)
    # Counts up with every change that a page shows; pages compare it.
    revision = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["host", "engine_id"], name="image_once_a_host")
        ]
        indexes = [
            # The lines of the list and their hosts.
            models.Index(fields=["engine_id", "host"]),
        ]

    def __str__(self) -> str:
        return self.name or self.engine_id.removeprefix("sha256:")[:12]
