"""Logs of every process: structlog on top of the standard library, one line an event."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

# They tell each request or task at INFO: too much to read beside what matters.
QUIET = ("asyncssh", "urllib3", "aiohttp.access", "docker", "uvicorn", "celery", "kombu")


def lower_answers(record: logging.LogRecord) -> bool:
    """Make what was refused in words (4xx, a 503 of /healthz) a detail; a filter of logging.

    Whoever asked has the answer, and refusals are in the audit log. What raised stays an error.
    """
    status = getattr(record, "status_code", 0)
    if not 400 <= status < 500 and (status != 503 or record.exc_info):
        return True
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


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
    logging.getLogger("django.request").addFilter(lower_answers)
