"""manage.py reap_jobs: one pass of the reaper, for who does not run beat."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from fleet.jobs.reaper import reap


class Command(BaseCommand):
    """Makes one pass and says what it did."""

    help = "Bring home jobs whose worker died, whose message was lost, or whose children ended."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make one pass."""
        done = reap()
        self.stdout.write(
            f"queued again {done.requeued}, ended {done.ended}, "
            f"sent again {done.resent}, parents closed {done.closed}"
        )
