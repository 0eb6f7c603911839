"""How allauth behaves here: nobody signs up by themselves, and guessing is slowed down."""

from __future__ import annotations

import hashlib
import ipaddress
import time
import unicodedata
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.requests import address_of
from fleet.actor import Actor
from fleet.audit import record
from fleet.models import AuditResult
from fleet.reach import NOTHING

APP = "allauth.account"
NO_ADDRESS = "0.0.0.0"  # noqa: S104 - stands for an address that is none; nothing binds to it


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes the sign-up, believes only configured proxies, and says how long to wait."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": gettext_lazy("The user name or the password is wrong."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by an administrator."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that throttling counts by; always a valid one."""
        try:
            return str(ipaddress.ip_address(address_of(request).partition("%")[0]))
        except ValueError:
            return NO_ADDRESS

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # Not by the Host header, as allauth does: whoever guesses could vary it.
        name = str(credentials.get("username", ""))
        return unicodedata.normalize("NFKC", name).strip().casefold()

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt. Raises ValidationError, with how long to wait, for too many."""
        key = self._get_login_attempts_cache_key(request, **credentials)
        self._login_failed_rl_usage = ratelimit.consume(
            request, app=APP, action="login_failed", key=key
        )
        if not self._login_failed_rl_usage:
            note_throttled(request, key)
            raise ValidationError(too_many(wait_for(request, "login_failed", key)))


def wait_for(request: HttpRequest, action: str, key: str | None = None) -> float:
    """Return in how many seconds the fullest of an action's limits lets the next one pass."""
    longest, now = 0.0, time.time()
    for rate in ratelimit.get_rates(app=APP, action=action):
        name = ratelimit.get_cache_key(request, app=APP, action=action, rate=rate, key=key)
        history = cache.get(name, [])
        if len(history) >= rate.amount:
            longest = max(longest, history[-1] + rate.duration - now)
    return max(longest, 1.0)


def too_many(seconds: float) -> str:
    """Return the sentence for who tried too often."""
    minutes = max(1, round(seconds / 60 + 0.49))
    wait = ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return _("Too many failed attempts. Wait %(wait)s, then try again.") % {"wait": wait}


def note_throttled(request: HttpRequest, name: str) -> None:
    """Write down that somebody is being slowed, once a minute for each name and address."""
    address = address_of(request)
    key = hashlib.sha256(f"{name} {address}".encode()).hexdigest()
    if cache.add(f"throttled:{key}", 1, 60):
        record(
            Actor(user=None, access=NOTHING, address=address),
            "session.sign_in",
            result=AuditResult.REFUSED,
            detail={"username": name[:150], "reason": "too many attempts"},
        )
