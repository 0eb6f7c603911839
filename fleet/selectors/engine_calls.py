"""Questions to an engine on behalf of a page that waits: bounded, answered in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from django.utils.translation import gettext as _

from fleet.crypto import SecretLost
from fleet.engine.client import Engine, open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Conflict, EngineError, NotFound
from fleet.models import Host, HostState
from fleet.selectors.places import NotAsked, Places

Found = TypeVar("Found")
SECONDS = 5.0
CONNECT_SECONDS = 3.0
# A silent host holds a place for five seconds, one that answers for milliseconds.
PLACES = Places(threads=16, each=4, name="ask")
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer(Generic[Found]):
    """What the engine said, or why it did not, as a sentence and in its own words (`raw`).

    `lasting` when the container itself is why: asking its host again cannot help.
    """

    value: Found | None = None
    problem: str = ""
    raw: str = ""
    lasting: bool = False


class _Call(Generic[Found]):
    """One question, which can be given up from another thread."""

    def __init__(self, endpoint: Endpoint, question: Callable[[Engine], Found]) -> None:
        self.endpoint, self.question = endpoint, question
        self.engine: Engine | None = None

    def __call__(self) -> Found:
        with open_engine(self.endpoint, SECONDS, CONNECT_SECONDS) as engine:
            self.engine = engine
            return self.question(engine)

    def give_up(self) -> None:
        if self.engine is not None:
            self.engine.abort()


def ask(host: Host, question: Callable[[Engine], Found]) -> Answer[Found]:
    """Return the engine's answer, or a sentence after five seconds at most.

    A host that the watcher knows to be away is not asked at all.
    """
    if host.state in {HostState.UNREACHABLE, HostState.DISABLED}:
        return Answer(problem=away_words(host))
    try:
        call = _Call(Endpoint(**host.endpoint_fields()), question)
    except SecretLost as error:
        return Answer(problem=str(error))
    return _wait(host, call)


def _wait(host: Host, call: _Call[Found]) -> Answer[Found]:
    try:
        return Answer(PLACES.call(host.id, call, SECONDS))
    except NotAsked as error:
        return Answer(problem=not_asked_words(host.name, error))
    except TimeoutError:
        call.give_up()
        return Answer(problem=silent_words(host.name, SECONDS))
    except EngineError as error:
        said = {"host": host.name, "why": str(error)}
        lasting = isinstance(error, NotFound | Conflict)
        return Answer(problem=_("%(host)s: %(why)s") % said, raw=error.raw, lasting=lasting)


def silent_words(host: str, seconds: float) -> str:
    """Say that a host was asked and did not answer."""
    said = {"host": host, "seconds": seconds}
    return _("%(host)s did not answer within %(seconds)d s. Try again.") % said


def not_asked_words(host: str, error: NotAsked) -> str:
    """Say that a host was not asked, because of itself or of others."""
    said = {"host": host}
    if error.busy:
        return _("%(host)s is busy: it has yet to answer earlier questions. Try again.") % said
    return _("%(host)s was not asked: too many other hosts are slow just now. Try again.") % said


def away_words(host: Host) -> str:
    """Say that a host cannot be asked now, and why."""
    if host.state == HostState.DISABLED:
        return _("%(host)s is switched off, so it cannot be asked.") % {"host": host.name}
    said = {"host": host.name, "why": host.state_message}
    return _("%(host)s cannot be asked now. %(why)s") % said
