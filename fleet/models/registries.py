"""Registries: where images come from and go to."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fleet.crypto import decrypt, encrypt
from fleet.models.hosts import NAME, Environment


class RegistryKind(models.TextChoices):
    """Whose registry it is: presets, hints and what beyond the common API it can do."""

    HUB = "hub", _("Docker Hub")
    GHCR = "ghcr", _("GitHub")
    GITLAB = "gitlab", _("GitLab")
    HARBOR = "harbor", _("Harbor")
    QUAY = "quay", _("Quay")
    DISTRIBUTION = "distribution", _("Other registry")


class Registry(models.Model):
    """One account, or none, at one registry. Its name is its identity: several may share a url."""

    name = models.CharField(_("Name"), max_length=60, unique=True, validators=[NAME])
    kind = models.CharField(_("Kind"), max_length=20, choices=RegistryKind.choices)
    url = models.CharField(_("Address"), max_length=300)  # scheme://host[:port], nothing else
    tls_ca = models.TextField(blank=True)
    # Plain HTTP, or TLS with a certificate that nobody checks.
    insecure = models.BooleanField(_("Not secure"), default=False)
    username = models.CharField(_("User name"), max_length=255, blank=True)
    password_encrypted = models.TextField(blank=True)
    # Every environment, also those that are added later; otherwise those of `environments`.
    everywhere = models.BooleanField(_("Serves every environment"), default=False)
    environments = models.ManyToManyField(Environment, related_name="registries", blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    # The last test of the connection as it is stored now; a changed connection has none.
    tested_at = models.DateTimeField(null=True, blank=True)
    test_ok = models.BooleanField(default=False)
    test_code = models.CharField(max_length=40, blank=True)
    test_message = models.TextField(blank=True)
    # Counts up with every change that a page shows; pages compare it.
    revision = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "registries"
        constraints = [models.UniqueConstraint(Lower("name"), name="registry_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def password(self) -> str:
        """The password or token in clear. Raises SecretLost."""
        return decrypt(self.password_encrypted)

    @password.setter
    def password(self, value: str) -> None:
        self.password_encrypted = encrypt(value)

    @property
    def domain(self) -> str:
        """What the names of its images begin with: `ghcr.io`, `10.0.0.5:5000`."""
        return urlsplit(self.url).netloc

    def target_fields(self) -> dict[str, Any]:
        """Return what `fleet.registries.target.RegistryTarget` is made of. Raises SecretLost."""
        return {
            "url": self.url,
            "tls_ca": self.tls_ca,
            "insecure": self.insecure,
            "username": self.username,
            "password": self.password,
        }
