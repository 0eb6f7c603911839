"""Builds: how an image is made, and each time that it was."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fleet.crypto import decrypt, encrypt
from fleet.models.hosts import NAME, Environment, Host
from fleet.models.jobs import Job
from fleet.models.people import User


class BuildSource(models.TextChoices):
    """Where a build's files come from."""

    DOCKERFILE = "dockerfile", _("Dockerfile")
    GIT = "git", _("Git")
    ARCHIVE = "archive", _("Archive")


class Deploy(models.TextChoices):
    """What becomes of a new image where it is used."""

    NOTHING = "", _("nothing")
    PULL = "pull", _("pull it")
    RESTART = "restart", _("restart the containers that use it")
    UPDATE = "update", _("update the containers that use it")


class Build(models.Model):
    """A definition: files from somewhere, turned into an image on a host, tagged."""

    name = models.CharField(_("Name"), max_length=60, unique=True, validators=[NAME])
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="builds")
    source = models.CharField(max_length=12, choices=BuildSource.choices)

    dockerfile_text = models.TextField(blank=True)
    files = models.JSONField(default=dict, blank=True)  # {path: text} beside a typed Dockerfile

    git_url = models.CharField(max_length=1000, blank=True)
    git_ref = models.CharField(max_length=200, blank=True)  # "": the default branch
    git_folder = models.CharField(max_length=1000, blank=True)
    git_submodules = models.BooleanField(default=False)
    git_username = models.CharField(max_length=200, blank=True)
    git_token_encrypted = models.TextField(blank=True)
    git_ssh_key_encrypted = models.TextField(blank=True)
    git_host_key = models.TextField(blank=True)  # pinned at first use
    git_ca = models.TextField(blank=True)

    archive = models.CharField(max_length=32, blank=True)  # its file, by an id of ours
    archive_name = models.CharField(max_length=200, blank=True)  # as it was called, to be shown
    archive_size = models.BigIntegerField(default=0)
    archive_at = models.DateTimeField(null=True, blank=True)

    dockerfile = models.CharField(max_length=300, default="Dockerfile")  # a path in the context
    target = models.CharField(max_length=100, blank=True)
    args = models.JSONField(default=dict, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    platform = models.CharField(max_length=255, blank=True)  # several with commas
    no_cache = models.BooleanField(default=False)
    pull = models.BooleanField(default=False)
    network = models.CharField(max_length=10, blank=True)
    memory = models.BigIntegerField(default=0)  # bytes; 0: no limit
    secrets_encrypted = models.TextField(blank=True)
    secret_names = models.JSONField(default=list, blank=True)
    tags = models.JSONField(default=list, blank=True)  # templates

    # What comes after a good run; each run keeps what it was when it was asked for.
    push = models.BooleanField(default=False)
    deploy = models.CharField(max_length=10, choices=Deploy.choices, blank=True)
    deploy_hosts = models.ManyToManyField(Host, related_name="+", blank=True)
    deploy_environments = models.ManyToManyField(Environment, related_name="+", blank=True)

    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    next_number = models.PositiveIntegerField(default=1)
    # Counts up with every change of the definition; a run keeps the one that it was made by.
    revision = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="build_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def git_token(self) -> str:
        """The token for https in clear. Raises SecretLost."""
        return decrypt(self.git_token_encrypted)

    @git_token.setter
    def git_token(self, value: str) -> None:
        self.git_token_encrypted = encrypt(value)

    @property
    def git_ssh_key(self) -> str:
        """The private ssh key in clear. Raises SecretLost."""
        return decrypt(self.git_ssh_key_encrypted)

    @git_ssh_key.setter
    def git_ssh_key(self, value: str) -> None:
        self.git_ssh_key_encrypted = encrypt(value)

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets of its steps in clear, by their names. Raises SecretLost."""
        text = decrypt(self.secrets_encrypted)
        found: dict[str, str] = json.loads(text) if text else {}
        return found

    @secrets.setter
    def secrets(self, values: dict[str, str]) -> None:
        self.secrets_encrypted = encrypt(json.dumps(values)) if values else ""
        self.secret_names = sorted(values)


class BuildRun(models.Model):
    """One time that a build was run; its state is that of its job."""

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="build_run")
    revision = models.PositiveBigIntegerField(null=True)  # of the definition, once it began
    builder = models.CharField(max_length=10, blank=True)  # buildx, buildkit, classic
    commit = models.CharField(max_length=40, blank=True)
    branch = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    image_id = models.CharField(max_length=100, blank=True)
    size = models.BigIntegerField(null=True)
    tags = models.JSONField(default=list)
    digests = models.JSONField(default=dict)  # {tag: sha256:…}, as registries have them
    seconds = models.FloatField(null=True)  # of the build itself
    # [{"number", "name", "state", "seconds", "cached"}]; lists do not read it
    steps = models.JSONField(default=list)
    # Why it failed: {"step", "name", "text", "lines", "line", "path", "first", "excerpt"}
    failure = models.JSONField(default=dict)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["build", "number"], name="run_once_a_build")]

    def __str__(self) -> str:
        return f"#{self.number}"

    @property
    def short_commit(self) -> str:
        """The commit as people know it."""
        return self.commit[:7]

    @property
    def failed(self) -> dict[str, Any]:
        """Why it failed, for templates."""
        return dict(self.failure)
