"""WebSockets: one address, one socket a page. Each is wrapped in `OwnOrigin`."""

from __future__ import annotations

from typing import Any

from django.urls import path

from dashboard.live.consumer import LiveConsumer
from dashboard.live.origin import OwnOrigin

websocket_urlpatterns: list[Any] = [
    path("ws/live/", OwnOrigin(LiveConsumer.as_asgi())),
]
