"""Who calls the API: a bearer token, or the browser's session with its CSRF token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.errors import HttpError
from ninja.security import HttpBearer
from ninja.security.apikey import APIKeyCookie

from dashboard.live.rights import read_rights
from dashboard.requests import address_of
from fleet.access import Unknown
from fleet.actor import Actor, actor_for
from fleet.tokens import user_of


def bearer_of(request: HttpRequest) -> Actor | None:
    """Return the actor of a request's bearer token, for what is no route of the API."""
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    return Bearer().authenticate(request, secret.strip()) if scheme.lower() == "bearer" else None


class Bearer(HttpBearer):
    """`Authorization: Bearer qs_…`: an API token."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        """Return the token owner's actor, or None for a wrong, expired or revoked token."""
        found = user_of(token)
        if found is None:
            return None
        user, row = found
        actor = actor_for(user, via="api", address=address_of(request), token=row)
        request._actor = actor  # type: ignore[attr-defined]
        request._token = token  # type: ignore[attr-defined]
        request._token_row = row  # type: ignore[attr-defined]
        return actor


class Session(APIKeyCookie):
    """The session cookie of a signed-in browser; a change needs the CSRF token too."""

    param_name = settings.SESSION_COOKIE_NAME

    def _get_key(self, request: HttpRequest) -> str | None:
        # Without a cookie there is nothing to forge: let it end as 401, not as 403.
        if self.param_name not in request.COOKIES:
            return None
        try:
            return super()._get_key(request)
        except HttpError as error:
            sentence = _("Send the browser's CSRF token in the header X-CSRFToken.")
            raise HttpError(error.status_code, sentence) from error

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        """Return the signed-in user's actor."""
        if not request.user.is_authenticated:
            return None
        actor = actor_for(request.user, via="api", address=address_of(request))
        request._actor = actor  # type: ignore[attr-defined]
        return actor


def caller_again(request: HttpRequest) -> Callable[[], Actor]:
    """Return what tells who the caller is by then, for answers that take long.

    It raises Unknown once the token was revoked or ran out, the session ended, or the user was
    switched off.
    """
    if secret := getattr(request, "_token", ""):
        return lambda: _known(Bearer().authenticate(HttpRequest(), secret))
    user, key = request.user, request.session.session_key or ""
    session_hash = user.get_session_auth_hash() if user.is_authenticated else ""

    def by_session() -> Actor:
        rights = read_rights([user.pk or 0], [key])
        stays = rights.verdict(user.pk or 0, key, session_hash) == "stay"
        return _known(actor_for(rights.users[user.pk], via="api") if stays and user.pk else None)

    return by_session


def _known(actor: Actor | None) -> Actor:
    if actor is None:
        raise Unknown(_("session or token"))
    return actor


def caller(request: Any) -> Actor:
    """Return the actor that authentication found."""
    return cast(Actor, request.auth)
