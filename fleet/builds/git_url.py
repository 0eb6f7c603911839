"""Addresses of Git repositories: https and ssh, taken apart before Git sees anything of them.

Git's own reading knows commands (`ext::`), files and options in addresses, and has its share of
holes with them; what is passed on is put together anew from the parts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote, urljoin, urlsplit

from fleet.builds.errors import ContextRefused
from fleet.outbound.errors import OutboundError
from fleet.outbound.policy import canonical_host

URL_LIMIT = 1000
PORTS = {"https": 443, "ssh": 22}
# git@github.com:team/app.git, as hosting services show it
SHORT_SSH = re.compile(r"^(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9.-]+):(?!//)([^\s]+)\Z")
USER = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")
HOST = re.compile(r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z|^[0-9a-f:.]{2,45}\Z")


@dataclass(frozen=True)
class GitUrl:
    """A repository's address; `user` is for ssh only."""

    scheme: Literal["https", "ssh"]
    host: str
    port: int
    path: str
    user: str = ""

    @property
    def site(self) -> tuple[str, str, int]:
        """To what a credential may be sent."""
        return self.scheme, self.host, self.port

    @property
    def root(self) -> str:
        """The address without its path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{user}{host}{port}"

    def __str__(self) -> str:
        return f"{self.root}{quote(self.path, safe='/~._-+@:')}"


def parse_git_url(text: str) -> GitUrl:
    """Return an address's parts. Raises ContextRefused with what is wrong with it."""
    text = text.strip()
    if not text or len(text) > URL_LIMIT or not text.isprintable() or "\\" in text:
        raise ContextRefused("git_url")
    if text.startswith("-"):
        raise ContextRefused("git_option", name=text)
    if "://" not in text and (short := SHORT_SSH.match(text)):
        if "::" in text:
            raise ContextRefused("git_protocol", name=text)
        return _checked("ssh", short[2], None, f"/{short[3].lstrip('/')}", short[1] or "git")
    try:
        parts = urlsplit(text)
        port, path = parts.port, unquote(parts.path, errors="strict")
    except (ValueError, UnicodeError):
        raise ContextRefused("git_url") from None
    if parts.scheme.lower() not in PORTS:
        raise ContextRefused("git_protocol", name=text.split(":", 1)[0])
    if parts.query or parts.fragment:
        raise ContextRefused("git_url")
    if parts.password or (parts.username and parts.scheme.lower() == "https"):
        raise ContextRefused("git_password")
    return _checked(parts.scheme.lower(), parts.hostname or "", port, path, parts.username or "")


def _checked(scheme: str, host: str, port: int | None, path: str, user: str) -> GitUrl:
    try:
        name = canonical_host(host)
    except OutboundError:
        raise ContextRefused("git_url") from None
    if not HOST.match(name) or port == 0 or not path.isprintable() or len(path) < 2:
        raise ContextRefused("git_url")
    if user and not USER.match(user):
        raise ContextRefused("git_url")
    # "/-x" would be an option of the program that ssh starts over there.
    if path.lstrip("/").startswith("-") or ".." in path.split("/"):
        raise ContextRefused("git_option", name=path)
    if scheme == "https":
        return GitUrl("https", name, port or PORTS["https"], path)
    return GitUrl("ssh", name, port or PORTS["ssh"], path, user or "git")


def submodule_url(parent: GitUrl, text: str) -> GitUrl:
    """Return the address that a submodule of a repository names, which may be relative to it."""
    if not text.startswith(("./", "../")):
        return parse_git_url(text)
    path = urljoin(f"{parent.path.rstrip('/')}/", text)
    if ".." in path.split("/"):
        raise ContextRefused("git_url")
    return _checked(parent.scheme, parent.host, parent.port, path, parent.user)
