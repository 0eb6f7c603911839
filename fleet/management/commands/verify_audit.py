"""Check that nobody touched the audit log."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleet.audit import first_broken
from fleet.models import AuditEntry


class Command(BaseCommand):
    """manage.py verify_audit"""

    help = "Walks the hash chain of the audit log; ends with 1 at the first broken entry."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many entries fit and the last hash. Raises CommandError when one does not.

        Keep the printed hash elsewhere: it shows later whether entries at the end are gone.
        """
        broken = first_broken()
        if broken is not None:
            raise CommandError(
                f"Entry {broken.number} ({broken.at.isoformat()}) does not fit: it was changed,"
                " or one before it was changed or removed."
            )
        last = AuditEntry.objects.order_by("-number").first()
        if last is None:
            self.stdout.write("The audit log is empty.")
        else:
            self.stdout.write(f"{last.number} entries fit. The last hash is {last.hash}.")
