"""`manage.py watch`: one watcher process; run as many as you like."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from fleet.watch.watcher import Watcher


class Command(BaseCommand):
    """Follow the hosts and keep their rows true, until SIGTERM or Ctrl-C."""

    help = (
        "Follow all hosts, together with the other watchers, and keep their containers' rows true."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Watch until told to stop."""
        if settings.IN_MEMORY:
            raise CommandError("The watcher needs a Redis: set QUAYSIDE_REDIS_URL.")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_watch())


async def _watch() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    await Watcher().run(stop)
