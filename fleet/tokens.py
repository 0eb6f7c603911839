"""API tokens: `qs_<prefix>_<secret>`, shown once; the database keeps only a digest."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from fleet.models import ApiToken, Role, User

SHAPE = re.compile(r"^qs_([a-z0-9]{8})_[A-Za-z0-9_-]{43}\Z")
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
USE_WRITTEN_EVERY = timedelta(minutes=1)


def digest(secret: str) -> str:
    """Return the SHA-256 of a whole token in hex: it has 256 random bits, no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_token(
    user: User, name: str, expires_at: datetime | None = None, role: Role | None = None
) -> tuple[ApiToken, str]:
    """Make a token; return its row and the secret, which cannot be had again.

    `role` narrows what the token may do; it never gives more than its owner has.
    """
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(8))
    secret = f"qs_{prefix}_{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=prefix,
        digest=digest(secret),
        role=role,
        expires_at=expires_at,
    )
    return token, secret


def user_of(secret: str) -> tuple[User, ApiToken] | None:
    """Return the owner and the row of a token that is good now, else None.

    Writes when it was last used, at most once a minute.
    """
    shape = SHAPE.match(secret)
    if shape is None:
        return None
    token = (
        ApiToken.objects.select_related("user", "role")
        .filter(prefix=shape[1], revoked_at__isnull=True, user__is_active=True)
        .first()
    )
    if token is None or not hmac.compare_digest(token.digest, digest(secret)):
        return None
    now = timezone.now()
    if token.expires_at is not None and token.expires_at <= now:
        return None
    _used(token, now)
    return token.user, token


def good_token(pk: int) -> tuple[User, ApiToken] | None:
    """Return the owner and the row of a token that is still good, else None."""
    token = (
        ApiToken.objects.select_related("user", "role")
        .filter(pk=pk, revoked_at__isnull=True, user__is_active=True)
        .first()
    )
    if token is None or (token.expires_at is not None and token.expires_at <= timezone.now()):
        return None
    return token.user, token


def _used(token: ApiToken, now: datetime) -> None:
    if token.last_used_at is not None and token.last_used_at > now - USE_WRITTEN_EVERY:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - USE_WRITTEN_EVERY)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
