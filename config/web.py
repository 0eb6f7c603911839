"""The web process: uvicorn with the ASGI application. `python -m config.web`."""

from __future__ import annotations

from config.start import start


def main() -> None:
    """Serve until told to stop."""
    start()
    import uvicorn
    from django.conf import settings

    uvicorn.run(
        "config.asgi:application",
        host=settings.BIND,
        port=settings.PORT,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=1024 * 1024,
        ws_per_message_deflate=False,  # costs more time than it saves here
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # dashboard.requests believes configured proxies only
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
