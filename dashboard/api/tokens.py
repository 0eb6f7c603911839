"""/tokens: one's own API tokens. None is made here: no token can make another one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status

from dashboard.api.auth import caller
from dashboard.api.pages import Window, page
from fleet.models import ApiToken
from fleet.operations.tokens import token_revoke
from fleet.selectors.people import access_token, own_tokens

router = Router(tags=["tokens"])

SORTS = {
    "id": "pk",
    "name": "name",
    "created_at": "created_at",
    "last_used_at": "last_used_at",
    "expires_at": "expires_at",
}
REVOKED_TEXT = "with those that were revoked"


class TokenOut(Schema):
    """A token, never its secret. `role` is the name of the role that narrows it, if one does."""

    id: int
    name: str
    prefix: Annotated[str, Field(description="it begins with qs_<prefix>_")]
    role: str | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    @staticmethod
    def of(row: ApiToken) -> dict[str, Any]:
        """Return what is shown of a row."""
        plain = {name: getattr(row, name) for name in TokenOut.model_fields if name != "role"}
        return {**plain, "role": row.role.name if row.role else None}


class TokensOut(Schema):
    """A part of a list."""

    items: list[TokenOut]
    count: int


class TokenFilter(Schema):
    """Which of them."""

    revoked: Annotated[bool, Field(description=REVOKED_TEXT)] = False


@router.get("", response=TokensOut, summary="List your tokens")
def list_tokens(request: HttpRequest, wanted: Query[TokenFilter], window: Query[Window]) -> Any:
    """Return the caller's own tokens, the newest first."""
    rows = own_tokens(caller(request), revoked=wanted.revoked)
    return page(rows, window, TokenOut.of, SORTS)


@router.delete("/{int:token_id}", response={204: None}, summary="Revoke a token")
def revoke_token(request: HttpRequest, token_id: int) -> Any:
    """End a token at once: one's own, or another's by who manages people."""
    actor = caller(request)
    token_revoke(actor=actor, token=access_token(actor, token_id))
    return Status(204, None)
