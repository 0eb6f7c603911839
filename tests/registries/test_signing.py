"""Tokens: a real docker-registry that sends to a token server, and servers that misbehave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from fleet.registries.client import open_registry
from fleet.registries.errors import RegistryError
from fleet.registries.target import RegistryTarget
from tests.httpd import Asked, Reply, Server, serve
from tests.lab.registry import RegistryServer, why_no_registry
from tests.registries.tokens import SERVICE, TokenServer, run_token_registry

OPEN = ["127.0.0.0/8"]  # the token server is at another port than the registry


class Guarded:
    """A registry, its token server, and what was asked there."""

    def __init__(self, registry: RegistryServer, door: Server, tokens: TokenServer) -> None:
        self.registry, self.door, self.tokens = registry, door, tokens

    def target(self, username: str = "", password: str = "") -> RegistryTarget:
        return RegistryTarget(self.registry.url, username, password, insecure=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    if reason := why_no_registry():
        pytest.skip(reason)
    tokens = TokenServer(users={"ann": "pat-1"})
    folder: Path = tmp_path_factory.mktemp("guarded")
    with run_token_registry(folder, tokens) as (registry, door):
        yield Guarded(registry, door, tokens)


@pytest.fixture
def guarded(running: Guarded, settings: Settings) -> Iterator[Guarded]:
    settings.OUTBOUND_ALLOW = OPEN
    running.door.asked.clear()
    yield running
    running.tokens.refuse, running.tokens.lifetime, running.tokens.forgiving = None, 300, False


def code_of(asking: RegistryTarget, call: str = "ping", *arguments: str) -> str:
    with open_registry(asking) as registry, pytest.raises(RegistryError) as failed:
        getattr(registry, call)(*arguments)
    assert str(failed.value)
    return failed.value.code


def test_a_token_is_fetched_once_for_each_scope(guarded: Guarded) -> None:
    with open_registry(guarded.target("ann", "pat-1")) as registry:
        ping = registry.ping()
        assert (ping.scheme, ping.signed_in) == ("bearer", "yes")
        assert registry.repositories().names == ()
        for _ in range(3):
            with pytest.raises(RegistryError) as failed:
                registry.head("team/app", "1")
            assert failed.value.code == "not_found"
    asked = [request.query for request in guarded.door.asked]
    assert [query.get("scope") for query in asked] == [
        None, ["registry:catalog:*"], ["repository:team/app:pull"],
    ]  # fmt: skip
    assert all(query["service"] == [SERVICE] for query in asked)
    assert all(query["account"] == ["ann"] for query in asked)
    assert all(len(request.headers["authorization"]) > 8 for request in guarded.door.asked)


def test_a_token_that_ends_is_fetched_anew(guarded: Guarded) -> None:
    guarded.tokens.lifetime = 3  # less than the margin: over at once
    with open_registry(guarded.target("ann", "pat-1")) as registry:
        for _ in range(2):
            registry.ping()
    assert len(guarded.door.asked) == 2


def test_a_wrong_password_is_told(guarded: Guarded) -> None:
    assert code_of(guarded.target("ann", "wrong")) == "unauthorized"
    guarded.tokens.refuse = Reply(403, b'{"errors": [{"code": "DENIED"}]}')
    assert code_of(guarded.target("ann", "pat-1")) == "unauthorized"


def test_a_wrong_password_with_which_one_is_nobody_is_told(guarded: Guarded) -> None:
    guarded.tokens.forgiving = True
    with open_registry(guarded.target("ann", "wrong")) as registry:
        assert registry.ping().signed_in == "ignored"


def test_nobody_gets_what_is_public(guarded: Guarded) -> None:
    with open_registry(guarded.target()) as registry:
        assert registry.ping().signed_in == "anonymous"
    assert code_of(guarded.target(), "manifest", "public/app", "1") == "not_found"
    assert code_of(guarded.target(), "manifest", "team/app", "1") == "credentials_needed"
    assert code_of(guarded.target(), "repositories") == "catalog_off"


def test_a_door_that_gives_nobody_a_token_is_no_failure(guarded: Guarded) -> None:
    guarded.tokens.refuse = Reply(401, b"{}")
    with open_registry(guarded.target()) as registry:
        ping = registry.ping()
    assert (ping.api_version, ping.scheme, ping.signed_in) == (
        "registry/2.0", "bearer", "unknown",
    )  # fmt: skip
    assert code_of(guarded.target(), "manifest", "public/app", "1") == "credentials_needed"


def test_the_scope_of_an_example_is_not_asked_for(settings: Settings) -> None:
    """GHCR answers at its door with the scope of a made-up image, which nobody may have."""
    settings.OUTBOUND_ALLOW = OPEN
    told = 'Bearer realm="{}/token",service="s",scope="repository:user/image:pull"'

    def answer(asked: Asked) -> Reply:
        if asked.path == "/token":
            return Reply(403 if "scope" in asked.query else 200, b'{"token": "t"}')
        if "authorization" in asked.headers:
            return Reply(200, b"{}", {"Content-Type": "application/json"})
        return Reply(401, b"", {"WWW-Authenticate": told.format(server.url)})

    with serve(answer) as server:
        target = RegistryTarget(server.url, "ann", "pat", insecure=True)
        with open_registry(target) as registry:
            assert registry.ping().signed_in == "yes"


def test_a_token_server_at_a_private_address_needs_the_setting(
    guarded: Guarded, settings: Settings
) -> None:
    settings.OUTBOUND_ALLOW = []
    asking = guarded.target("ann", "pat-1")
    with open_registry(asking) as registry, pytest.raises(RegistryError) as failed:
        registry.ping()
    assert failed.value.code == "auth_address_refused"
    assert "127.0.0.1" in str(failed.value)
    assert "QUAYSIDE_OUTBOUND_ALLOW" in str(failed.value)
    assert guarded.door.asked == []


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(429, b"", {"Retry-After": "90"}), "rate_limited"),
        (Reply(500, b"oops"), "registry_error"),
        (Reply(200, b"not json"), "bad_answer"),
        (Reply(200, b"[]"), "bad_answer"),
        (Reply(200, b"{}"), "bad_answer"),
        (Reply(200, b'{"token": 5}'), "bad_answer"),
        (Reply(200, b'{"token": "a\\r\\nX-Evil: 1"}'), "bad_answer"),
        (Reply(200, b'{"token": "' + b"x" * 70_000 + b'"}'), "too_large"),
        (Reply(404, b"<html>"), "bad_answer"),
        (Reply(200, b'{"access_token": "a.b.c"}'), "denied"),  # the registry does not believe it
    ],
)
def test_a_token_server_that_misbehaves_is_told(guarded: Guarded, reply: Reply, code: str) -> None:
    guarded.tokens.refuse = reply
    assert code_of(guarded.target("ann", "pat-1")) == code


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "auth_unknown"),
        ("Negotiate", "auth_unknown"),
        ('Digest realm="x", nonce="y"', "auth_unknown"),
        ("Bearer", "auth_unknown"),
        ('Bearer realm="ftp://x/y"', "auth_unknown"),
        ('Bearer realm="/token"', "auth_unknown"),
        ('Bearer realm="http://169.254.169.254/token"', "auth_address_refused"),
        ('Bearer realm="https://10.1.2.3/token"', "auth_address_refused"),
        ('Bearer realm="http://u:p@127.0.0.1/"', "bad_url"),
    ],
)
def test_a_challenge_that_leads_astray_is_told(header: str, code: str) -> None:
    reply = Reply(401, b"", {"WWW-Authenticate": header} if header else {})
    with serve(lambda _: reply) as server:
        asking = RegistryTarget(server.url, "ann", "secret", insecure=True)
        assert code_of(asking) == code
        assert all("authorization" not in asked.headers for asked in server.asked)


def test_a_password_goes_to_nobody_by_plain_http_unless_all_is_insecure() -> None:
    from fleet.outbound.client import OutboundClient
    from fleet.registries.signing import Signer

    with OutboundClient() as http:
        signer = Signer(RegistryTarget("https://r.example", "ann", "secret"), http)
        with pytest.raises(RegistryError) as failed:
            signer.answer('Bearer realm="http://auth.example/token"', "")
    assert failed.value.code == "auth_unknown"


def test_a_password_is_not_given_where_a_redirect_leads(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = OPEN
    basic = Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
    with serve(lambda _: basic) as thief:

        def lead(asked: Asked) -> Reply:
            return Reply(307, b"", {"Location": f"{thief.url}{asked.path}"})

        with serve(lead) as server:
            asking = RegistryTarget(server.url, "ann", "secret", insecure=True)
            assert code_of(asking) == "moved"
    assert len(thief.asked) == 1
    assert "authorization" not in thief.asked[0].headers


def test_a_wrong_password_is_told_by_who_asks_nobody() -> None:
    """A proxy that lets everybody read may still refuse who comes with a wrong password."""

    def answer(asked: Asked) -> Reply:
        wrong = "authorization" in asked.headers
        return Reply(401 if wrong else 200, b"{}", {"Content-Type": "application/json"})

    with serve(answer) as server:
        assert code_of(RegistryTarget(server.url, "ann", "wrong", insecure=True)) == "unauthorized"
