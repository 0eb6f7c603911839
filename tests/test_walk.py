"""Every route, as everybody: who gets what, GET changes nothing, changes need the CSRF token.

What is expected stands in tests/walk_table.py; a route that it does not know fails here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from dashboard.live.topics import STREAMS
from dashboard.live.topics import TOPICS as LIVE
from dashboard.routing import websocket_urlpatterns
from fleet.access import AccessError
from fleet.actor import actor_for
from fleet.models import (
    User,
)
from fleet.tokens import create_token
from tests.walk_people import PEOPLE
from tests.walk_routes import METHODS, ROLES, Route
from tests.walk_table import API, PAGES, ROUTES, SOCKETS, TOPICS
from tests.world import World, world

__all__ = ["world"]

BACKEND = "django.contrib.auth.backends.ModelBackend"
# Pages of libraries: a PUT is a POST to the first two; the others answer all methods alike.
ANY_METHOD = {"accounts/login/", "accounts/logout/", "api/v1/openapi.json", "api/v1/"}
# Where no cookie is looked at: what is not signed is refused, with a CSRF token or without.
SIGNED = {"hooks/<slug:public_id>/"}
# Written for refusals, and as signs of life: everything else a GET must leave alone.
SIGNS = {"fleet.auditentry"}


def client_of(user: User | None, **options: Any) -> Client:
    """Return a browser, signed in unless there is nobody."""
    client = Client(raise_request_exception=False, **options)
    if user is not None:
        client.force_login(user, backend=BACKEND)
    return client


def walk(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Yield every route below some URL patterns."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            assert isinstance(pattern, URLPattern)
            yield route


def address(route: Route, world: World) -> str:
    """Return a route with the world's objects in it."""

    def value(match: re.Match[str]) -> str:
        named = route.fill[match[1]]
        return named[1:] if named.startswith("=") else str(getattr(world, named).pk)

    path = "/" + re.sub(r"<\w+:(\w+)>", value, route.route)
    return f"{path}?{route.query}" if route.query else path


def filled(data: Any, world: World) -> Any:
    """Return data with `{name}` replaced by the ids of the world's objects."""
    if isinstance(data, dict):
        return {key: filled(value, world) for key, value in data.items()}
    if isinstance(data, list):
        return [filled(value, world) for value in data]
    found = re.fullmatch(r"(.*)\{(\w+)\}", data) if isinstance(data, str) else None
    if found is None:
        return data
    pk = getattr(world, found[2]).pk
    return f"{found[1]}{pk}" if found[1] else pk


def ask(client: Client, method: str, route: Route, world: World, **headers: str) -> Any:
    """Send one request as a browser's page, or the API's caller, would."""
    path = address(route, world)
    data = filled(route.data or {}, world)
    if method == "get":
        return client.get(path, **headers)  # type: ignore[arg-type]
    if route.route.startswith("api/"):
        body = json.dumps(data)
        return client.generic(method.upper(), path, body, "application/json", **headers)  # type: ignore[arg-type]
    return client.post(path, data, **headers)  # type: ignore[arg-type]


def everything() -> dict[str, list[Any]]:
    """Return all rows of ours, to see whether anything changed."""
    models = apps.get_app_config("fleet").get_models(include_auto_created=True)
    return {
        model._meta.label_lower: list(model._default_manager.order_by("pk").values_list())
        for model in models
    }


def changed(before: dict[str, list[Any]], *, but: set[str]) -> list[str]:
    """Return the kinds of rows that are not as before."""
    after = everything()
    return [label for label, rows in before.items() if label not in but and rows != after[label]]


@contextmanager
def undone(client: Client) -> Iterator[None]:
    """Undo everything that happens inside, in the database and in the browser."""
    cookies = deepcopy(client.cookies)
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    client.cookies = cookies


def test_it_knows_every_route() -> None:
    known = {route.route for route in ROUTES}
    assert set(walk(get_resolver("config.urls").url_patterns)) == known


@pytest.mark.parametrize("routes", [PAGES, PEOPLE, API], ids=["pages", "people", "api"])
def test_it_answers_everybody_as_it_should(routes: list[Route], world: World) -> None:
    clients = {role: client_of(world.people[role]) for role in ROLES}
    before, wrong = everything(), []
    for route in routes:
        for method, expected in route.methods.items():
            for role, status in zip(ROLES, expected, strict=True):
                with undone(clients[role]):
                    answer = ask(clients[role], method, route, world)
                    if answer.status_code != status:
                        wrong.append(f"{method} {route.route} as {role}: {answer.status_code}")
                    if twice := followed_twice(answer):
                        wrong.append(f"{method} {route.route} as {role} has {twice} twice")
                    if method == "get" or answer.status_code >= 400:
                        kinds = changed(before, but=SIGNS)
                        wrong += (
                            [f"{method} {route.route} as {role} changed {kinds}"] if kinds else []
                        )
    assert not wrong, "\n".join(wrong)


