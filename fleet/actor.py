"""Who is asking: a user with what they may do, how they came and from where."""

from __future__ import annotations

from dataclasses import dataclass, field

from fleet.models import ApiToken, User
from fleet.reach import Access, access_of


@dataclass(frozen=True)
class Actor:
    """Everything a read or a change needs to know about who asks for it."""

    user: User | None
    access: Access = field(repr=False)
    via: str = "web"  # web, api, schedule, webhook, command
    address: str = ""
    narrowed: bool = False  # came with a token that may less than its owner

    @property
    def name(self) -> str:
        """The user name, `system` for Quayside itself, "" for who did not sign in."""
        if self.user:
            return self.user.get_username()
        return "" if self.via in {"web", "api"} else "system"


def actor_for(
    user: User | None, *, via: str = "web", address: str = "", token: ApiToken | None = None
) -> Actor:
    """Return the actor of a user, with rights read now; `token` can only narrow them."""
    narrowed = token is not None and token.role_id is not None
    access = access_of(user, token)
    return Actor(user=user, access=access, via=via, address=address, narrowed=narrowed)


def system_actor(via: str = "schedule") -> Actor:
    """Return the actor for what Quayside does by itself."""
    return Actor(user=None, access=Access.everything(), via=via)
