"""From a first message to a session: who asks, what for, and whether they may."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from dashboard.live.streams import write_refusal
from dashboard.live.threads import run
from dashboard.terminal.guard import Login, SignedOut, login_guard, token_guard
from dashboard.terminal.messages import ask_of
from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.terminal.ask import Ask
from fleet.terminal.hub import AnyLink, Link, current_terminals
from fleet.terminal.problems import Problem
from fleet.terminal.records import Record
from fleet.terminal.session import Owner
from fleet.terminal.target import TerminalTarget, terminal_target
from fleet.terminal.tickets import Ticket, take
from fleet.terminal.view import View
from fleet.tokens import good_token


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, in a browser. A socket may wait for long before it asks.

    So what they may is no part of this: it is read when they ask.
    """

    login: Login
    language: str
    address: str

    def actor(self) -> Actor:
        """Return who asks, with the rights of this moment. Raises SignedOut."""
        return self.login.actor(address=self.address)


async def open_by_page(person: Person, pk: int, given: dict[str, object], view: View) -> Link:
    """Begin a session. Raises WrongAsk, AccessError, SignedOut, ``Problem``."""
    ask, login = ask_of(given), person.login
    actor = await run(person.actor)
    target = await run(_target, actor, pk, language=person.language)
    check = login_guard(login, target.host_id, person.language)
    owner = Owner(login.user_id, person.language, check, settings.TERMINAL_KEEP_SECONDS)
    return _begin(actor, target, ask, owner, view)


async def join_by_page(person: Person, session: str, view: View) -> AnyLink:
    """Come back to a session. Raises SignedOut, ``Problem``."""
    await run(person.actor)
    link = await current_terminals().join(session, person.login.user_id, view)
    link.check_soon()  # it was opened by another login, perhaps, and long ago
    return link


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
        else login_guard(_login(ticket), target.host_id, ticket.language)
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


def _login(ticket: Ticket) -> Login:
    return Login(ticket.user_id, ticket.session_key, ticket.session_hash)


def _actor(ticket: Ticket, address: str) -> Actor | None:
    if ticket.token_id:
        found = good_token(ticket.token_id)
        if found is None or found[0].pk != ticket.user_id:
            return None
        return actor_for(found[0], via="api", address=address, token=found[1])
    try:
        return _login(ticket).actor(via="api", address=address)
    except SignedOut:
        return None


def _begin(actor: Actor, target: TerminalTarget, ask: Ask, owner: Owner, view: View) -> Link:
    record = Record(actor, target.container, ask)
    return current_terminals().open(target, ask, owner, record, view)