def followed_twice(answer: Any) -> list[str]:
    """Return the topics that a page has twice: only one element can follow each."""
    if "text/html" not in answer.headers.get("Content-Type", ""):
        return []
    counts = Counter(re.findall(r'data-live-topic="([^"]*)"', answer.text))
    return [topic for topic, count in counts.items() if count > 1]


def test_tokens_may_what_their_owners_may(world: World) -> None:
    wrong = []
    owners = {role: world.people[role] for role in ROLES[1:]}
    headers = {role: bearer(owner) for role, owner in owners.items() if owner} | {ROLES[0]: {}}
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    for route in API:
        for method, expected in route.methods.items():
            for role, status in zip(ROLES, expected, strict=True):
                with undone(client):
                    answer = ask(client, method, route, world, **headers[role])
                    if answer.status_code != status:
                        wrong.append(f"{method} {route.route} as {role}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def bearer(user: User) -> dict[str, str]:
    """Return the header with a new token of a user."""
    return {"HTTP_AUTHORIZATION": f"Bearer {create_token(user, 'walk')[1]}"}


def test_it_changes_nothing_without_the_csrf_token(world: World) -> None:
    client = client_of(world.people["administrator"], enforce_csrf_checks=True)
    before, wrong = everything(), []
    for route in ROUTES:
        for method in set(route.methods) - {"get"}:
            answer = ask(client, method, route, world)
            status = 401 if route.route in SIGNED else 403
            if answer.status_code != status or changed(before, but=set()):
                wrong.append(f"{method} {route.route}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_it_takes_no_other_method(world: World) -> None:
    client = client_of(world.people["administrator"])
    before, wrong = everything(), []
    for route in ROUTES:
        taken = {method for same in ROUTES if same.route == route.route for method in same.methods}
        for method in set(METHODS) - taken:
            if route.route in ANY_METHOD:
                continue
            with undone(client):
                answer = getattr(client, method)(address(route, world))
                if answer.status_code != 405 or changed(before, but=SIGNS):
                    wrong.append(f"{method} {route.route}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_it_tells_unknown_from_hidden_by_nothing(world: World) -> None:
    """Whoever may not see an object gets the same answer as for one that is not there."""
    client = client_of(world.people["elsewhere"])
    for path, pk in (
        ("/hosts/{}/", world.host.pk),
        ("/jobs/{}/", world.job.pk),
        ("/containers/{}/restart/", world.container.pk),
        ("/images/{}/", world.image.pk),
        ("/api/v1/images/{}", world.image.pk),
        ("/api/v1/hosts/{}", world.host.pk),
        ("/api/v1/containers/{}", world.container.pk),
    ):
        hidden, missing = client.get(path.format(pk)), client.get(path.format(10**9))
        assert hidden.status_code == missing.status_code == 404
        assert world.host.name not in hidden.content.decode()


def test_it_names_a_removed_container_to_whom_it_was_visible(world: World) -> None:
    gone = address(Route("containers/<int:pk>/", fill={"pk": "container"}), world)
    world.container.delete()
    named = []
    for role in ROLES[1:]:
        answer = client_of(world.people[role]).get(gone)
        missing = client_of(world.people[role]).get(f"/containers/{10**9}/")
        assert answer.status_code == missing.status_code == 404
        named.append("web-1" in answer.content.decode())
        assert named[-1] or answer.content == missing.content
    assert named == [False, True, True, True]


def test_it_knows_every_socket_and_topic() -> None:
    assert {str(pattern.pattern) for pattern in websocket_urlpatterns} == set(SOCKETS)
    assert set(LIVE) | set(STREAMS) == set(TOPICS)


@pytest.mark.parametrize("name", TOPICS)
def test_it_shows_topics_to_whom_it_should(name: str, world: World) -> None:
    args, expected = TOPICS[name]
    query = QueryDict(re.sub(r"\{(\w+)\}", lambda m: str(getattr(world, m[1]).pk), args))
    assert [seen(name, world, role, query) for role in ROLES] == expected.split()


def seen(name: str, world: World, role: str, query: QueryDict) -> str:
    """Return `gone`, or `rows` or `none` for whether the world's objects are in the picture."""
    actor = actor_for(world.people[role])
    try:
        if name in STREAMS:
            STREAMS[name].check(actor, query)
            return "rows"
        snapshot = LIVE[name].load(actor, query)
    except AccessError:
        return "gone"
    drawn = "".join(part.render() for part in snapshot.parts.values())
    return "rows" if "stage-1" in drawn or "web-1" in drawn else "none"
