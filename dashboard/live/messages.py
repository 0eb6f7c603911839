"""What pages may send over their socket; anything else is malformed."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

CLAIM_LIMIT = 5000  # elements of a topic that a page says to show
TOPICS_LIMIT = 8  # of one page
MESSAGE_LIMIT = 512 * 1024  # characters: 500 rows and their order take about 40,000

T = TypeVar("T")
Name = Annotated[str, Field(max_length=40)]
Args = Annotated[str, Field(max_length=32_768)]  # of 200 logs and where each was read up to: 17,000
ElementId = Annotated[str, Field(max_length=200)]
Revision = Annotated[str, Field(max_length=100)]


class Malformed(Exception):
    """A message that no page of ours sends."""


class Following(BaseModel):
    """A topic that the page follows, with what it shows of it."""

    topic: Name
    args: Args = ""
    have: Annotated[dict[ElementId, Revision], Field(max_length=CLAIM_LIMIT)] = {}
    lists: Annotated[
        dict[ElementId, Annotated[list[ElementId], Field(max_length=CLAIM_LIMIT)]],
        Field(max_length=20),
    ] = {}


class Subscribe(BaseModel):
    """All topics of a page, sent when the socket opens."""

    type: Literal["subscribe"]
    topics: Annotated[list[Following], Field(max_length=TOPICS_LIMIT)]


class ChangeArgs(Following):
    """The page now shows something else of a topic."""

    type: Literal["args"]


class Ping(BaseModel):
    """Is anybody there?"""

    type: Literal["ping"]


class OpenStream(BaseModel):
    """The page wants to read a stream, such as a log."""

    type: Literal["stream.open"]
    topic: Name
    args: Args = ""


class CloseStream(BaseModel):
    """The page has read enough."""

    type: Literal["stream.close"]
    topic: Name = "logs"


Message = Annotated[
    Subscribe | ChangeArgs | Ping | OpenStream | CloseStream, Field(discriminator="type")
]
_adapter: TypeAdapter[Message] = TypeAdapter(Message)


def parse(text: str | None) -> Message:
    """Return the message. Raises Malformed."""
    return checked(text, _adapter, MESSAGE_LIMIT)


def checked(text: str | None, adapter: TypeAdapter[T], limit: int) -> T:
    """Return what a socket was told, as one of its messages. Raises Malformed."""
    if text is None or len(text) > limit:
        raise Malformed("binary or too long")
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise Malformed(error.errors()[0]["type"]) from None
