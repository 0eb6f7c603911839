"""The web process: uvicorn with the ASGI application. `python -m config.web`."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from config.start import start

NOT_STARTED = 3  # uvicorn's own exit code
# How long a thread that renders a page may keep the event loop from its streams (Python: 5 ms).
SWITCH_SECONDS = 0.001
CLOSE_SECONDS = 15.0  # uvicorn waits ten for a browser's goodbye


class WebSocket(WebSocketsSansIOProtocol):
    """A socket that ends with us, also where the browser takes nothing any more.

    To close waits until all that was written is taken; a frozen tab's connection lives for ever.
    """

    async def run_asgi(self) -> None:
        """Serve it, then let go of it."""
        await super().run_asgi()
        self._end_soon()

    def keepalive_timeout(self) -> None:
        """Close it, as no ping was answered; the application is told once it is closed."""
        super().keepalive_timeout()
        self._end_soon()

    def _end_soon(self) -> None:
        self.loop.call_later(CLOSE_SECONDS, self.transport.abort)


class Server(uvicorn.Server):
    """uvicorn, which knows nothing of what we run in containers and ends by a signal."""

    async def shutdown(self, sockets: Any = None) -> None:
        """Hang up on terminals, then end as ever."""
        from fleet.terminal.hub import end_terminals

        await end_terminals()
        await super().shutdown(sockets)


def main() -> None:
    """Serve until told to stop."""
    start()
    sys.setswitchinterval(SWITCH_SECONDS)
    from django.conf import settings

    config = uvicorn.Config(
        "config.asgi:application",
        host=settings.BIND,
        port=settings.PORT,
        loop="uvloop",
        http="httptools",
        ws=WebSocket,
        ws_max_size=1024 * 1024,
        ws_per_message_deflate=False,  # costs more time than it saves here
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # dashboard.requests believes configured proxies only
        timeout_graceful_shutdown=3,
    )
    server = Server(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(NOT_STARTED)


if __name__ == "__main__":
    main()
