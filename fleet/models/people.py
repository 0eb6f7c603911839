"""Users, teams, roles, grants and API tokens."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fleet.permissions import PERMISSIONS


class User(AbstractUser):
    """Somebody who signs in. A superuser administers the whole fleet."""

    # What pages remember: {"columns": [...], "density": "compact", "page_size": 50, ...}
    preferences = models.JSONField(default=dict, blank=True)

    class Meta(AbstractUser.Meta):
        ordering = ["username"]

    def __str__(self) -> str:
        return self.username


class Team(models.Model):
    """A named group of users; a grant to a team is a grant to each of them."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    members = models.ManyToManyField(User, related_name="teams", blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def check_permissions(value: Any) -> None:
    """Refuse anything but a list of known permissions."""
    if not isinstance(value, list) or any(name not in PERMISSIONS for name in value):
        raise ValidationError(_("Choose permissions from the list."))


class Role(models.Model):
    """A set of permissions with a name. Built-in roles cannot be changed."""

    name = models.CharField(_("Name"), max_length=50, unique=True)
    permissions = models.JSONField(default=list, validators=[check_permissions])
    built_in = models.BooleanField(default=False)
    # The permissions that there were when it was saved last: the others came with an upgrade since.
    offered = models.JSONField(default=None, null=True, blank=True)

    class Meta:
        ordering = ["-built_in", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def new_permissions(self) -> list[str]:
        """Those that nobody has decided on yet for this role, which does not have them."""
        if self.built_in or self.offered is None:
            return []
        known = {*self.offered, *self.permissions}
        return [name for name in PERMISSIONS if name not in known]


class Scope(models.TextChoices):
    """How far a grant reaches."""

    FLEET = "fleet", _("Whole fleet")
    ENVIRONMENT = "environment", _("Environment")
    HOST = "host", _("Host")


class Grant(models.Model):
    """A user or a team has a role on the fleet, an environment or a host."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="grants")
    scope = models.CharField(max_length=12, choices=Scope.choices)
    environment = models.ForeignKey(
        "fleet.Environment", on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    host = models.ForeignKey(
        "fleet.Host", on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="grants_given"
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="grant_to_one",
                condition=models.Q(user__isnull=False, team__isnull=True)
                | models.Q(user__isnull=True, team__isnull=False),
            ),
            models.CheckConstraint(
                name="grant_scope_matches",
                condition=models.Q(scope="fleet", environment__isnull=True, host__isnull=True)
                | models.Q(scope="environment", environment__isnull=False, host__isnull=True)
                | models.Q(scope="host", environment__isnull=True, host__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["user", "team", "role", "scope", "environment", "host"],
                nulls_distinct=False,
                name="grant_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.team}: {self.role} on {self.target or self.scope}"

    @property
    def target(self) -> models.Model | None:
        """The environment or host; None for the whole fleet."""
        return self.host or self.environment


class ApiToken(models.Model):
    """A bearer token for scripts: only its hash is kept; never more than its owner may."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("Name"), max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    role = models.ForeignKey(Role, on_delete=models.CASCADE, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
