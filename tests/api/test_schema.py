"""schemathesis over the OpenAPI schema: no 5xx, and answers as the schema says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from dashboard.api import api
from fleet.models import Container, User
from fleet.registries.hub import HubPage
from fleet.tokens import create_token

schema = schemathesis.openapi.from_dict(api.get_openapi_schema())
schema.app = get_wsgi_application()


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """Keep the test's own connection open over requests, as Django's test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def secret(
    kept_connection: None, administrator: User, row: Container, monkeypatch: pytest.MonkeyPatch
) -> str:
    # Nobody is asked: that Docker Hub cannot be reached is no fault of ours.
    nothing = HubPage((), 1, 0, more=False)
    monkeypatch.setattr("fleet.selectors.hub_search.search_hub", lambda words, page: nothing)
    return create_token(administrator, "schemathesis")[1]


@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_it_answers_as_the_schema_says(case: Any, secret: str) -> None:
    case.call_and_validate(
        headers={"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"},
        checks=[not_a_server_error, response_schema_conformance],
    )


def test_it_says_of_every_route_what_it_does() -> None:
    """Each has a summary of its own and a description."""
    paths = api.get_openapi_schema()["paths"]
    routes = [route for methods in paths.values() for route in methods.values()]
    summaries = [route["summary"] for route in routes]
    assert sorted(set(summaries)) == sorted(summaries)
    assert all(route.get("description") for route in routes)
