"""Signing in: name and password each time, or a token for each scope, kept until it ends."""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from fleet.outbound.client import Answer, OutboundClient
from fleet.outbound.errors import AddressRefused, OutboundError
from fleet.registries import values
from fleet.registries.challenge import Challenge, choose
from fleet.registries.errors import RegistryError, from_outbound, rate_limited
from fleet.registries.limits import retry_after
from fleet.registries.target import RegistryTarget

TOKEN_SECONDS = 60  # when a token does not say how long it lasts
MARGIN_SECONDS = 5
LONGEST_SECONDS = 3600
TOKEN_LIMIT = 64 * 1024
NOBODY = ("", "(anonymous)")


@dataclass(frozen=True)
class Token:
    """A token, until when it may be used, and whether it is known to be for nobody."""

    text: str = field(repr=False)
    until: float
    anonymous: bool = False


class Signer:
    """What goes into the Authorization header of requests to one registry."""

    def __init__(self, target: RegistryTarget, http: OutboundClient) -> None:
        self.target = target
        self.http = http
        self.scheme = "none"
        self.ignored = False  # a token was given for our name and password, but to nobody
        self._tokens: dict[str, Token] = {}  # by the scope that we asked for

    def header(self, scope: str) -> str:
        """What is known to be wanted; empty before the registry said how to sign in."""
        if self.scheme == "basic" and self.target.username:
            return self.basic()
        token = self._tokens.get(scope)
        return f"Bearer {token.text}" if token and token.until > time.monotonic() else ""

    def basic(self) -> str:
        """Name and password."""
        pair = f"{self.target.username}:{self.target.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()

    def answer(self, www_authenticate: str, scope: str) -> str:
        """The header that answers a challenge. Raises ``RegistryError`` when there is none."""
        challenge = choose(www_authenticate)
        if challenge is None:
            raise RegistryError("auth_unknown", raw=www_authenticate[:200])
        self.scheme = challenge.scheme
        if challenge.scheme == "bearer":
            token = self._fetch(challenge, scope)
            self._tokens[scope] = token
            self.ignored = token.anonymous and bool(self.target.username)
            return f"Bearer {token.text}"
        if not self.target.username:
            raise RegistryError("credentials_needed")
        return self.basic()

    def _fetch(self, challenge: Challenge, scope: str) -> Token:
        """Get a token from where the registry says; that address is a stranger's to the policy."""
        # At the front door some (GHCR) name the scope of an example, which nobody may have.
        wanted = (challenge.get("scope") or scope) if scope else ""
        answer = self._ask(challenge, wanted)
        if answer.status in (400, 403) and wanted and self.target.username:
            answer = self._without_scope(challenge, answer)
        self._check(answer)
        data = values.load(answer.body)
        text = data.get("token") or data.get("access_token")
        if not isinstance(text, str) or not text.isascii() or not text.isprintable():
            raise RegistryError("bad_answer", raw="no token")
        seconds = values.size(data.get("expires_in")) or TOKEN_SECONDS
        until = time.monotonic() + min(seconds, LONGEST_SECONDS) - MARGIN_SECONDS
        return Token(text, until, is_anonymous(text))

    def _without_scope(self, challenge: Challenge, refused: Answer) -> Answer:
        """Find out whether it is the account that was refused, or only what it wants.

        Quay knows no scope for its catalog, names none, and wants a token without any.
        """
        answer = self._ask(challenge, "")
        if answer.status != 200 or (refused.status == 400 and not challenge.get("scope")):
            return answer
        raise RegistryError("denied", _raw(refused))

    def _realm(self, challenge: Challenge) -> str:
        """Where tokens are; by https, unless all of it was said to be insecure."""
        realm = challenge.get("realm")
        scheme = urlsplit(realm).scheme.lower() if realm.isprintable() else ""
        if scheme != "https" and not (scheme == "http" and self.target.insecure):
            raise RegistryError("auth_unknown", raw=f"realm {realm[:200]}")
        return realm

    def _ask(self, challenge: Challenge, scope: str) -> Answer:
        query = [("service", challenge.get("service"))] if challenge.get("service") else []
        query += [("scope", part) for part in scope.split(" ") if part]
        headers = {"Accept": "application/json"}
        if self.target.username:
            headers["Authorization"] = self.basic()
            query.append(("account", self.target.username))
        url = _with_query(self._realm(challenge), query)
        try:
            return self.http.request("GET", url, headers=headers, limit=TOKEN_LIMIT)
        except AddressRefused as error:
            told = format_lazy(
                _("The registry sends us elsewhere to sign in. {why}"), why=error.message
            )
            raise RegistryError("auth_address_refused", error.raw, message=told) from error
        except OutboundError as error:
            raise from_outbound(error) from error

    def _check(self, answer: Answer) -> None:
        if answer.status == 200:
            return
        raw = _raw(answer)
        if answer.status == 429:
            raise rate_limited(retry_after(answer.header("retry-after")), raw)
        if answer.status >= 500:
            raise RegistryError("registry_error", raw)
        known = bool(self.target.username)
        if answer.status in (400, 401, 403):
            raise RegistryError("unauthorized" if known else "credentials_needed", raw)
        raise RegistryError("bad_answer", raw)


def _raw(answer: Answer) -> str:
    return answer.body[:500].decode("utf-8", "replace")


def _with_query(url: str, query: list[tuple[str, str]]) -> str:
    return url + ("&" if "?" in url else "?") + urlencode(query) if query else url


def is_anonymous(token: str) -> bool:
    """Whether a token says in itself that it is for nobody; most do not say.

    The token is not verified: it is the registry's to do that, this is only about what we tell.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return False
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(claims, dict) and claims.get("sub") in NOBODY
