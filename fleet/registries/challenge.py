"""What a registry says of how to sign in: the WWW-Authenticate header."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9-]*)(?:\s+|$)")
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
LIMIT = 8192


@dataclass(frozen=True)
class Challenge:
    """One way to sign in: a scheme in lower case, and its parameters."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """A parameter, empty when it is not there."""
        return self.parameters.get(name, "")


def parse_challenges(header: str) -> list[Challenge]:
    """All ways to sign in of a header; what cannot be read ends the list."""
    text, found = header[:LIMIT], []
    position = 0
    while match := _SCHEME.match(text, position):
        position = match.end()
        parameters: dict[str, str] = {}
        while pair := _PARAMETER.match(text, position):
            value = re.sub(r"\\(.)", r"\1", pair[2]) if pair[2] is not None else pair[3]
            parameters.setdefault(pair[1].lower(), value)
            position = pair.end()
        found.append(Challenge(match[1].lower(), parameters))
    return found


def choose(header: str) -> Challenge | None:
    """The way to sign in that we take: a token where there is one, else name and password."""
    found = {challenge.scheme: challenge for challenge in reversed(parse_challenges(header))}
    return found.get("bearer") or found.get("basic")
