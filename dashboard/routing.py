"""WebSockets: one for each page, one for each terminal. All are wrapped in `OwnOrigin`."""

from __future__ import annotations

from typing import Any

from django.urls import path

from dashboard.live.consumer import LiveConsumer
from dashboard.live.origin import OwnOrigin
from dashboard.terminal.consumer import TerminalConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/live/", OwnOrigin(LiveConsumer.as_asgi())),
    path("ws/terminal/", OwnOrigin(TerminalConsumer.as_asgi())),
]
