"""Certificates for tests: an authority, and leaves that are right or wrong in one way each."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM."""

    cert: str
    key: str


def key_pem(key: PrivateKey, password: bytes = b"") -> str:
    cipher: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        cipher = serialization.BestAvailableEncryption(password)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher
    ).decode()


class Authority:
    """A self-signed CA."""

    def __init__(self, name: str = "test-ca") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self.name, self.name, self.key, 0, 30).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.pem = _pem(builder.sign(self.key, hashes.SHA256()))

    def leaf(self, *addresses: str, start: int = -1, days: int = 10, client: bool = False) -> Pair:
        """A certificate for IP addresses, valid from ``start`` days on for ``days`` days."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = _builder(name, self.name, key, start, days).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False
        )
        if addresses:
            names = [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Pair(_pem(builder.sign(self.key, hashes.SHA256())), key_pem(key))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, start: int, days: int
) -> x509.CertificateBuilder:
    begin = datetime.now(UTC) + timedelta(days=start, minutes=-5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
    )


def _pem(cert: x509.Certificate) -> str:
    return cert.public_bytes(serialization.Encoding.PEM).decode()


def server_context(pair: Pair, client_ca: str = "") -> ssl.SSLContext:
    """A server's TLS; with ``client_ca`` it wants a certificate signed by that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        cert, key = Path(folder, "cert"), Path(folder, "key")
        cert.write_text(pair.cert)
        key.write_text(pair.key)
        context.load_cert_chain(cert, key)
    if client_ca:
        context.load_verify_locations(cadata=client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
