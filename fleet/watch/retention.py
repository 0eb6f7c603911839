"""Old events go."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from fleet.models import Event

CHUNK = 5000


def purge_events() -> int:
    """Delete events older than EVENT_DAYS days; return how many.

    In chunks, so that no other writer waits long.
    """
    limit = timezone.now() - timedelta(days=settings.EVENT_DAYS)
    deleted = 0
    old = Event.objects.filter(at__lt=limit).order_by("at").values_list("id", flat=True)
    while ids := list(old[:CHUNK]):
        deleted += Event.objects.filter(id__in=ids).delete()[0]
    return deleted
