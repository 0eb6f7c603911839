"""First set-up: while there is no account, a one-time link makes the first administrator.

Only the link's digest is stored. Making the account, its grant and the end of the link are
one transaction that two requests cannot both finish.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from django.db import connection, transaction
from django.utils.translation import gettext as _

from fleet.access import Unknown
from fleet.actor import Actor
from fleet.audit import record
from fleet.models import Grant, Role, Scope, SetupToken, User
from fleet.operations.passwords import check_account
from fleet.reach import Access

LOCK = 7_041_777  # a number of our own for PostgreSQL's advisory lock
SHAPE = re.compile(r"^[A-Za-z0-9_-]{43}\Z")


def is_set_up() -> bool:
    """Return whether there is an account."""
    return User.objects.exists()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _one_at_a_time() -> None:
    """Wait for other set-ups; SQLite's immediate transactions do so by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def setup_link(base_url: str) -> str | None:
    """Return a new set-up link, or None once there is an account; older links end."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        _one_at_a_time()
        SetupToken.objects.all().delete()
        if is_set_up():
            return None
        SetupToken.objects.create(digest=_digest(token))
    return f"{base_url.rstrip('/')}/setup/{token}/"


def is_setup_token(token: str) -> bool:
    """Return whether this is the token of the link that works now."""
    if not SHAPE.match(token) or is_set_up():
        return False
    return SetupToken.objects.filter(digest=_digest(token)).exists()


def make_first_administrator(
    *, token: str, username: str, password: str, address: str = ""
) -> User:
    """Make the first account, an administrator of the whole fleet, and end the link.

    Raises Unknown for a token that is wrong or used, Invalid for `username` or `password`.
    """
    user = check_account(username, password)
    user.set_password(password)  # slow on purpose: before the lock
    with transaction.atomic():
        _one_at_a_time()
        if not is_setup_token(token):
            raise Unknown(_("set-up link"))
        user.save(force_insert=True)
        Grant.objects.create(
            user=user, role=Role.objects.get(name="administrator"), scope=Scope.FLEET
        )
        SetupToken.objects.all().delete()
        actor = Actor(user=user, access=Access.everything(), address=address)
        record(actor, "setup.finish", user)
    return user
