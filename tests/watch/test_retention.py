"""Old events go, new ones stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from fleet.models import Event, Host
from fleet.watch import retention
from fleet.watch.retention import purge_events


def test_it_deletes_old_events_in_chunks(
    host: Host, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENT_DAYS = 10
    monkeypatch.setattr(retention, "CHUNK", 2)
    now = timezone.now()
    for days in (0, 9, 11, 12, 13, 14, 400):
        Event.objects.create(host=host, at=now - timedelta(days=days), kind="start")
    assert purge_events() == 5
    assert Event.objects.count() == 2
    assert purge_events() == 0
