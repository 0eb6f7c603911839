"""Django's command, made to fit: no email address is needed, and the audit log knows."""

from __future__ import annotations

import os
from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.db import transaction

from fleet.actor import system_actor
from fleet.audit import record
from fleet.models import SetupToken, User


class Command(createsuperuser.Command):
    """manage.py createsuperuser [--noinput]: an administrator of the whole fleet."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the account as Django does; the set-up link ends with it."""
        os.environ.setdefault("DJANGO_SUPERUSER_EMAIL", "")
        with transaction.atomic():
            known = set(User.objects.values_list("pk", flat=True))
            super().handle(*args, **options)
            for user in User.objects.exclude(pk__in=known):
                record(system_actor("command"), "user.create", user, detail={"superuser": True})
                SetupToken.objects.all().delete()
