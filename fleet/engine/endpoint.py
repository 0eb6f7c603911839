"""What a host's address and credentials are, and whether they can work at all.

Nothing here opens a connection. Messages name the field and what to do, and never repeat a value:
what was pasted into the wrong field may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.utils.translation import gettext_lazy as _

from fleet.engine.errors import BadEndpoint

SIZE_LIMIT = 64 * 1024
URL_LIMIT = 1024
# sun_path of a Unix socket's address holds 108 bytes, the last one zero.
SOCKET_PATH_LIMIT = 107

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}")
_KEY_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----")
_PATH = re.compile(r"/[A-Za-z0-9_./@+:=-]*")


@dataclass(frozen=True, repr=False)
class Endpoint:
    """How to reach one engine. All credentials are texts (PEM, OpenSSH), empty when unused.

    ``ssh_host_key`` is the pinned public host key ("ssh-ed25519 AAAA…"); empty means that the key
    of the first connection is taken and reported. ``insecure`` allows TCP without TLS.
    """

    url: str
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    ssh_key: str = ""
    ssh_host_key: str = ""
    insecure: bool = False

    def __repr__(self) -> str:
        return f"Endpoint({safe_url(self.url)!r})"

    @property
    def uses_tls(self) -> bool:
        """True when any TLS material is given: then TLS is spoken, whatever ``insecure`` says."""
        return bool(self.tls_ca or self.tls_cert or self.tls_key)


@dataclass(frozen=True)
class Address:
    """A URL taken apart. ``path`` is the socket's: of unix, or on the far side of ssh."""

    scheme: str
    host: str = ""
    port: int = 0
    user: str = ""
    path: str = ""


@dataclass(frozen=True)
class CertificateFacts:
    """What can be shown of a certificate."""

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]


def safe_url(url: str) -> str:
    """The URL without a password, for logs and messages."""
    return re.sub(r"^((?:[a-z]+://)?[^/:@]*):(?!//).*@", r"\1@", url[:URL_LIMIT])


def check_endpoint(endpoint: Endpoint) -> list[BadEndpoint]:
    """Everything that is wrong with an endpoint, without connecting; empty when nothing is."""
    return list(_problems(endpoint))


