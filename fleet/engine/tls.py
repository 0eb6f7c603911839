"""A TLS context from PEM texts: the host's CA alone is trusted, and our certificate shown."""

from __future__ import annotations

import os
import ssl
import tempfile
from functools import lru_cache
from pathlib import Path

from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import BadEndpoint

TLSContext = ssl.SSLContext
CONTEXTS = 256  # kept, by their texts: to make one reads and writes files


def tls_context(endpoint: Endpoint) -> ssl.SSLContext | None:
    """The context for an endpoint, or ``None`` when it is to be spoken to without TLS.

    With a CA given only that CA is trusted, never the machine's list; without one, the machine's.
    Raises ``BadEndpoint`` for material that does not load.
    """
    if not endpoint.uses_tls:
        return None
    return _context(endpoint.tls_ca, endpoint.tls_cert, endpoint.tls_key)


@lru_cache(CONTEXTS)
def _context(ca: str, cert: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    # A CA field may hold an intermediate, or the server's own self-signed certificate.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    _load_ca(context, ca)
    if cert and key:
        _load_client(context, cert, key)
    return context


def _load_ca(context: ssl.SSLContext, pem: str) -> None:
    if not pem:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise BadEndpoint("tls_ca", "") from error


def _load_client(context: ssl.SSLContext, cert: str, key: str) -> None:
    # OpenSSL reads certificate chains from files only; they live for this one call.
    with tempfile.TemporaryDirectory(prefix="quayside-tls-") as folder:
        cert_path, key_path = Path(folder, "cert.pem"), Path(folder, "key.pem")
        _write_private(cert_path, cert)
        _write_private(key_path, key)
        try:
            # The empty password turns OpenSSL's prompt on the terminal into an error.
            context.load_cert_chain(cert_path, key_path, password="")
        except (ssl.SSLError, ValueError, OSError) as error:
            raise BadEndpoint("tls_key", "") from error


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
