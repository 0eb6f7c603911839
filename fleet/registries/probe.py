"""Test connection: is there a registry at this address, does it know us, and if not, what is wrong.

In words, for a person in front of a form.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from fleet.outbound.client import Limits
from fleet.registries.client import RegistryClient, open_registry
from fleet.registries.errors import BadTarget, RegistryError
from fleet.registries.target import RegistryTarget
from fleet.registries.types import Ping, RateLimit

Text = str | Promise


@dataclass(frozen=True)
class Probe:
    """What a test found. ``message`` and ``advice`` are sentences (translated when shown).

    ``field`` names the form field when the target itself is wrong. ``signed_in`` is as in Ping.
    ``catalog``: whether repositories are listed; None when that was not found out.
    """

    ok: bool
    code: str
    message: Text
    advice: Text = ""
    field: str = ""
    raw: str = ""
    seconds: float = 0.0
    api_version: str = ""
    scheme: str = ""
    signed_in: str = ""
    catalog: bool | None = None
    rate_limit: RateLimit | None = None

    @property
    def details(self) -> tuple[Text, ...]:
        """What else there is to tell of a registry that answered."""
        told = [
            format_lazy(_("API {version}"), version=self.api_version) if self.api_version else "",
            SCHEMES.get(self.scheme, ""),
            _CATALOG.get(self.catalog, ""),
        ]
        if limit := self.rate_limit:
            told.append(
                format_lazy(
                    _("{left} of {limit} pulls left"), left=limit.remaining, limit=limit.limit
                )
            )
        return tuple(part for part in told if part)


def probe(target: RegistryTarget, timeout: float = 10.0) -> Probe:
    """Try a registry. Answers within ``timeout`` seconds or little more, and never raises."""
    began = time.monotonic()
    limits = Limits(connect=timeout / 3, read=timeout / 2, session=timeout)
    try:
        with open_registry(target, limits=limits) as registry:
            ping = registry.ping()
            catalog = _lists_repositories(registry)
            return _found(ping, catalog, registry.rate_limit, time.monotonic() - began)
    except RegistryError as error:
        return _failed(error, time.monotonic() - began)
    except Exception as bug:  # noqa: BLE001 - a test has an answer for everything
        return _failed(RegistryError("bad_answer", type(bug).__name__), time.monotonic() - began)


def _lists_repositories(registry: RegistryClient) -> bool | None:
    try:
        registry.repositories(count=1)
    except RegistryError as error:
        return False if error.code == "catalog_off" else None
    return True


def _found(ping: Ping, catalog: bool | None, limit: RateLimit | None, seconds: float) -> Probe:
    ok = ping.signed_in != "ignored"
    return Probe(
        ok=ok,
        code="ok" if ok else "unauthorized",
        message=MESSAGES[ping.signed_in],
        advice=ADVICE.get(ping.signed_in, ""),
        field="" if ok else "password",
        seconds=seconds,
        api_version=ping.api_version.removeprefix("registry/"),
        scheme=ping.scheme,
        signed_in=ping.signed_in,
        catalog=catalog,
        rate_limit=limit,
    )


def _failed(error: RegistryError, seconds: float) -> Probe:
    return Probe(
        ok=False,
        code=error.code,
        message=DOOR.get(error.code, error.message),
        field=error.field if isinstance(error, BadTarget) else FIELDS.get(error.code, ""),
        raw=error.raw,
        seconds=seconds,
    )


MESSAGES: dict[str, Text] = {
    "yes": _("The registry answers and accepted the user name and password."),
    "anonymous": _("The registry answers, and lets us in without a user name."),
    "unknown": _("The registry answers, and wants a user name for all that is not public."),
    "not_asked": _("The registry answers, but did not look at the user name and password."),
    "ignored": _(
        "The registry answers, but did not accept the user name and password: it lets us in like "
        "anybody."
    ),
}
ADVICE: dict[str, Text] = {
    "anonymous": _("Pushing, and what is not public, may need a user name and a password."),
    "unknown": _("Without a user name and a password you may get nothing at all. Enter them."),
    "not_asked": _(
        "It lets everybody in. Whether the password is right shows when something is pushed; if "
        "nobody is ever asked, leave both fields empty."
    ),
    "ignored": _("Check both; many registries want an access token in place of the password."),
}
# At the front door there is no image that could be missing.
DOOR: dict[str, Text] = {
    "credentials_needed": _(
        "The registry answers, but wants a user name and a password. Enter them."
    ),
    "denied": _(
        "The registry knows the user name and password, and lets this account do nothing. Ask for "
        "the right to it there."
    ),
}
FIELDS = {
    "unauthorized": "password",
    "expired": "password",
    "credentials_needed": "username",
    "tls_unknown_authority": "tls_ca",
    "tls_ca": "tls_ca",
    "plain_http_on_https": "url",
    "https_on_plain_http": "url",
    "not_a_registry": "url",
    "moved": "url",
    "dns": "url",
    "refused": "url",
    "address_refused": "url",
}
SCHEMES: dict[str, Text] = {
    "none": _("asks nobody to sign in"),
    "basic": _("signs in by name and password"),
    "bearer": _("signs in by tokens"),
}
_CATALOG: dict[bool | None, Text] = {
    True: _("lists its repositories"),
    False: _("does not list its repositories"),
}