def parse_address(endpoint: Endpoint) -> Address:
    """The endpoint's URL taken apart.

    Raises ``BadEndpoint`` (field ``url``) when it is not one that we can use.
    """
    url = endpoint.url
    if not url or url != url.strip() or not url.isprintable() or len(url) > URL_LIMIT:
        raise BadEndpoint("url", _("Enter an address such as unix:///var/run/docker.sock."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadEndpoint("url", _("The port must be a number from 1 to 65535.")) from None
    if parts.password is not None:
        raise BadEndpoint("url", _("Leave the password out of the address: it would be shown."))
    if port == 0:
        raise BadEndpoint("url", _("The port must be a number from 1 to 65535."))
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise BadEndpoint("url", _("An address has no ? and no # part."))
    parser = _PARSERS.get(parts.scheme.lower())
    if parser is None:
        raise BadEndpoint(
            "url", _("The address must start with unix://, tcp:// or ssh:// (not http or https).")
        )
    return parser(endpoint, parts, port)


def _parse_unix(endpoint: Endpoint, parts: SplitResult, port: int | None) -> Address:
    if parts.netloc or not parts.path.startswith("/") or len(parts.path) < 2:
        raise BadEndpoint(
            "url", _("Give the full path of the socket: unix:///var/run/docker.sock (three /).")
        )
    if len(parts.path.encode()) > SOCKET_PATH_LIMIT:
        raise BadEndpoint("url", _("The path of a socket can have at most 107 bytes."))
    return Address("unix", path=parts.path)


def _parse_tcp(endpoint: Endpoint, parts: SplitResult, port: int | None) -> Address:
    if "@" in parts.netloc:
        raise BadEndpoint("url", _("A tcp:// address has no user: tcp://host:2376."))
    if parts.path not in ("", "/"):
        raise BadEndpoint("url", _("A tcp:// address has no path: tcp://host:2376."))
    return Address("tcp", _host(parts), port or (2376 if endpoint.uses_tls else 2375))


def _parse_ssh(endpoint: Endpoint, parts: SplitResult, port: int | None) -> Address:
    host, user = _host(parts), parts.username or ""
    if not _USER.fullmatch(user):
        raise BadEndpoint("url", _("Say as which user to sign in: ssh://user@host."))
    path = "" if parts.path == "/" else parts.path
    if path and not _PATH.fullmatch(path):
        raise BadEndpoint("url", _("The path after the host must be that of a Docker socket."))
    return Address("ssh", host, port or 22, user, path)


_PARSERS: dict[str, Callable[[Endpoint, SplitResult, int | None], Address]] = {
    "unix": _parse_unix,
    "tcp": _parse_tcp,
    "ssh": _parse_ssh,
}


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host:
        raise BadEndpoint("url", _("The address names no host."))
    if not (_HOST.fullmatch(host) or (":" in host and _IPV6.fullmatch(host))):
        raise BadEndpoint("url", _("The host must be a name or an IP address."))
    return host


# -- credentials --------------------------------------------------------------------------------


def _problems(endpoint: Endpoint) -> Iterator[BadEndpoint]:
    address: Address | None = None
    try:
        address = parse_address(endpoint)
    except BadEndpoint as error:
        yield error
    checks = {
        "tls_ca": _check_certificates,
        "tls_cert": _check_certificates,
        "tls_key": _check_tls_key,
        "ssh_key": _check_ssh_key,
        "ssh_host_key": _check_host_key,
    }
    bad: set[str] = set()
    for field, check in checks.items():
        problem = _check_field(field, getattr(endpoint, field), check)
        if problem is not None:
            bad.add(field)
            yield problem
    yield from _check_pair(endpoint, bad)
    if address and address.scheme == "tcp" and not endpoint.uses_tls and not endpoint.insecure:
        yield BadEndpoint(
            "insecure",
            _(
                "Without TLS everyone on the network can control this host. Give a CA, a "
                "certificate and a key, or confirm that the connection is not secure."
            ),
        )


def _check_field(
    field: str, value: str, check: Callable[[str, str], BadEndpoint | None]
) -> BadEndpoint | None:
    if not value:
        return None
    if len(value.encode(errors="replace")) > SIZE_LIMIT:
        return BadEndpoint(field, _("This is too large: at most 64 KB."))
    if "\x00" in value:
        return BadEndpoint(field, _("This is not text. Paste or upload the file in text form."))
    return check(field, value)


def _check_certificates(field: str, value: str) -> BadEndpoint | None:
    if "PRIVATE KEY" in value:
        return BadEndpoint(field, _("This is a private key. Put the certificate here."))
    try:
        load_certificates(value)
    except ValueError:
        return BadEndpoint(
            field,
            _("This is not a certificate in PEM form (-----BEGIN CERTIFICATE-----)."),
        )
    return None


def _check_tls_key(field: str, value: str) -> BadEndpoint | None:
    if "BEGIN CERTIFICATE" in value and "PRIVATE KEY" not in value:
        return BadEndpoint(field, _("This is a certificate. Put its private key here."))
    try:
        _load_key(value)
    except TypeError:
        return BadEndpoint(field, _("This key has a passphrase. Use a key without one."))
    except Exception:  # noqa: BLE001 - cryptography raises many kinds for broken keys
        if "BEGIN OPENSSH" not in value and (problem := _broken_key(field, value)):
            return problem
        return BadEndpoint(field, _("This is not a private key in PEM form."))
    return None


def _broken_key(field: str, value: str) -> BadEndpoint | None:
    """What to say of a private key that cannot be read; ``None`` when it never was one."""
    begin = _KEY_BEGIN.search(value)
    if begin is None:
        return None
    if f"-----END {begin[1]}-----" not in value:
        return BadEndpoint(
            field, _("This key is incomplete. Copy the whole file, to its last line -----END …")
        )
    return BadEndpoint(field, _("This key is incomplete or damaged. Copy the whole file again."))


def _check_pair(endpoint: Endpoint, bad: set[str]) -> Iterator[BadEndpoint]:
    cert, key = endpoint.tls_cert, endpoint.tls_key
    if cert and not key:
        yield BadEndpoint("tls_key", _("Give the private key of the client certificate too."))
    elif key and not cert:
        yield BadEndpoint("tls_cert", _("Give the client certificate of the private key too."))
    elif cert and key and not bad & {"tls_cert", "tls_key"} and not _key_fits(cert, key):
        yield BadEndpoint("tls_key", _("This key does not belong to the client certificate."))


def _key_fits(cert: str, key: str) -> bool:
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    mine: bytes = _load_key(key).public_key().public_bytes(*form)
    return load_certificates(cert)[0].public_key().public_bytes(*form) == mine


def _load_key(pem: str) -> Any:
    return serialization.load_pem_private_key(pem.encode(), password=None)


def _check_ssh_key(field: str, value: str) -> BadEndpoint | None:
    if value.lstrip().startswith(("ssh-", "ecdsa-", "sk-")):
        return BadEndpoint(field, _("This is a public key. Put the private key here."))
    try:
        asyncssh.import_private_key(value)
    except asyncssh.KeyEncryptionError:
        return BadEndpoint(field, _("This key has a passphrase. Use a key without one."))
    except asyncssh.KeyImportError as error:
        if "passphrase" in str(error).lower():
            return BadEndpoint(field, _("This key has a passphrase. Use a key without one."))
    except Exception:  # noqa: BLE001, S110 - hostile input reaches many parsers below
        pass
    else:
        return None
    problem = _broken_key(field, value)
    return problem or BadEndpoint(field, _("This is not a private key in OpenSSH or PEM form."))


def _check_host_key(field: str, value: str) -> BadEndpoint | None:
    try:
        load_host_key(value)
    except ValueError:
        return BadEndpoint(field, _("This is not a public host key (ssh-ed25519 AAAA…)."))
    return None


def load_certificates(pem: str) -> list[x509.Certificate]:
    """All certificates of a PEM text. Raises ``ValueError`` when there is none."""
    return x509.load_pem_x509_certificates(pem.encode())


def load_host_key(text: str) -> asyncssh.SSHKey:
    """A public SSH key from "type base64 [comment]". Raises ``ValueError``."""
    try:
        return asyncssh.import_public_key(text)
    except Exception as error:  # KeyImportError and whatever hostile bytes cause below it
        raise ValueError("not a public key") from error


def certificate_facts(pem: str) -> CertificateFacts:
    """Subject, issuer, validity and names of the first certificate. Raises ``ValueError``."""
    cert = load_certificates(pem)[0]
    return CertificateFacts(
        subject=cert.subject.rfc4514_string(),
        issuer=cert.issuer.rfc4514_string(),
        not_before=cert.not_valid_before_utc,
        not_after=cert.not_valid_after_utc,
        names=_alternative_names(cert),
    )


def _alternative_names(cert: x509.Certificate) -> tuple[str, ...]:
    try:
        found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(str(name.value) for name in found if hasattr(name, "value"))


def host_key_fingerprint(text: str) -> str:
    """The "SHA256:…" fingerprint of a public host key. Raises ``ValueError``."""
    return load_host_key(text).get_fingerprint()
