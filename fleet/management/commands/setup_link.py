"""Print the one-time link that makes the first administrator."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from fleet.setup import setup_link


class Command(BaseCommand):
    """manage.py setup_link [BASE_URL]"""

    help = "Prints a new set-up link while there is no account; older links end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "base_url",
            nargs="?",
            default=f"http://127.0.0.1:{settings.PORT}",
            help="the address that browsers reach Quayside by",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the link. Raises CommandError once there is an account."""
        link = setup_link(options["base_url"])
        if link is None:
            raise CommandError("There is an account already: sign in with it.")
        self.stdout.write(link)
