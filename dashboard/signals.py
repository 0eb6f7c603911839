"""Sign-in, sign-out and failed sign-in go to the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from dashboard.requests import address_of
from fleet.actor import Actor, actor_for
from fleet.audit import record
from fleet.models import AuditResult, User
from fleet.reach import NOTHING


def _address(request: HttpRequest | None) -> str:
    return address_of(request) if request is not None else ""


@receiver(user_logged_in)
def signed_in(request: HttpRequest | None, user: User, **_kwargs: Any) -> None:
    """Somebody signed in."""
    record(actor_for(user, address=_address(request)), "session.sign_in", user)


@receiver(user_logged_out)
def signed_out(request: HttpRequest | None, user: User | None, **_kwargs: Any) -> None:
    """Somebody signed out."""
    if user is not None:
        record(actor_for(user, address=_address(request)), "session.sign_out", user)


@receiver(user_login_failed)
def refused(credentials: dict[str, Any], request: HttpRequest | None = None, **_kw: Any) -> None:
    """A wrong name or password."""
    record(
        Actor(user=None, access=NOTHING, address=_address(request)),
        "session.sign_in",
        result=AuditResult.REFUSED,
        detail={"username": str(credentials.get("username", ""))[:150]},
    )
