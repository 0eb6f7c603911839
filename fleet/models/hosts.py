"""Environments and hosts."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fleet.crypto import decrypt, encrypt

NAME = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9 ._-]*\Z",
    _("Use letters, digits, spaces, dots, dashes and underscores; begin with a letter or digit."),
)


class Environment(models.Model):
    """A named group of hosts, the usual scope of a grant."""

    name = models.CharField(_("Name"), max_length=60, unique=True, validators=[NAME])
    description = models.CharField(_("Description"), max_length=200, blank=True)
    # Production asks to type a name before anything destructive.
    careful = models.BooleanField(_("Ask before destructive actions"), default=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="environment_name_once")]

    def __str__(self) -> str:
        return self.name


class HostState(models.TextChoices):
    """What the watcher last knew of a host."""

    UNKNOWN = "unknown", _("Unknown")
    REACHABLE = "reachable", _("Reachable")
    UNREACHABLE = "unreachable", _("Unreachable")
    DISABLED = "disabled", _("Disabled")


class Host(models.Model):
    """One Docker Engine that we talk to. Its row's id is its identity, never the engine's."""

    name = models.CharField(_("Name"), max_length=60, unique=True, validators=[NAME])
    url = models.CharField(_("Address"), max_length=300)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="hosts")
    labels = models.JSONField(_("Labels"), default=dict, blank=True)
    insecure = models.BooleanField(_("Plain TCP, not secure"), default=False)
    tls_ca = models.TextField(blank=True)
    tls_cert = models.TextField(blank=True)
    tls_key_encrypted = models.TextField(blank=True)
    ssh_key_encrypted = models.TextField(blank=True)
    ssh_host_key = models.TextField(blank=True)  # pinned at first use
    created_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(
        max_length=12, choices=HostState.choices, default=HostState.UNKNOWN, db_index=True
    )
    state_code = models.CharField(max_length=40, blank=True)  # EngineError.code
    state_message = models.TextField(blank=True)
    state_since = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(null=True, blank=True)

    engine_id = models.CharField(max_length=100, blank=True)  # cloned machines share it
    engine_name = models.CharField(max_length=255, blank=True)
    product = models.CharField(max_length=60, blank=True)
    engine_version = models.CharField(max_length=60, blank=True)
    api_version = models.CharField(max_length=20, blank=True)
    os = models.CharField(max_length=200, blank=True)
    arch = models.CharField(max_length=40, blank=True)
    kernel = models.CharField(max_length=120, blank=True)
    cpus = models.PositiveIntegerField(null=True, blank=True)
    memory = models.BigIntegerField(null=True, blank=True)  # bytes
    storage_driver = models.CharField(max_length=60, blank=True)
    swarm_state = models.CharField(max_length=20, blank=True)
    # {"images": {"count", "size", "reclaimable"}, "containers": …, "volumes": …, "cache": …}
    disk_usage = models.JSONField(default=dict, blank=True)
    disk_usage_at = models.DateTimeField(null=True, blank=True)
    # Counts up with every change that a page shows; pages compare it.
    revision = models.PositiveBigIntegerField(default=0)
    # The newest lease under which a watcher wrote; older ones are refused (fleet/watch/fence.py).
    lease_number = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="host_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def tls_key(self) -> str:
        """The client key in clear. Raises SecretLost."""
        return decrypt(self.tls_key_encrypted)

    @tls_key.setter
    def tls_key(self, value: str) -> None:
        self.tls_key_encrypted = encrypt(value)

    @property
    def ssh_key(self) -> str:
        """The private ssh key in clear. Raises SecretLost."""
        return decrypt(self.ssh_key_encrypted)

    @ssh_key.setter
    def ssh_key(self, value: str) -> None:
        self.ssh_key_encrypted = encrypt(value)

    @property
    def enabled(self) -> bool:
        """False when somebody switched the host off."""
        return self.state != HostState.DISABLED

    def endpoint_fields(self) -> dict[str, Any]:
        """Return what `fleet.engine.endpoint.Endpoint` is made of. Raises SecretLost."""
        return {
            "url": self.url,
            "tls_ca": self.tls_ca,
            "tls_cert": self.tls_cert,
            "tls_key": self.tls_key,
            "ssh_key": self.ssh_key,
            "ssh_host_key": self.ssh_host_key,
            "insecure": self.insecure,
        }
