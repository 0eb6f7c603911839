"""What starts builds by itself: schedules, and webhooks with what they were sent."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fleet.crypto import decrypt, encrypt
from fleet.models.builds import Build
from fleet.models.jobs import Job
from fleet.models.people import User


class Trigger(models.Model):
    """What schedules and webhooks share. It runs with the rights that its owner has then."""

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="%(class)ss")
    enabled = models.BooleanField(default=True)
    # Who made it, or changed it last.
    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    owner_name = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(null=True, blank=True)  # it fired, or was to
    last_result = models.CharField(max_length=300, blank=True)  # in words
    last_ok = models.BooleanField(default=True)

    class Meta:
        abstract = True


class BuildSchedule(Trigger):
    """Times at which a build is run."""

    cron = models.CharField(max_length=100)  # five fields
    zone = models.CharField(max_length=60, default="UTC")
    ref = models.CharField(max_length=200, blank=True)  # "": what the build says
    # Firing moves it on by compare-and-set; null: never, or switched off.
    next_at = models.DateTimeField(null=True, blank=True, db_index=True)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.cron


class WebhookKind(models.TextChoices):
    """Who sends."""

    GITHUB = "github", "GitHub"
    GITLAB = "gitlab", "GitLab"
    GITEA = "gitea", _("Gitea or Forgejo")
    PLAIN = "plain", _("Anything else")


class Webhook(Trigger):
    """An address at which a push tells that there is something to build."""

    name = models.CharField(_("Name"), max_length=60)
    kind = models.CharField(max_length=8, choices=WebhookKind.choices)
    public_id = models.CharField(max_length=40, unique=True)  # in its address; opens nothing
    secret_encrypted = models.TextField()
    secret_at = models.DateTimeField(default=timezone.now)
    branches = models.CharField(max_length=500, blank=True)  # globs; "": no branch
    tags = models.CharField(max_length=500, blank=True)  # globs; "": no tag
    # The last request that did not prove where it came from.
    refused_at = models.DateTimeField(null=True, blank=True)
    refused_why = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["build", "name"], name="webhook_name_once_a_build")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        """The secret in clear. Raises SecretLost."""
        return decrypt(self.secret_encrypted)

    @secret.setter
    def secret(self, value: str) -> None:
        self.secret_encrypted = encrypt(value)


class DeliveryResult(models.TextChoices):
    """What a delivery led to."""

    STARTED = "started", _("started")
    JOINED = "joined", _("joined")  # a run that waited does it
    IGNORED = "ignored", _("ignored")
    REFUSED = "refused", _("refused")


class WebhookDelivery(models.Model):
    """Something that a webhook was sent with a right signature; the last ones are kept."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    delivery_id = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(default=timezone.now)
    event = models.CharField(max_length=60, blank=True)
    ref = models.CharField(max_length=200, blank=True)  # the branch or the tag
    commit = models.CharField(max_length=64, blank=True)
    result = models.CharField(max_length=8, choices=DeliveryResult.choices)
    words = models.CharField(max_length=300, blank=True)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.delivery_id


class WebhookMemory(models.Model):
    """A delivery that led to a run: neither its id nor its body leads to a second one.

    Kept longer than the deliveries that people look at.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="memory")
    mark = models.CharField(max_length=64)  # SHA-256 of its id, or of what was signed
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "mark"], name="delivery_once_a_webhook")
        ]

    def __str__(self) -> str:
        return self.mark
