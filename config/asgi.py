"""The ASGI application: pages, API and WebSockets."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application

from config.logs import setup_logs

setup_logs(settings.LOG_LEVEL)
http = get_asgi_application()

from dashboard.body_limit import BodyLimit  # noqa: E402
from dashboard.intake import Intake  # noqa: E402
from dashboard.routing import websocket_urlpatterns  # noqa: E402
from dashboard.terminal.consumer import TerminalConsumer  # noqa: E402
from dashboard.terminal.door import TicketDoor  # noqa: E402
from dashboard.uploads import body_limit_of  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(Intake(http), body_limit_of),
        "websocket": TicketDoor(
            pages=AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
            ),
            scripts=TerminalConsumer.as_asgi(),
        ),
    }
)
