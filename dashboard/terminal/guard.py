"""Whether a terminal may stay open: asked every few seconds, and whenever rights change."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog
from django.utils.translation import gettext as _

from dashboard.live.rights import read_rights
from dashboard.live.threads import run
from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.models import Host
from fleet.terminal.problems import sentence
from fleet.terminal.session import Check
from fleet.terminal.target import EXEC
from fleet.tokens import good_token

log = structlog.get_logger(__name__)


def guard(look: Callable[[], str | None], language: str) -> Check:
    """Return the check that a session calls. A database that is away takes no right."""

    async def check() -> str | None:
        try:
            return await run(look, language=language)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look tells
            log.warning("terminal_unchecked", error=repr(error))
            return None

    return check


def by_session(user_id: int, session_key: str, session_hash: str, host_id: int) -> str | None:
    """Return why somebody who is signed in may stay no longer."""
    rights = read_rights([user_id], [session_key])
    verdict = rights.verdict(user_id, session_key, session_hash)
    if verdict == "deactivated":
        return _("your account was switched off.")
    if verdict != "stay":
        return _("you signed out, or your password was changed.")
    return _by_rights(Actor(rights.users[user_id], rights.accesses[user_id]), host_id)


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


def session_guard(
    user_id: int, session_key: str, session_hash: str, host_id: int, language: str
) -> Check:
    """Guard the terminal of somebody who is signed in."""
    return guard(partial(by_session, user_id, session_key, session_hash, host_id), language)


def token_guard(token_id: int, host_id: int, language: str) -> Check:
    """Guard the terminal of a token's owner."""
    return guard(partial(by_token, token_id, host_id), language)
