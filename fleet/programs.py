"""Programs of others that workers run: without a shell, in a folder of their own, and bounded."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 0.2
END_SECONDS = 3.0
SAID_BYTES = 4000  # of what it said on stderr: the last words count


class ProgramSlow(Exception):
    """It took longer than it may, and was ended."""


@dataclass(frozen=True)
class Finished:
    """How it ended: its exit code, the file with what it printed, and its last words."""

    code: int
    printed: Path
    said: str

    def text(self, limit: int) -> str:
        """Return what it printed, up to so many bytes."""
        with self.printed.open("rb") as data:
            return data.read(limit).decode("utf-8", "surrogateescape")


def find_program(name: str, setting: str = "") -> str:
    """Return a program's path, by the setting if that names one, else by PATH; "" for none."""
    return shutil.which(setting or name) or ""


def plain_environment(folder: Path) -> dict[str, str]:
    """Nothing of ours but PATH; what a program keeps, it keeps in the folder."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LC_ALL": "C.UTF-8",
    }


def run_program(
    argv: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str],
    seconds: float,
    place: Path | None = None,
    look: Callable[[], None] = lambda: None,
) -> Finished:
    """Run a program in `place`; what it prints goes to files in `folder`, which is only ours.

    `look` is called while it runs; what it raises ends the program, with all it has started, as
    does the time. Raises ProgramSlow, or OSError when it cannot be started.
    """
    printed, said = folder / "out", folder / "err"
    with printed.open("wb") as out, said.open("wb") as err:
        process = subprocess.Popen(
            list(argv),
            cwd=place or folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            _wait(process, seconds, look)
        finally:
            end_program(process)
    return Finished(process.returncode, printed, _last_words(said))


def _wait(process: subprocess.Popen[bytes], seconds: float, look: Callable[[], None]) -> None:
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)
            return
        look()
        if time.monotonic() > until:
            raise ProgramSlow


def end_program(process: subprocess.Popen[bytes]) -> None:
    """Make sure that a program, which leads a session, and what it has started are gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)


def _last_words(said: Path) -> str:
    with said.open("rb") as data:
        data.seek(max(0, said.stat().st_size - SAID_BYTES))
        return data.read().decode(errors="replace").strip()
