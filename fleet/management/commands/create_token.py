"""Print a new API token, and nothing else, for scripts."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from fleet.actor import system_actor
from fleet.audit import record
from fleet.models import Role, User
from fleet.tokens import create_token


class Command(BaseCommand):
    """manage.py create_token USERNAME [--name NAME] [--days N] [--role ROLE]"""

    help = "Makes an API token for a user and prints it; it cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("username")
        parser.add_argument("--name", default="command line", help="what the token is for")
        parser.add_argument("--days", type=int, default=None, help="days until it ends (never)")
        parser.add_argument("--role", default="", help="narrows what the token may do")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the token. Raises CommandError for an unknown user or role."""
        user = User.objects.filter(username__iexact=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['username']!r}.")
        role = Role.objects.filter(name=options["role"]).first()
        if options["role"] and role is None:
            known = ", ".join(Role.objects.values_list("name", flat=True))
            raise CommandError(f"There is no role {options['role']!r}. Roles: {known}.")
        days = options["days"]
        if days is not None and not 1 <= days <= 36500:
            raise CommandError("--days must be from 1 to 36500.")
        expires = timezone.now() + timedelta(days=days) if days else None
        with transaction.atomic():
            token, secret = create_token(user, options["name"][:100], expires, role)
            detail = {"of": user.username, **({"role": role.name} if role else {})}
            record(system_actor("command"), "token.create", token, detail=detail)
        self.stdout.write(secret)
