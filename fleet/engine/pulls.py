"""Pulling an image: what is asked of the engine, and what it answers, in words."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from fleet.engine.errors import DISK_FULL, Denied, EngineError, Invalid, NotFound
from fleet.engine.images import platforms_of
from fleet.engine.raw import Json, as_list, as_str

# An engine that says nothing for so long hangs: it tells of every layer that moves, and gives a
# registry that does not answer up by itself within 30 s.
SILENCE_SECONDS = 300.0

_SAFE = re.compile(r"[a-z0-9][A-Za-z0-9._:/-]*(@[a-z0-9]+:[0-9a-f]{32,128})?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
Auth = Mapping[str, str]


@dataclass(frozen=True)
class Pulled:
    """What a pull came to."""

    image_id: str
    digest: str  # of the manifest, "" where the engine does not tell
    platform: str  # linux/amd64
    newer: bool  # there was something to fetch


def split_reference(reference: str) -> tuple[str, str]:
    """The name, and the tag or digest, as the engine takes them apart; `latest` without any.

    Without a tag an engine would fetch all of them. Raises ``Invalid``.
    """
    if len(reference) > 512 or not _SAFE.fullmatch(reference):
        raise Invalid("reference_invalid")
    name, _at, digest = reference.partition("@")
    start, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        start, tag = name, "latest"
    return start, digest or tag


def image_path(reference: str, action: str = "json") -> str:
    """``/images/{reference}/json``, or another action on it. Raises ``Invalid``."""
    name, version = split_reference(reference)
    mark = "@" if _DIGEST.fullmatch(version) else ":"
    path = f"/images/{quote(f'{name}{mark}{version}', safe='/:@')}"
    return f"{path}/{action}" if action else path


def auth_header(auth: Auth | None) -> dict[str, str]:
    """The header that hands credentials of a registry to the engine, which keeps none of them."""
    if not auth:
        return {}
    names = ("username", "password", "serveraddress")
    text = json.dumps({name: auth[name] for name in names if name in auth})
    return {"X-Registry-Auth": base64.urlsafe_b64encode(text.encode()).decode()}


class Words:
    """What the engine says around the layers: the digest, and whether anything was fetched."""

    def __init__(self) -> None:
        self.digest, self.newer = "", True

    def hear(self, text: str) -> None:
        """Take note of a sentence."""
        if text.startswith("Digest:") and (found := _DIGEST.search(text)):
            self.digest = found[0]
        if "Image is up to date" in text:
            self.newer = False

    def result(self, image: Json, wanted: str = "") -> Pulled:
        """What came of it, with what the engine knows of the image now.

        An image of several platforms is for the one that was wanted, if that is there.
        """
        digests = [as_str(item).partition("@")[2] for item in as_list(image.get("RepoDigests"))]
        there = platforms_of(image)
        fitting = [one for one in there if wanted and platform_fits(wanted, one)]
        return Pulled(
            image_id=as_str(image.get("Id")),
            digest=self.digest or next(iter(digests), ""),
            platform=(fitting or there)[0],
            newer=self.newer,
        )


# -- errors -------------------------------------------------------------------------------------

_Make = Callable[[str], EngineError]


def _kind(kind: type[EngineError], code: str) -> _Make:
    return lambda raw: kind(code, raw=raw)


_failed, _missing = EngineError, NotFound
# The first that fits decides: what is said first is what people can do something about.
_PHRASES: tuple[tuple[str, _Make], ...] = (
    (DISK_FULL, _kind(_failed, "disk_full")),
    (r"toomanyrequests|too many requests|pull rate limit", _kind(_failed, "registry_rate_limit")),
    (
        r"no matching manifest|does not match the specified platform|no image found in (image index"
        r"|manifest list)|choos\w+ image instance|does not provide the specified platform",
        _kind(_missing, "platform_missing"),
    ),
    (
        r"invalid reference format|invalid tag format|must be lowercase|invalid repository name"
        r"|invalid checksum digest",
        _kind(Invalid, "reference_invalid"),
    ),
    (
        r"server gave HTTP response to HTTPS client|first record does not look like a TLS",
        _kind(_failed, "registry_plain_http"),
    ),
    (
        r"x509:|certificate signed by unknown|certificate verify|tls: (failed to verify|handshake|"
        r"unknown certificate|bad certificate)|remote error: tls",
        _kind(_failed, "registry_untrusted"),
    ),
    (
        r"dial tcp|dial udp|no such host|i/o timeout|connection refused|connection reset"
        r"|network is unreachable|no route to host|Client\.Timeout|context deadline exceeded"
        r"|TLS handshake timeout|proxyconnect|broken pipe|unexpected EOF|: EOF"
        r"|use of closed network connection",
        _kind(_failed, "registry_unreachable"),
    ),
    (r"filesystem layer verification failed|digest mismatch", _kind(_failed, "layer_damaged")),
    (
        r"unsupported (manifest )?media type|encountered remote|not an image|unsupported manifest",
        _kind(_failed, "not_an_image"),
    ),
    (
        r"pull access denied|repository does not exist or may require|insufficient_scope",
        _kind(_missing, "image_unknown_or_private"),
    ),
    (
        r"manifest unknown|not found: manifest|name unknown|MANIFEST_UNKNOWN|NAME_UNKNOWN"
        r"|manifest for .* not found|no such image|: not found$",
        _kind(_missing, "image_unknown"),
    ),
    (
        r"unexpected (HTTP )?status|\b50\d (Internal|Bad|Service|Gateway)",
        _kind(_failed, "registry_failed"),
    ),
)
ENDED = re.compile(r"authorization token has expired", re.IGNORECASE)  # ECR's passwords
# Engines whose images containerd keeps say it after "pull access denied", which says less.
NO_CREDENTIALS = re.compile(r"no basic auth", re.IGNORECASE)
_LOGIN = re.compile(r"unauthorized|authentication required|\b401\b", re.IGNORECASE)
_DENIED = re.compile(r"\bdenied\b|forbidden|\b403\b", re.IGNORECASE)


def explain_pull(message: str, *, signed_in: bool) -> EngineError | None:
    """The error that an engine's message about a registry means; ``None`` when it is of no kind.

    `signed_in` tells a registry that refused credentials from one that wants some.
    """
    if ENDED.search(message):
        return Denied("registry_expired", raw=message)
    wanted = _LOGIN.search(message) and "pull access denied" not in message
    if wanted or NO_CREDENTIALS.search(message):
        code = "registry_credentials" if signed_in else "registry_login"
        return Denied(code, raw=message)
    for pattern, make in _PHRASES:
        if re.search(pattern, message, re.IGNORECASE):
            return make(message)
    if _DENIED.search(message):
        return Denied("registry_denied", raw=message)
    return None


def platform_fits(wanted: str, found: str) -> bool:
    """Whether an image is for the platform that was asked for; some engines keep another one."""
    wanted_parts, found_parts = wanted.split("/"), found.split("/")
    return wanted_parts[:2] == found_parts[:2]
