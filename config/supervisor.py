"""supervisord for `make run`, which leaves nothing running behind a parent that was killed.

`python -P config/supervisor.py PARENT CONFIG`, run by its path: it needs nothing of the project.

- When config.run dies, even by kill -9, this ends as by Ctrl-C.
- When this dies, its processes do, at once: nobody is left to end those that hang.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from supervisor import loggers, supervisord
from supervisor.options import ServerOptions

PR_SET_PDEATHSIG = 1


def end_with_parent(sign: int, parent: int) -> None:
    """Have the kernel send `sign` to this process when `parent` dies, or end if it is dead."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sign)
    if os.getppid() != parent:
        os._exit(1)


class Options(ServerOptions):  # type: ignore[misc]
    """What supervisord asks of the system, with two differences."""

    supervisor = os.getpid()

    def execve(self, filename: str, argv: list[str], env: dict[str, str]) -> None:
        """Become one of the processes."""
        end_with_parent(signal.SIGKILL, self.supervisor)
        super().execve(filename, argv, env)

    def cleanup_fds(self) -> None:
        """Keep the lock of the data folder, which config.run hands down, until the end."""


def main() -> None:
    """Run until it is told to end."""
    end_with_parent(signal.SIGTERM, int(sys.argv[1]))
    # Without a parent nobody reads what is said, and what cannot be said must not end it early.
    loggers.Handler.handleError = lambda _handler: None
    supervisord.ServerOptions = Options
    supervisord.main(["-c", sys.argv[2]])


if __name__ == "__main__":
    main()
