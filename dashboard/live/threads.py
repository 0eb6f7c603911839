"""Database work of the live pages: in a few threads of its own, never on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.conf import settings
from django.db import close_old_connections
from django.utils import translation

Result = TypeVar("Result")
THREADS = 4
POOL = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="live")


def _work(language: str, work: Callable[..., Result], args: tuple[Any, ...]) -> Result:
    close_old_connections()
    try:
        with translation.override(language or settings.LANGUAGE_CODE):
            return work(*args)
    finally:
        close_old_connections()


async def run(work: Callable[..., Result], *args: Any, language: str = "") -> Result:
    """Return what `work(*args)` returns, called in a thread with a database connection."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(POOL, _work, language, work, args)
