"""What a registry's address and credentials are, and whether they can work at all.

Nothing here opens a connection. Messages name the field and what to do, and never repeat a value:
what was pasted into the wrong field may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography import x509
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from fleet.outbound.policy import Origin
from fleet.outbound.urls import PORTS, Url, parse_url
from fleet.registries.address import HUB_API, HUB_NAMES, parse_address
from fleet.registries.errors import BadTarget
from fleet.registries.reference import HUB, Reference

CA_LIMIT = 64 * 1024
CREDENTIAL_LIMIT = 16 * 1024  # a token of some registries is a JWT of several KB


@dataclass(frozen=True)
class RegistryTarget:
    """How to reach one registry. ``tls_ca`` is PEM text, empty for the system's authorities.

    ``insecure`` allows plain http://, and https:// with any certificate.
    """

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    tls_ca: str = ""
    insecure: bool = False

    @cached_property
    def address(self) -> Url:
        """The API's address. Raises ``BadTarget`` when the URL is none."""
        url = _parse(self.url)
        return parse_url(f"https://{HUB_API}") if url.host in HUB_NAMES else url

    @property
    def is_hub(self) -> bool:
        """Whether this is Docker Hub."""
        return self.address.host == HUB_API

    @property
    def trusted(self) -> frozenset[Origin]:
        """The one host and port that were typed in."""
        return frozenset({self.address.origin})

    @property
    def reference_host(self) -> str:
        """What stands before the first / in the name of an image of this registry."""
        return HUB if self.is_hub else _reference_host(self.address)

    def owns(self, reference: Reference) -> bool:
        """Whether an image is one of this registry."""
        return reference.host.lower() in _equal_hosts(self)


def check_target(target: RegistryTarget) -> list[BadTarget]:
    """Everything that is wrong with a target, without connecting; empty when nothing is."""
    return list(_problems(target))


def _parse(text: str) -> Url:
    url = parse_address(text)
    if url.host not in HUB_NAMES and url.path not in ("/", "/v2", "/v2/"):
        raise BadTarget("url", _("The address of a registry has no path: https://host:port."))
    return url


def _reference_host(url: Url) -> str:
    """Host and port as Docker reads them: a name without dot and port would be one of the Hub's."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    plain = "." in host or ":" in host or host == "localhost"
    if url.port == PORTS["https"] and url.scheme == "https" and plain:
        return host
    return f"{host}:{url.port}"


def _equal_hosts(target: RegistryTarget) -> frozenset[str]:
    if target.is_hub:
        return HUB_NAMES
    host = target.reference_host
    bare = host.removesuffix(":443")
    https = target.address.scheme == "https" and target.address.port == PORTS["https"]
    return frozenset({host, bare, f"{bare}:443"}) if https else frozenset({host})


def _problems(target: RegistryTarget) -> Iterator[BadTarget]:
    url: Url | None = None
    try:
        url = target.address
    except BadTarget as error:
        yield error
    if url and url.scheme == "http" and not target.insecure:
        yield BadTarget(
            "insecure",
            _(
                "Over http:// everyone on the network can read the password and change images. "
                "Use https://, or confirm that the connection is not secure."
            ),
        )
    yield from _check_credentials(target)
    yield from _check_ca(target.tls_ca)


def _check_credentials(target: RegistryTarget) -> Iterator[BadTarget]:
    for name in ("username", "password"):
        value: str = getattr(target, name)
        if len(value.encode(errors="replace")) > CREDENTIAL_LIMIT:
            yield BadTarget(name, _("This is too large: at most 16 KB."))
        elif not value.isprintable():
            yield BadTarget(name, _("There is a line break or a control character in this."))
    if ":" in target.username:
        yield BadTarget("username", _("A user name has no colon."))
    if target.password and not target.username:
        yield BadTarget("username", _("Enter the user name that belongs to the password."))
    if target.username and not target.password:
        yield BadTarget("password", _("Enter the password or access token of this user."))


def _check_ca(pem: str) -> Iterator[BadTarget]:
    if not pem:
        return
    if len(pem) > CA_LIMIT:
        yield BadTarget("tls_ca", _("This is too large: at most 64 KB."))
    elif "PRIVATE KEY" in pem:
        yield BadTarget("tls_ca", _("This is a private key. Put the CA's certificate here."))
    else:
        try:
            x509.load_pem_x509_certificates(pem.encode())
        except ValueError:
            yield BadTarget(
                "tls_ca",
                _("This is not a certificate in PEM form (-----BEGIN CERTIFICATE-----)."),
            )
