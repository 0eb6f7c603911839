"""Nobody fills our disk with one request."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from config.asgi import application
from dashboard.body_limit import LIMIT
from dashboard.uploads import HOOK_BYTES

COMMUNICATOR: Any = ApplicationCommunicator  # it has no types
CHUNK = b"x" * (1024 * 1024)
pytestmark = pytest.mark.django_db(transaction=True)


def request(path: str = "/accounts/login/", **headers: str) -> Any:
    """Return a request to a page that takes what strangers send."""
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *named],
        "client": ["127.0.0.1", 5000],
    }
    return COMMUNICATOR(application, scope)


async def status_of(asked: Any) -> int:
    """Return the status of the answer."""
    answer = await asked.receive_output(10)
    assert answer["type"] == "http.response.start"
    return int(answer["status"])


async def test_it_refuses_what_is_announced_too_large() -> None:
    asked = request(**{"content-length": str(LIMIT + 1)})
    assert await status_of(asked) == 413


async def test_it_stops_reading_what_was_not_announced() -> None:
    asked = request(**{"content-type": "multipart/form-data; boundary=x"})
    for _ in range(LIMIT // len(CHUNK) + 1):
        await asked.send_input({"type": "http.request", "body": CHUNK, "more_body": True})
    assert await status_of(asked) == 413


@pytest.mark.parametrize(("size", "status"), [(4_000_000, 401), (HOOK_BYTES + 1, 413)])
async def test_a_webhook_takes_a_push_of_many_commits(size: int, status: int) -> None:
    asked = request("/hooks/nobodys/", **{"content-length": str(size)})
    body = b"x" * size if status == 401 else b""
    await asked.send_input({"type": "http.request", "body": body, "more_body": False})
    assert await status_of(asked) == status


async def test_it_lets_usual_forms_pass() -> None:
    asked = request(**{"content-type": "application/x-www-form-urlencoded"})
    await asked.send_input({"type": "http.request", "body": b"login=nobody", "more_body": False})
    assert await status_of(asked) == 403  # it lacks the CSRF token
