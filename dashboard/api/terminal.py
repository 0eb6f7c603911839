"""/containers/{id}/exec: a ticket that opens a terminal over a WebSocket."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import translation
from ninja import Field, Router, Schema

from dashboard.api.auth import caller
from dashboard.terminal.door import PATH
from fleet.models import ApiToken
from fleet.terminal.ask import Ask
from fleet.terminal.target import terminal_target
from fleet.terminal.tickets import SECONDS, Ticket, give

router = Router(tags=["containers"])


class TicketOut(Schema):
    """A ticket, good once, for so many seconds; and the address of the socket that takes it."""

    ticket: str
    expires_in: int = Field(description="seconds")
    socket: str = Field(description="path of the WebSocket")


@router.post(
    "/{int:container_id}/exec", response={201: TicketOut}, summary="Open a terminal in a container"
)
def post_exec(request: HttpRequest, container_id: int, params: Ask | None = None) -> Any:
    """Give a ticket for one terminal: a command, or without one the best shell there is.

    `{"mode": "attach"}` looks at the main process; it types into it only with `"typing": true`.

    Open a WebSocket at `socket` without cookies and Origin, send
    `{"type": "ticket", "ticket": …, "cols": 80, "rows": 24}` as its first message. Then binary
    frames are what is typed and what is written; text frames are messages as JSON: `opened`,
    and at last `ended` with `exit_code`, or `problem` with a sentence. The process ends with the
    connection. How it goes on: docs/how-to/run-a-command-by-the-api.md.
    """
    actor = caller(request)
    target = terminal_target(actor, container_id)
    ticket = give(
        Ticket(
            user_id=actor.user.pk if actor.user else 0,
            container_id=target.container.pk,
            ask=params or Ask(),
            language=translation.get_language() or "",
            **_signed_in_by(request),
        )
    )
    answer = {"ticket": ticket, "expires_in": SECONDS, "socket": PATH}
    response = JsonResponse(answer, status=201)
    response["Cache-Control"] = "no-store"
    return response


def _signed_in_by(request: HttpRequest) -> dict[str, Any]:
    token: ApiToken | None = getattr(request, "_token_row", None)
    if token is not None:
        return {"token_id": token.pk}
    user = request.user
    return {
        "session_key": request.session.session_key or "",
        "session_hash": user.get_session_auth_hash() if user.is_authenticated else "",
    }
