"""Whether open pages may stay open, and what their users may do by now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from django.contrib.sessions.models import Session
from django.utils import timezone

from fleet.models import User
from fleet.reach import Access, access_of_users

CHUNK = 500
Value = TypeVar("Value")
Verdict = Literal["stay", "signed_out", "deactivated"]


@dataclass(frozen=True)
class Rights:
    """What was read in one go for all open pages."""

    users: dict[int, User]
    accesses: dict[int, Access]
    sessions: frozenset[str]
    session_hashes: dict[int, str]

    def verdict(self, user_id: int, session_key: str, session_hash: str) -> Verdict:
        """Return whether a page of this user and session may stay open, else why not."""
        user = self.users.get(user_id)
        if user is None or not user.is_active:
            return "deactivated"
        if session_key not in self.sessions or self.session_hashes[user_id] != session_hash:
            return "signed_out"
        return "stay"


def read_rights(user_ids: Iterable[int], session_keys: Iterable[str]) -> Rights:
    """Return the state of users and sessions now, by a few queries for all of them."""
    users: dict[int, User] = {}
    for ids in _chunks(user_ids):
        users.update(User.objects.in_bulk(ids))
    return Rights(
        users=users,
        accesses=access_of_users(users.values()),
        sessions=frozenset(_living(session_keys)),
        session_hashes={pk: user.get_session_auth_hash() for pk, user in users.items()},
    )


def _chunks(values: Iterable[Value]) -> Iterable[list[Value]]:
    all_of_them = list(set(values))
    for start in range(0, len(all_of_them), CHUNK):
        yield all_of_them[start : start + CHUNK]


def _living(session_keys: Iterable[str]) -> Iterable[str]:
    now = timezone.now()
    for keys in _chunks(session_keys):
        yield from Session.objects.filter(session_key__in=keys, expire_date__gt=now).values_list(
            "session_key", flat=True
        )
