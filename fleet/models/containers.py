"""Containers: snapshots of the engine's truth, so that pages work while a host is away."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from fleet.models.hosts import Host


class ContainerState(models.TextChoices):
    """The engine's own words."""

    CREATED = "created", _("created")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    RESTARTING = "restarting", _("restarting")
    REMOVING = "removing", _("removing")
    EXITED = "exited", _("exited")
    DEAD = "dead", _("dead")


class Health(models.TextChoices):
    """Result of the container's own health check; empty when it has none."""

    NONE = "", _("no health check")
    STARTING = "starting", _("starting")
    HEALTHY = "healthy", _("healthy")
    UNHEALTHY = "unhealthy", _("unhealthy")


class Container(models.Model):
    """One container of one host, as last seen."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="containers")
    engine_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    names = models.JSONField(default=list)
    image = models.CharField(max_length=512, blank=True)
    image_id = models.CharField(max_length=80, blank=True)
    command = models.TextField(blank=True)
    state = models.CharField(max_length=12, choices=ContainerState.choices)
    health = models.CharField(max_length=10, choices=Health.choices, blank=True)
    exit_code = models.IntegerField(null=True, blank=True)
    oom_killed = models.BooleanField(default=False)
    restart_count = models.PositiveIntegerField(default=0)
    ports = models.JSONField(default=list)  # [{container_port, protocol, host_ip, host_port}]
    mounts = models.JSONField(default=list)  # [{type, name, source, destination, mode, rw}]
    networks = models.JSONField(default=list)  # [{name, ip, gateway, mac}]
    labels = models.JSONField(default=dict)
    compose_project = models.CharField(max_length=255, blank=True)
    compose_service = models.CharField(max_length=255, blank=True)
    swarm_stack = models.CharField(max_length=255, blank=True)
    swarm_service = models.CharField(max_length=255, blank=True)
    swarm_task = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField()
    # Name, image, stack, host… in lower case, what the search looks through.
    search = models.TextField(blank=True)
    # Counts up with every change that a page shows; pages compare it.
    revision = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["host", "engine_id"], name="container_once_a_host")
        ]
        indexes = [
            models.Index(fields=["name", "id"]),
            models.Index(fields=["state", "health"]),
            # The counts of a list, from it alone.
            models.Index(fields=["host", "state", "health", "exit_code", "oom_killed"]),
            models.Index(fields=["compose_project"]),
            models.Index(fields=["image", "image_id", "host"]),  # what runs, from it alone
            models.Index(fields=["image_id", "host"]),  # who uses an image
            models.Index(fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def stack(self) -> str:
        """The Compose project or swarm stack that it belongs to, or an empty string."""
        return self.compose_project or self.swarm_stack
