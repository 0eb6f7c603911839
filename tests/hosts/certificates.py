"""Certificates and keys made for a test, as PEM text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """A self-signed certificate and its key."""

    cert: str
    key: str


def make_pair(name: str = "client", *, days: int = 400, passphrase: str = "") -> Pair:
    """Make a pair that ends in `days` days; the key is encrypted when there is a passphrase."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=500))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        lock = serialization.BestAvailableEncryption(passphrase.encode())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    return Pair(
        cert.public_bytes(serialization.Encoding.PEM).decode(), key.private_bytes(*form).decode()
    )


def make_ssh_key(passphrase: str | None = None) -> tuple[str, str]:
    """Return a private and a public ssh key."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    private = key.export_private_key("pkcs8-pem", passphrase).decode()
    return private, key.export_public_key().decode().strip()
