"""Questions to a registry on behalf of a page that waits: bounded, answered in words, kept a while.

The stored account asks, whoever waits; what was answered is kept for half a minute, so that many
readers are one question. It is kept by the row's revision: a change of the registry forgets it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from django.utils.translation import gettext as _

from fleet.crypto import SecretLost
from fleet.models import Registry
from fleet.outbound.client import Limits
from fleet.registries.client import RegistryClient, open_registry
from fleet.registries.errors import RegistryError
from fleet.registries.reference import InvalidReference
from fleet.registries.target import RegistryTarget
from fleet.selectors.kept import NOTHING, Kept
from fleet.selectors.places import NotAsked, Places

Found = TypeVar("Found")
SECONDS = 5.0
CONNECT_SECONDS = 3.0
# A registry decides how large its answers are, and a reader how many there are of them.
KEPT = Kept(seconds=30, room=32 * 1024 * 1024)
# A silent registry holds a place for five seconds, one that answers for milliseconds.
PLACES = Places(threads=16, each=4, name="registry")
AT_ONCE = 4  # connections of one question that asks for many things


@dataclass(frozen=True)
class Answer(Generic[Found]):
    """What the registry said, or why it did not: a sentence, its code, and its own words (`raw`).

    `raw` may name the account: it is for who may test the registry. The code is one of
    `RegistryError`, or `invalid_name`, `busy`, `secret_lost`.
    """

    value: Found | None = None
    problem: str = ""
    code: str = ""
    raw: str = ""
    retry_after: int = 0


class Asking:
    """Opens connections to one registry that all end at the same time."""

    def __init__(self, target: RegistryTarget, deadline: float) -> None:
        self._target, self._deadline = target, deadline

    def __call__(self) -> AbstractContextManager[RegistryClient]:
        """Return a connection for one thread."""
        left = max(0.1, self._deadline - time.monotonic())
        limits = Limits(connect=CONNECT_SECONDS, read=SECONDS, total=SECONDS, session=left)
        return open_registry(self._target, limits=limits)


def ask(
    registry: Registry,
    key: str,
    question: Callable[[RegistryClient], Found],
    *,
    keep: bool = True,
) -> Answer[Found]:
    """Return the registry's answer, or a sentence after five seconds at most.

    `key` names the question: the same one is not asked again for half a minute.
    """
    kept = kept_answer(registry, key) if keep else None
    if kept is not None:
        return kept

    def work(asking: Asking) -> Found:
        with asking() as client:
            return question(client)

    answer = _asked(registry, work)
    if keep and answer.value is not None:
        _keep(registry, key, answer.value)
    return answer


def kept_answer(registry: Registry, key: str) -> Answer[Any] | None:
    """Return what was answered to the same question a while ago; None when nobody asked."""
    found = KEPT.get(_place(registry, key))
    return None if found is NOTHING else Answer(found)


def ask_many(
    registry: Registry,
    key: str,
    names: Iterable[str],
    question: Callable[[RegistryClient, str], Found],
    *,
    fresh: bool = False,
) -> dict[str, Answer[Found]]:
    """Ask the same about several names, some at once; within five seconds for all of them.

    `fresh`: what was answered before does not do.
    """
    wanted = list(dict.fromkeys(names))
    kept = {name: None if fresh else kept_answer(registry, f"{key}:{name}") for name in wanted}
    open_names = [name for name in wanted if kept[name] is None]
    came: dict[str, Found | Exception] = {}
    whole = _asked(registry, lambda asking: _spread(asking, open_names, question, came))
    for name in open_names:
        said = came.get(name)
        if said is None:  # not reached in time, or nobody was asked at all
            kept[name] = Answer(problem=whole.problem or _silent(registry), code=whole.code)
        elif isinstance(said, Exception):
            kept[name] = _failed(registry, said)
        else:
            kept[name] = Answer(said)
            _keep(registry, f"{key}:{name}", said)
    return {name: answer for name, answer in kept.items() if answer is not None}


def _spread(
    asking: Asking,
    names: list[str],
    question: Callable[[RegistryClient, str], Found],
    came: dict[str, Found | Exception],
) -> bool:
    """Work through names on a few connections; what comes stands in `came` at once."""
    if not names:
        return True
    left: SimpleQueue[str] = SimpleQueue()
    for name in names:
        left.put(name)

    def work() -> None:
        with asking() as client:
            while True:
                try:
                    name = left.get_nowait()
                except Empty:
                    return
                try:
                    came[name] = question(client, name)
                except (RegistryError, InvalidReference) as error:
                    came[name] = error

    with ThreadPoolExecutor(min(AT_ONCE, len(names))) as pool:
        for done in [pool.submit(work) for _name in names[:AT_ONCE]]:
            done.result()
    return True


def _asked(registry: Registry, work: Callable[[Asking], Found]) -> Answer[Found]:
    try:
        target = RegistryTarget(**registry.target_fields())
        asking = Asking(target, time.monotonic() + SECONDS)
        return Answer(PLACES.call(registry.pk, lambda: work(asking), SECONDS))
    except (RegistryError, InvalidReference, SecretLost, NotAsked, TimeoutError) as error:
        return _failed(registry, error)


def _failed(registry: Registry, error: Exception) -> Answer[Any]:
    """Say in words why there is no answer."""
    if isinstance(error, InvalidReference):
        return Answer(problem=str(error), code="invalid_name")
    if isinstance(error, SecretLost):
        return Answer(problem=str(error), code="secret_lost")
    if isinstance(error, NotAsked):
        return Answer(problem=_not_asked(registry, error), code="busy")
    if not isinstance(error, RegistryError) or error.code == "timeout":
        return Answer(problem=_silent(registry), code="timeout")
    said = {"name": registry.name, "why": str(error)}
    problem = _("%(name)s: %(why)s") % said
    return Answer(problem=problem, code=error.code, raw=error.raw, retry_after=error.retry_after)


def _silent(registry: Registry) -> str:
    said = {"name": registry.name, "seconds": SECONDS}
    return _("%(name)s did not answer within %(seconds)d s. Try again.") % said


def _not_asked(registry: Registry, error: NotAsked) -> str:
    said = {"name": registry.name}
    if error.busy:
        return _("%(name)s is busy: it has yet to answer earlier questions. Try again.") % said
    return _("%(name)s was not asked: too many others are slow just now. Try again.") % said


def _place(registry: Registry, key: str) -> str:
    """Where an answer is kept; names in keys may be of any length."""
    hashed = hashlib.sha256(f"{registry.url}\n{key}".encode()).hexdigest()
    return f"registry:{registry.pk}:{registry.revision}:{hashed}"


def _keep(registry: Registry, key: str, value: object) -> None:
    KEPT.put(_place(registry, key), value)
