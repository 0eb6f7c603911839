"""From a first message to a session: who asks, what for, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from dashboard.live.streams import write_refusal
from dashboard.live.threads import run
from dashboard.terminal.guard import session_guard, token_guard
from dashboard.terminal.messages import ask_of
from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.models import User
from fleet.terminal.ask import Ask
from fleet.terminal.hub import Link, current_terminals
from fleet.terminal.problems import Problem
from fleet.terminal.records import Record
from fleet.terminal.session import Owner
from fleet.terminal.target import TerminalTarget, terminal_target
from fleet.terminal.tickets import Ticket, take
from fleet.terminal.view import View
from fleet.tokens import good_token


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, in a browser."""

    actor: Actor
    session_key: str
    session_hash: str
    language: str

    @property
    def user_id(self) -> int:
        """Of the user."""
        return self.actor.user.pk if self.actor.user else 0


async def open_by_page(person: Person, pk: int, given: dict[str, object], view: View) -> Link:
    """Begin a session. Raises WrongAsk, AccessError, ``Problem``."""
    ask = ask_of(given)
    target = await run(_target, person.actor, pk, language=person.language)
    check = session_guard(
        person.user_id, person.session_key, person.session_hash, target.host_id, person.language
    )
    owner = Owner(person.user_id, person.language, check, settings.TERMINAL_KEEP_SECONDS)
    return _begin(person.actor, target, ask, owner, view)


async def open_by_ticket(secret: str, address: str, view: View) -> Link:
    """Begin the session of a ticket. Raises AccessError, ``Problem``."""
    ticket = await run(take, secret)
    actor = await run(_actor, ticket, address) if ticket else None
    if ticket is None or actor is None:
        raise Problem("ticket")
    target = await run(_target, actor, ticket.container_id, language=ticket.language)
    check = (
        token_guard(ticket.token_id, target.host_id, ticket.language)
        if ticket.token_id
        else session_guard(
            ticket.user_id,
            ticket.session_key,
            ticket.session_hash,
            target.host_id,
            ticket.language,
        )
    )
    # Nobody comes back to it: a ticket is good for one socket.
    owner = Owner(ticket.user_id, ticket.language, check, keep=0)
    return _begin(actor, target, ticket.ask, owner, view)


def _target(actor: Actor, pk: int) -> TerminalTarget:
    try:
        return terminal_target(actor, pk)
    except Refused as refused:
        write_refusal(actor, refused, "terminal")
        raise


def _actor(ticket: Ticket, address: str) -> Actor | None:
    if ticket.token_id:
        found = good_token(ticket.token_id)
        if found is None or found[0].pk != ticket.user_id:
            return None
        return actor_for(found[0], via="api", address=address, token=found[1])
    user = User.objects.filter(pk=ticket.user_id, is_active=True).first()
    return actor_for(user, via="api", address=address) if user else None


def _begin(actor: Actor, target: TerminalTarget, ask: Ask, owner: Owner, view: View) -> Link:
    record = Record(actor, target.container, ask)
    return current_terminals().open(target, ask, owner, record, view)
