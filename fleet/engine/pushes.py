"""Pushing an image: what is asked of the engine, and what it answers, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from fleet.engine.errors import Denied, EngineError, Invalid, NotFound
from fleet.engine.pulls import ENDED, NO_CREDENTIALS, Auth, explain_pull, split_reference
from fleet.engine.raw import Json, as_dict, as_str

# Engines want the header even when nobody signs in.
NOBODY: Final[Auth] = {"username": ""}
_SAID = re.compile(r"digest: (sha256:[0-9a-f]{64})")


class ExplainRegistry(Protocol):
    """What an engine's message about a registry means."""

    def __call__(self, message: str, *, signed_in: bool) -> EngineError | None:
        """Return the error; None when it is of no kind that is known."""


@dataclass(frozen=True)
class Pushed:
    """What a push came to: the manifest's digest, "" where the engine does not tell."""

    digest: str


class PushWords:
    """What the engine says around the layers of a push."""

    def __init__(self) -> None:
        self.digest = ""

    def hear(self, raw: Json) -> None:
        """Take note of an object of the stream: Docker and Podman tell the digest apart."""
        told = as_str(as_dict(raw.get("aux")).get("Digest"))
        found = _SAID.search(as_str(raw.get("status")))
        self.digest = told or (found[1] if found else self.digest)

    def result(self) -> Pushed:
        """What came of it."""
        return Pushed(self.digest)


def push_path(reference: str) -> tuple[str, dict[str, str | int]]:
    """The path and its parameters. Raises ``Invalid``: what has a digest has no tag to push."""
    name, tag = split_reference(reference)
    if ":" in tag:
        raise Invalid("reference_invalid")
    return f"/images/{quote(name, safe='/:')}/push", {"tag": tag}


_HERE = re.compile(
    r"^image \S+: not found$|does not exist locally|no such image|tag does not exist"
    r"|image not known",
    re.I,
)
_DENIED = re.compile(
    r"requested access to the resource is denied|push access denied|insufficient_scope|\bdenied\b"
    r"|\b403\b|forbidden",
    re.I,
)
# Where containerd keeps images, nothing is tried a second time.
_BROKE = re.compile(
    r"failed to copy: .*(\bEOF\b|broken pipe|connection reset|closed network connection)", re.I
)


def explain_push(message: str, *, signed_in: bool) -> EngineError | None:
    """As ``explain_pull``, for what is said of a push."""
    if _HERE.search(message):
        return NotFound("image_gone", raw=message)
    if _BROKE.search(message):
        return EngineError("push_broke_off", raw=message)
    if _DENIED.search(message) and not (ENDED.search(message) or NO_CREDENTIALS.search(message)):
        return Denied("push_denied" if signed_in else "push_login", raw=message)
    return explain_pull(message, signed_in=signed_in)
