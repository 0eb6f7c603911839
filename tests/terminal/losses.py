"""What may be taken from somebody while a terminal's socket is open."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.models import Session

from fleet.models import Grant, Host, HostState, User


async def lose_grant(user: User, client: Any) -> None:
    """What they might do."""
    await Grant.objects.filter(user=user).adelete()


async def lose_account(user: User, client: Any) -> None:
    """The account is switched off."""
    await User.objects.filter(pk=user.pk).aupdate(is_active=False)


async def lose_session(user: User, client: Any) -> None:
    """They sign out, or an administrator signs them out."""
    await Session.objects.filter(session_key=client.session.session_key).adelete()


async def lose_password(user: User, client: Any) -> None:
    """It is another one now."""
    user.set_password("another horse battery")
    await user.asave()


async def lose_host(user: User, client: Any) -> None:
    """The host is switched off."""
    await Host.objects.aupdate(state=HostState.DISABLED)


LOSSES = [lose_grant, lose_account, lose_session, lose_password, lose_host]
