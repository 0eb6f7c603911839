"""The dashboard app: pages, sockets and the API."""

from __future__ import annotations

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Connects the sign-in signals to the audit log."""

    name = "dashboard"

    def ready(self) -> None:
        """Import what connects itself."""
        from dashboard import signals  # noqa: F401
