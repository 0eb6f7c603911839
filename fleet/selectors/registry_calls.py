"""Questions to a registry on behalf of a page that waits: bounded, answered in words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PROBE_SECONDS = 10.0
CODE_LIMIT, MESSAGE_LIMIT = 40, 1000
Text = str | Promise
log = structlog.get_logger(__name__)


class RegistryFields(Protocol):
    """What can be connected to: what is typed into a form, or what is stored."""

    def target_fields(self) -> dict[str, Any]:
        """Return what `fleet.registries.RegistryTarget` is made of."""


class Finding(Protocol):
    """What `fleet.registries.probe.probe_registry` answers; it never raises."""

    @property
    def ok(self) -> bool:
        """Whether the registry answers, and takes the account."""

    @property
    def code(self) -> str:
        """A word for scripts: `ok`, `wrong_password`, `refused` …"""

    @property
    def message(self) -> Text:
        """A sentence for people."""

    @property
    def details(self) -> Mapping[str, Any]:
        """What else was found, by its name: plain values, no secrets."""


@dataclass(frozen=True)
class RegistryProbe:
    """What a test of a connection found, in words."""

    ok: bool
    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def probe(registry: RegistryFields) -> RegistryProbe:
    """Connect to a registry, within `PROBE_SECONDS`; never raises but SecretLost."""
    from fleet.registries import RegistryTarget
    from fleet.registries.probe import probe_registry

    began, target = time.monotonic(), RegistryTarget(**registry.target_fields())
    try:
        found: Finding = probe_registry(target, timeout=PROBE_SECONDS)
        said = found.ok, _text(found.code, CODE_LIMIT), _text(found.message), dict(found.details)
    except Exception as error:  # a test has an answer for everything
        log.exception("registry_probe_failed", kind=type(error).__name__)
        said = False, "internal", str(_("The test itself failed. Quayside's log says why.")), {}
    return RegistryProbe(*said, seconds=round(time.monotonic() - began, 3))


def _text(said: Text, limit: int = MESSAGE_LIMIT) -> str:
    """Return what can be stored: the other side may have had a say in it."""
    return str(said).replace("\x00", "")[:limit]
