"""Whether a terminal may open and stay open: asked every few seconds, and when rights change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from django.utils.translation import gettext as _

from dashboard.live.rights import Verdict, read_rights
from dashboard.live.threads import run
from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.models import Host
from fleet.terminal.problems import sentence
from fleet.terminal.session import Check
from fleet.terminal.target import EXEC
from fleet.tokens import good_token

log = structlog.get_logger(__name__)


class SignedOut(Exception):
    """A session or an account has ended. ``verdict`` says which, ``str()`` says it to people."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict

    def __str__(self) -> str:
        return why_gone(self.verdict)


def why_gone(verdict: str) -> str:
    """Say why somebody is signed in no longer."""
    if verdict == "deactivated":
        return _("your account was switched off.")
    return _("you signed out, or your password was changed.")


@dataclass(frozen=True)
class Login:
    """A browser's session: good until it, the password or the account ends."""

    user_id: int
    session_key: str
    session_hash: str

    def actor(self, *, via: str = "web", address: str = "") -> Actor:
        """Return its user with the rights of this moment. Raises SignedOut."""
        rights = read_rights([self.user_id], [self.session_key])
        verdict = rights.verdict(self.user_id, self.session_key, self.session_hash)
        if verdict != "stay":
            raise SignedOut(verdict)
        user, access = rights.users[self.user_id], rights.accesses[self.user_id]
        return Actor(user, access, via=via, address=address)


def guard(look: Callable[[], str | None], language: str) -> Check:
    """Return the check that a session calls. A database that is away takes no right."""

    async def check() -> str | None:
        try:
            return await run(look, language=language)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look tells
            log.warning("terminal_unchecked", error=repr(error))
            return None

    return check


def by_login(login: Login, host_id: int) -> str | None:
    """Return why somebody who is signed in may stay no longer."""
    try:
        return _by_rights(login.actor(), host_id)
    except SignedOut as gone:
        return str(gone)


def by_token(token_id: int, host_id: int) -> str | None:
    """Return why the owner of an API token may stay no longer."""
    found = good_token(token_id)
    if found is None:
        return _("the API token was revoked or ran out.")
    user, token = found
    return _by_rights(actor_for(user, via="api", token=token), host_id)


def _by_rights(actor: Actor, host_id: int) -> str | None:
    host = Host.objects.filter(pk=host_id).first()
    if host is None or not host.enabled:
        return sentence("host_gone")
    if actor.access.may("container.view", host) and actor.access.may(EXEC, host):
        return None
    return str(Refused(EXEC))


def login_guard(login: Login, host_id: int, language: str) -> Check:
    """Guard the terminal of somebody who is signed in."""
    return guard(partial(by_login, login, host_id), language)


def token_guard(token_id: int, host_id: int, language: str) -> Check:
    """Guard the terminal of a token's owner."""
    return guard(partial(by_token, token_id, host_id), language)
