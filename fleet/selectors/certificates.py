"""Certificates and ssh keys of hosts as they may be shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fleet.engine.endpoint import CertificateFacts, certificate_facts, host_key_fingerprint
from fleet.models import Host

WARN_BEFORE = timedelta(days=21)
TITLES: dict[str, str | Promise] = {
    "tls_cert": _("Client certificate"),
    "tls_ca": _("Certificate authority"),
}


@dataclass(frozen=True)
class Certificate:
    """A stored certificate as it may be shown."""

    field: str  # tls_cert or tls_ca
    subject: str
    issuer: str
    ends: datetime

    @property
    def title(self) -> str | Promise:
        """What it is, in words."""
        return TITLES[self.field]

    @property
    def ended(self) -> bool:
        """True when it is no longer valid."""
        return self.ends <= timezone.now()

    @property
    def ends_soon(self) -> bool:
        """True within `WARN_BEFORE` of its end, and after it."""
        return self.ends <= timezone.now() + WARN_BEFORE


@lru_cache(maxsize=1024)
def _facts(pem: str) -> CertificateFacts | None:
    try:
        return certificate_facts(pem)
    except ValueError:
        return None


def certificates_of(host: Host) -> list[Certificate]:
    """Return the certificates stored for a host, the client's first."""
    found = (certificate_of(name, str(getattr(host, name))) for name in TITLES)
    return [certificate for certificate in found if certificate]


def certificate_of(field: str, pem: str) -> Certificate | None:
    """Return the first certificate of a PEM text stored as `field`; None when there is none."""
    facts = _facts(pem) if pem else None
    return Certificate(field, facts.subject, facts.issuer, facts.not_after) if facts else None


def fingerprint_of(host_key: str) -> str:
    """Return the `SHA256:…` of a stored host key; "" when there is none to read."""
    try:
        return host_key_fingerprint(host_key) if host_key else ""
    except ValueError:
        return ""
