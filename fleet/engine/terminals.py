"""Processes with a terminal: run one more in a container, or look at its main one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fleet.engine.errors import EngineError
from fleet.engine.hijack import Hijacked
from fleet.engine.protocol import container_path
from fleet.engine.raw import as_dict, as_int, as_str

if TYPE_CHECKING:
    from fleet.engine.aio import AsyncEngine

# The engine swallows these keys to detach, and holds back what may be their start: by default
# Ctrl-P, which every shell uses. Nobody types this in a row.
DETACH_KEYS = "ctrl-@,ctrl-_,ctrl-@,ctrl-_"
_EXEC_ID = re.compile(r"[A-Za-z0-9]{1,128}")


@dataclass(frozen=True)
class Size:
    """Of a terminal, in characters."""

    cols: int = 80
    rows: int = 24


@dataclass(frozen=True)
class ExecState:
    """How a process that was run stands."""

    running: bool
    exit_code: int | None


async def create_exec(
    engine: AsyncEngine,
    ref: str,
    command: Sequence[str],
    *,
    user: str = "",
    directory: str = "",
    terminal: bool = True,
) -> str:
    """Prepare a process; its id. Raises ``NotFound``, ``Conflict`` when nothing runs there."""
    body = {
        "AttachStdin": terminal,
        "AttachStdout": terminal,
        "AttachStderr": terminal,
        "Tty": terminal,
        "Cmd": list(command),
        "User": user,
        "WorkingDir": directory,
        "DetachKeys": DETACH_KEYS,
        "Env": ["TERM=xterm-256color"],
    }
    made = as_str(as_dict(await engine.post(container_path(ref, "exec"), body)).get("Id"))
    if not _EXEC_ID.fullmatch(made):
        raise EngineError("engine_error", raw="no id of a process")
    return made


async def start_exec(engine: AsyncEngine, ident: str, size: Size) -> Hijacked:
    """Start a prepared process; its terminal."""
    size_there = [size.rows, size.cols]  # engines before 1.42 know it only by resize_exec
    body = {"Detach": False, "Tty": True, "ConsoleSize": size_there}
    return await engine.hijack(f"/exec/{ident}/start", body)


async def run_exec(engine: AsyncEngine, ident: str) -> None:
    """Start a prepared process without a terminal, and do not wait for it."""
    await engine.post(f"/exec/{ident}/start", {"Detach": True, "Tty": False})


async def exec_state(engine: AsyncEngine, ident: str) -> ExecState:
    """Whether it still runs, and how it ended."""
    said = as_dict(await engine.get(f"/exec/{ident}/json"))
    running, code = bool(said.get("Running")), said.get("ExitCode")
    return ExecState(running, None if running or code is None else as_int(code))


async def resize_exec(engine: AsyncEngine, ident: str, size: Size) -> None:
    """Tell a process how large its terminal is."""
    await engine.post(f"/exec/{ident}/resize?{_size(size)}")


async def attach(engine: AsyncEngine, ref: str, *, typing: bool) -> Hijacked:
    """What a container's main process writes from now on; ``typing``: and its input."""
    wanted = {
        "stream": "1",
        "stdout": "1",
        "stderr": "1",
        "stdin": str(int(typing)),
        "logs": "0",
        "detachKeys": DETACH_KEYS,
    }
    return await engine.hijack(f"{container_path(ref, 'attach')}?{urlencode(wanted)}", {})


async def resize_container(engine: AsyncEngine, ref: str, size: Size) -> None:
    """Tell a container's main process how large its terminal is."""
    await engine.post(f"{container_path(ref, 'resize')}?{_size(size)}")


def _size(size: Size) -> str:
    return urlencode({"h": size.rows, "w": size.cols})
