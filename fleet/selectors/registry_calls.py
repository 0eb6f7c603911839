"""Questions to a registry on behalf of a page that waits: bounded, answered in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from django.utils.functional import Promise

from fleet.registries import probe as registry_probe
from fleet.registries.target import RegistryTarget

PROBE_SECONDS = 10.0
CODE_LIMIT, MESSAGE_LIMIT = 40, 1000
Text = str | Promise


class RegistryFields(Protocol):
    """What can be connected to: what is typed into a form, or what is stored."""

    def target_fields(self) -> dict[str, Any]:
        """Return what `fleet.registries.target.RegistryTarget` is made of."""


@dataclass(frozen=True)
class RegistryProbe:
    """What a test of a connection found, in words."""

    ok: bool
    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def probe(registry: RegistryFields) -> RegistryProbe:
    """Connect to a registry, within `PROBE_SECONDS`; never raises but SecretLost.

    `details` are plain values without secrets: `advice`, a sentence; `facts`, what else it told;
    `raw`, its own words.
    """
    target = RegistryTarget(**registry.target_fields())
    found = registry_probe.probe(target, timeout=PROBE_SECONDS)
    details: dict[str, Any] = {
        "advice": _text(found.advice),
        "facts": [_text(fact) for fact in found.details],
        "raw": _text(found.raw),
    }
    return RegistryProbe(
        ok=found.ok,
        code=_text(found.code, CODE_LIMIT),
        message=_text(found.message),
        details={name: value for name, value in details.items() if value},
        seconds=round(found.seconds, 3),
    )


def _text(said: Text, limit: int = MESSAGE_LIMIT) -> str:
    """Return what can be stored: the other side may have had a say in it."""
    return str(said).replace("\x00", "")[:limit]
