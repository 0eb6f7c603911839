"""What can be done to a container. Each is a job; `run` is called by a worker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import AfterValidator, Field

from fleet.engine.raw import ALIVE
from fleet.operations.registry import Operation, Params, register

if TYPE_CHECKING:
    from fleet.jobs.work import Work

DOWN = frozenset({"created", "exited", "dead"})
NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+\Z")  # the engine's own rule


def _check_name(value: str) -> str:
    if not NAME.match(value):
        raise ValueError(
            _(
                "Use at least two characters: letters, digits, underscores, dots and dashes;"
                " begin with a letter or digit."
            )
        )
    return value


class StopParams(Params):
    """How long the container gets to stop by itself, in seconds."""

    timeout: Annotated[int, Field(ge=0, le=600)] = 10


class KillParams(Params):
    """The signal to send."""

    signal: Literal[
        "SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGABRT",
        "SIGSTOP", "SIGCONT", "SIGWINCH",
    ] = "SIGKILL"  # fmt: skip


class RenameParams(Params):
    """The new name."""

    name: Annotated[str, Field(max_length=128), AfterValidator(_check_name)]


class RemoveParams(Params):
    """`force` kills it first; `volumes` removes its anonymous volumes too."""

    force: bool = False
    volumes: bool = False


def _start(work: Work) -> None:
    if not work.engine.start(work.engine_id):
        work.report.line(_("It was running already."))


def _stop(work: Work) -> None:
    timeout = work.params_as(StopParams).timeout
    if not work.engine.stop(work.engine_id, timeout=timeout):
        work.report.line(_("It was stopped already."))


def _restart(work: Work) -> None:
    work.engine.restart(work.engine_id, timeout=work.params_as(StopParams).timeout)


def _kill(work: Work) -> None:
    work.engine.kill(work.engine_id, signal=work.params_as(KillParams).signal)


def _pause(work: Work) -> None:
    work.engine.pause(work.engine_id)


def _unpause(work: Work) -> None:
    work.engine.unpause(work.engine_id)


def _rename(work: Work) -> None:
    work.engine.rename(work.engine_id, work.params_as(RenameParams).name)


def _remove(work: Work) -> None:
    params = work.params_as(RemoveParams)
    work.engine.remove(work.engine_id, force=params.force, volumes=params.volumes)


START = register(
    Operation(
        name="container.start",
        target="container",
        verb=gettext_lazy("Start"),
        doing=gettext_lazy("Starting %(target)s"),
        done=gettext_lazy("Started %(target)s"),
        sentence=gettext_lazy("Starts a container that is not running."),
        icon="player-play",
        repeatable=True,
        states=DOWN,
        run=_start,
    )
)
STOP = register(
    Operation(
        name="container.stop",
        target="container",
        verb=gettext_lazy("Stop"),
        doing=gettext_lazy("Stopping %(target)s"),
        done=gettext_lazy("Stopped %(target)s"),
        sentence=gettext_lazy("Asks the container to stop, and kills it when the time is over."),
        icon="player-stop",
        params=StopParams,
        repeatable=True,
        states=ALIVE,
        run=_stop,
    )
)
RESTART = register(
    Operation(
        name="container.restart",
        target="container",
        verb=gettext_lazy("Restart"),
        doing=gettext_lazy("Restarting %(target)s"),
        done=gettext_lazy("Restarted %(target)s"),
        sentence=gettext_lazy("Stops the container and starts it again."),
        icon="refresh",
        params=StopParams,
        repeatable=True,
        run=_restart,
    )
)
KILL = register(
    Operation(
        name="container.kill",
        target="container",
        verb=gettext_lazy("Kill"),
        doing=gettext_lazy("Killing %(target)s"),
        done=gettext_lazy("Killed %(target)s"),
        sentence=gettext_lazy("Sends a signal to the container's first process."),
        icon="skull",
        params=KillParams,
        destructive=True,
        states=ALIVE,
        run=_kill,
    )
)
PAUSE = register(
    Operation(
        name="container.pause",
        target="container",
        verb=gettext_lazy("Pause"),
        doing=gettext_lazy("Pausing %(target)s"),
        done=gettext_lazy("Paused %(target)s"),
        sentence=gettext_lazy("Freezes all processes of the container."),
        icon="player-pause",
        states=frozenset({"running"}),
        run=_pause,
    )
)
UNPAUSE = register(
    Operation(
        name="container.unpause",
        target="container",
        verb=gettext_lazy("Unpause"),
        doing=gettext_lazy("Unpausing %(target)s"),
        done=gettext_lazy("Unpaused %(target)s"),
        sentence=gettext_lazy("Lets a paused container go on."),
        icon="player-track-next",
        states=frozenset({"paused"}),
        run=_unpause,
    )
)
RENAME = register(
    Operation(
        name="container.rename",
        target="container",
        verb=gettext_lazy("Rename"),
        doing=gettext_lazy("Renaming %(target)s"),
        done=gettext_lazy("Renamed %(target)s"),
        sentence=gettext_lazy("Gives the container another name."),
        icon="pencil",
        params=RenameParams,
        repeatable=False,
        run=_rename,
    )
)
REMOVE = register(
    Operation(
        name="container.remove",
        target="container",
        verb=gettext_lazy("Remove"),
        doing=gettext_lazy("Removing %(target)s"),
        done=gettext_lazy("Removed %(target)s"),
        sentence=gettext_lazy(
            "Removes the container and everything written in it outside of volumes."
        ),
        icon="trash",
        params=RemoveParams,
        destructive=True,
        run=_remove,
    )
)
