"""The right to open one terminal, once and soon: for callers of the API.

A WebSocket has no place for a token but its address, where proxies and logs would read it. So the
API, asked with the token, gives a ticket; the socket sends it as its first message. Kept in the
cache by its digest, with what it is good for encrypted.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass

from django.core.cache import cache

from fleet.crypto import SecretLost, decrypt, encrypt
from fleet.terminal.ask import Ask

SECONDS = 30


@dataclass(frozen=True)
class Ticket:
    """What it is good for. `token_id` or `session_key` is how its holder signed in."""

    user_id: int
    container_id: int
    ask: Ask
    language: str = ""
    token_id: int = 0
    session_key: str = ""
    session_hash: str = ""


def give(ticket: Ticket) -> str:
    """Return the secret of a new ticket."""
    secret = f"qt_{secrets.token_urlsafe(32)}"
    facts = {**vars(ticket), "ask": ticket.ask.model_dump(mode="json")}
    cache.set(_key(secret), encrypt(json.dumps(facts)), SECONDS)
    return secret


def take(secret: str) -> Ticket | None:
    """Return what a ticket is good for; None when it was used, is too old or never was."""
    key = _key(secret)
    kept = cache.get(key)
    if not isinstance(kept, str) or not cache.delete(key):  # only one taker deletes it
        return None
    try:
        facts = json.loads(decrypt(kept))
    except (SecretLost, ValueError):
        return None
    return Ticket(**{**facts, "ask": Ask.model_validate(facts["ask"])})


def _key(secret: str) -> str:
    return f"terminal-ticket:{hashlib.sha256(secret.encode()).hexdigest()}"
