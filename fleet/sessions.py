"""Sessions of users: who is signed in where, and ending that."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.utils.translation import gettext as _

from fleet.access import Unknown
from fleet.actor import Actor
from fleet.audit import record
from fleet.models import User


def sessions_of(user: User) -> list[UserSession]:
    """Return the user's living sessions, the one used last first; forgets dead ones."""
    living: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(living, key=lambda session: session.last_seen_at, reverse=True)


def end_sessions(user: User, *, keep: str = "") -> int:
    """End all sessions of a user but the one with the key `keep`; return how many."""
    ended = 0
    for session in UserSession.objects.filter(user=user).exclude(session_key=keep):
        session.end()
        ended += 1
    return ended


def session_end(*, actor: Actor, pk: int | None = None, keep: str = "") -> int:
    """End one of the actor's own sessions, or all but `keep`; return how many.

    Raises Unknown when there is no such session of theirs.
    """
    user = actor.user
    rows = UserSession.objects.filter(user=user).exclude(session_key=keep)
    if pk is not None:
        rows = rows.filter(pk=pk)
        if not 0 < pk < 2**63 or not rows.exists():
            raise Unknown(_("session"))
    with transaction.atomic():
        found = list(rows)
        for session in found:
            session.end()
        record(actor, "session.end", user, detail={"sessions": len(found)})
    return len(found)
