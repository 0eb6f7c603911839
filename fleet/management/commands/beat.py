"""manage.py beat: sends what the schedules say, unless another beat does it already."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Runs until it is told to end."""

    help = "Run the schedules. A second beat stands by and takes over within 15 seconds."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run beat with our scheduler."""
        current_app.Beat(loglevel=settings.LOG_LEVEL, quiet=True).run()
