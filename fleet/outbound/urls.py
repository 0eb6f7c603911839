"""A web address taken apart once: what is checked and what is connected to cannot differ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from fleet.outbound.errors import OutboundError
from fleet.outbound.policy import Origin, canonical_host

URL_LIMIT = 8192
PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")
# What may stand in a path or a query as it is; % as what is quoted stays quoted.
_SAFE = "/%:@!$&'()*+,;=~?-._"


@dataclass(frozen=True)
class Url:
    """Scheme, host and port to connect to, and the path with its query to ask for."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> Origin:
        """Host and port, as the policy names them."""
        return self.host, self.port

    @property
    def site(self) -> tuple[str, str, int]:
        """What must stay the same for credentials to be sent again."""
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def parse_url(text: str) -> Url:
    """A web address. Raises ``OutboundError("bad_url")`` for all that is not plainly one."""
    if not text or len(text) > URL_LIMIT or not text.isprintable() or "\\" in text:
        raise OutboundError("bad_url")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise OutboundError("bad_url") from None
    scheme, host = parts.scheme.lower(), canonical_host(parts.hostname or "")
    known = _IPV6.fullmatch(host) if ":" in host else _HOST.fullmatch(host)
    # A name in front of @ is for people who read too quickly; nobody needs it.
    if scheme not in PORTS or not known or port == 0 or "@" in parts.netloc:
        raise OutboundError("bad_url")
    path = quote(parts.path or "/", safe=_SAFE)
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    return Url(scheme, host, port or PORTS[scheme], path + query)


def follow(url: Url, location: str) -> Url:
    """Where a redirect leads."""
    return parse_url(urljoin(str(url), location))
