"""Logs of every process: structlog on top of the standard library, one line an event."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

# They tell each request or task at INFO: too much to read beside what matters.
QUIET = ("asyncssh", "urllib3", "aiohttp.access", "docker", "uvicorn", "celery", "kombu")


def setup_logs(level: str, *, colours: bool | None = None) -> None:
    """Send structlog and standard logging to stderr at `level`, as one line an event."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Plain tracebacks: richer ones print local variables, and those may hold secrets.
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty() if colours is None else colours,
        exception_formatter=structlog.dev.plain_traceback,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
