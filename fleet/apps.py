"""The fleet app: the domain, without HTTP or HTML."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class FleetConfig(AppConfig):
    """Registers the system checks and the operations, and keeps the default rows."""

    name = "fleet"
    verbose_name = _("Fleet")

    def ready(self) -> None:
        """Import what registers itself."""
        from fleet import checks, operations  # noqa: F401
        from fleet.defaults import ensure_built_in_roles

        post_migrate.connect(ensure_built_in_roles, sender=self)
