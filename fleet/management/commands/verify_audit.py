"""Check that nobody touched the audit log."""

from __future__ import annotations

import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fleet.audit import first_broken, last_entry
from fleet.models import AuditEntry

EXPECTED = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


class Command(BaseCommand):
    """manage.py verify_audit [--expect NUMBER:HASH]"""

    help = (
        "Walks the hash chain of the audit log; ends with 1 at the first broken entry. Keep the"
        " number and hash that it prints elsewhere: with --expect they show later whether entries"
        " at the end were cut off."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take an entry that must still be there."""
        parser.add_argument(
            "--expect",
            metavar="NUMBER:HASH",
            help="An entry that must be there, as printed before.",
        )

    def handle(self, *args: Any, expect: str | None = None, **options: Any) -> None:
        """Print how many entries fit, and the last one. Raises CommandError when one does not."""
        last = last_entry()
        broken = first_broken()
        if broken is not None:
            raise CommandError(
                f"Entry {broken.number} ({broken.at.isoformat()}) does not fit: it was changed,"
                " or one before it was changed or removed."
            )
        if expect is not None:
            self._compare(expect, last)
        if last is None:
            self.stdout.write("The audit log is empty.")
        else:
            self.stdout.write(
                f"{last.number} entries fit. The last one is {last.number}:{last.hash}."
                " Keep this elsewhere, to compare with --expect."
            )

    def _compare(self, expect: str, last: AuditEntry | None) -> None:
        wanted = EXPECTED.fullmatch(expect.strip().lower())
        if wanted is None:
            raise CommandError(
                "Write the expected entry as NUMBER:HASH, as this command prints it."
            )
        number, kept_hash = int(wanted[1]), wanted[2]
        entry = AuditEntry.objects.filter(number=number).first()
        if entry is None:
            end = f"the log ends with entry {last.number}" if last else "the log is empty"
            raise CommandError(f"Entry {number} is missing: {end}. What came after was cut off.")
        if entry.hash != kept_hash:
            raise CommandError(f"Entry {number} is another one: the log was written anew.")
        self.stdout.write(f"Entry {number} is the one that was expected.")
