"""The one list of operations: pages, API, audit and the permission tests read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.utils.functional import Promise
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from fleet.actor import Actor
    from fleet.jobs.work import Work
    from fleet.models import Job

Text = str | Promise


class Params(BaseModel):
    """Parameters of an operation: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked for.

    With `run` it is a job (a worker calls `run`, on `queue`); without, it is done at once by a
    function of its noun's module, and listed here for its permission and its words.
    """

    name: str  # container.restart; also the permission, unless `needs` names another
    target: Literal[
        "container", "host", "environment", "people", "fleet", "image", "registry", "build"
    ]
    verb: Text  # Restart
    doing: Text  # Restarting %(target)s
    done: Text  # Restarted %(target)s
    sentence: Text  # what it does, for people: shown in previews, the API docs and the audit
    icon: str = "circle"
    params: type[Params] = Params
    repeatable: bool = False  # running it twice does what running it once does
    destructive: bool = False
    asks: bool = False  # is confirmed in a dialog, although it destroys nothing
    # Brings to an end what an earlier attempt of a repeatable one had begun, also of a job that was
    # cancelled since; how things are then, in words. Raises NothingToDo when that was all.
    settles: Callable[[Work], str] | None = None
    left: Callable[[Job], str] | None = None  # what to do when nobody could, in words
    queue: Literal["control", "transfer"] = "control"
    run: Callable[[Work], None] | None = None
    # States in which it makes sense; empty: always. A page offers it only then.
    states: frozenset[str] = frozenset()
    # The parameter that says what it is about, where the target only says where: an image, or
    # one of its names. Empty in a job: the target itself.
    about: str = ""
    unsaid: frozenset[str] = frozenset()  # parameters that say nothing to people
    needs: str = ""  # the permission, where it is not the operation's own name
    # What else who asks must be allowed, on this target; raises Refused. One target at a time.
    allowed: Callable[[Actor, Any], None] | None = None
    # What else is written with a new job on a target, in its transaction. One target at a time.
    written: Callable[[Job, Any], None] | None = None
    # What else the actor needs, by the parameters. Raises Unknown, Refused or Invalid.
    checked: Callable[[Actor, dict[str, Any]], None] | None = None
    # Why a host or container is left out when it is asked for on many, in words; empty: it is not.
    unfit: Callable[[Any, dict[str, Any]], str] | None = None
    # Whether an open job of the same parameters does what is asked for now; without: it does.
    # One target at a time.
    same: Callable[[Job, Any], bool] | None = None
    # Why nobody can have it done just now, in words; "" when it can be. Asked before a job is made.
    missing: Callable[[], str] | None = None

    @property
    def permission(self) -> str:
        """The permission that guards it."""
        return self.needs or self.name

    @property
    def asks_first(self) -> bool:
        """Whether there is something to confirm or to fill in before it can be done."""
        needed = any(info.is_required() for info in self.params.model_fields.values())
        return self.asks or self.destructive or needed

    @property
    def slug(self) -> str:
        """The last part of its name, as it stands in addresses."""
        return self.name.split(".", 1)[1]


REGISTRY: dict[str, Operation] = {}
ONE_AT_A_TIME = ("allowed", "written", "same")  # who asks for many targets calls none of these


def register(operation: Operation) -> Operation:
    """Add an operation to the list.

    Raises ValueError for a second one of that name, and for a hook that would be passed over.
    """
    from fleet.permissions import PERMISSIONS

    if operation.name in REGISTRY or operation.permission not in PERMISSIONS:
        raise ValueError(f"{operation.name} is registered twice or has no permission")
    on_many = operation.target in ("container", "host")
    dead = [name for name in ONE_AT_A_TIME if on_many and getattr(operation, name)]
    if operation.unfit and not on_many:
        dead.append("unfit")
    if dead:
        raise ValueError(f"{operation.name}: {', '.join(dead)} would be passed over")
    REGISTRY[operation.name] = operation
    return operation


def permission_for(name: str) -> str:
    """Return the permission that guards an operation, by the operation's name.

    For one that is gone from the list it is its name, as it nearly always was.
    """
    operation = REGISTRY.get(name)
    return operation.permission if operation else name


def operations_on(target: str) -> list[Operation]:
    """Return the operations on a kind of target, in the order of registration.

    Those that destroy come last, as they stand in menus.
    """
    found = [operation for operation in REGISTRY.values() if operation.target == target]
    return sorted(found, key=lambda operation: operation.destructive)


def words(operation: Operation, target: Any) -> dict[str, str]:
    """Return verb, doing and done with the target's name filled in."""
    fill = {"target": str(target)}
    return {
        "verb": str(operation.verb),
        "doing": str(operation.doing) % fill,
        "done": str(operation.done) % fill,
    }
