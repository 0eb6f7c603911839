"""What a terminal's socket may be told; typing comes as binary frames."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from dashboard.live.messages import checked
from fleet.operations.params import sentence_of
from fleet.terminal.ask import Ask
from fleet.terminal.view import Size

MESSAGE_LIMIT = 64 * 1024
TYPED_LIMIT = 64 * 1024  # bytes in one frame; pages send less at once


class WrongAsk(Exception):
    """What was asked for cannot be run; the text says why."""


class Screen(BaseModel):
    """How large the terminal is, in characters."""

    cols: Annotated[int, Field(ge=1, le=1000)] = 80
    rows: Annotated[int, Field(ge=1, le=1000)] = 24

    @property
    def size(self) -> Size:
        """As the engine takes it."""
        return Size(self.cols, self.rows)


class First(Screen):
    """A first message. `acks`: the page tells what it has shown (`shown`)."""

    acks: bool = False


class Open(First):
    """Begin a session; `ask` is checked apart, its mistakes are people's."""

    type: Literal["open"]
    container: Annotated[int, Field(ge=1, lt=2**63)]
    ask: dict[str, Any] = {}


class Redeem(First):
    """Begin the session that a ticket of the API is good for."""

    type: Literal["ticket"]
    ticket: Annotated[str, Field(max_length=100)]


class Join(First):
    """Come back to a session."""

    type: Literal["join"]
    session: Annotated[str, Field(max_length=100)]


class Resize(Screen):
    """The terminal has another size."""

    type: Literal["resize"]


class Shown(BaseModel):
    """So many bytes more were shown."""

    type: Literal["shown"]
    bytes: Annotated[int, Field(ge=0, le=2**40)]


class Simple(BaseModel):
    """Somebody is there; end the session; is anybody there?"""

    type: Literal["stay", "end", "ping"]


Message = Annotated[Open | Redeem | Join | Resize | Shown | Simple, Field(discriminator="type")]
_adapter: TypeAdapter[Message] = TypeAdapter(Message)


def parse(text: str | None) -> Message:
    """Return the message. Raises Malformed."""
    return checked(text, _adapter, MESSAGE_LIMIT)


def ask_of(given: dict[str, Any]) -> Ask:
    """Return what is to be run. Raises WrongAsk, with a sentence."""
    try:
        return Ask.model_validate(given)
    except ValidationError as error:
        raise WrongAsk(sentence_of(error.errors(include_url=False)[0])) from None
