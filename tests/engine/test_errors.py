"""Every failure has its code, its sentence, and says whether trying again can help."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl

import pytest

from fleet.engine.errors import (
    SENTENCES,
    BadEndpoint,
    Conflict,
    Denied,
    EngineError,
    Invalid,
    NotFound,
    Unreachable,
    Unsupported,
    Untrusted,
)
from fleet.engine.probe import ADVICE
from fleet.engine.translate import HttpError, from_status, translate


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_it_has_a_sentence_for_every_code(code: str) -> None:
    sentence = str(EngineError(code))
    assert sentence[0].isupper() and sentence.endswith(".")
    assert "!" not in sentence


def test_it_gives_advice_only_for_codes_that_exist() -> None:
    assert set(ADVICE) <= set(SENTENCES)


@pytest.mark.parametrize(
    ("error", "kind", "code", "permanent"),
    [
        (ConnectionRefusedError(111, "x"), Unreachable, "refused", False),
        (TimeoutError(), Unreachable, "timeout", False),
        (OSError(113, "x"), Unreachable, "no_route", False),
        (FileNotFoundError(2, "x"), Unreachable, "socket_missing", False),
        (socket.gaierror(-2, "x"), Unreachable, "name_not_found", False),
        (ConnectionResetError(104, "x"), Unreachable, "disconnected", False),
        (PermissionError(13, "x"), Denied, "permission", True),
        (json.JSONDecodeError("x", "y", 0), Unsupported, "not_docker", True),
        (HttpError(404, "no such"), NotFound, "not_found", True),
        (HttpError(409, "busy"), Conflict, "conflict", True),
        (HttpError(400, "bad"), Invalid, "invalid", True),
        (HttpError(500, "oops"), EngineError, "engine_error", False),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] x"), Untrusted, "plain_http", True),
        (ValueError("odd"), EngineError, "engine_error", False),
    ],
)
def test_it_translates(
    error: Exception, kind: type[EngineError], code: str, permanent: bool
) -> None:
    found = translate(error)
    assert (type(found), found.code, found.permanent) == (kind, code, permanent)


def test_it_finds_the_cause_below_wrappers() -> None:
    try:
        try:
            raise ConnectionRefusedError(111, "refused")
        except OSError as inner:
            raise RuntimeError("wrapped") from inner
    except RuntimeError as outer:
        assert translate(outer).code == "refused"


def test_it_survives_a_circle_of_causes() -> None:
    one, two = ValueError("a"), ValueError("b")
    one.__cause__, two.__cause__ = two, one
    assert translate(one).code == "engine_error"


def test_it_does_not_hide_our_own_mistakes() -> None:
    with pytest.raises(TypeError):
        translate(TypeError("a bug"))


def test_it_keeps_an_engine_error() -> None:
    error = NotFound()
    assert translate(error) is error


@pytest.mark.parametrize(
    ("status", "message", "kind", "code"),
    [
        (500, "Container x is not paused", Conflict, "conflict"),
        (404, "page not found", Unsupported, "not_supported"),
        (404, "No such container: page not found", NotFound, "not_found"),
        (500, "Names must match [a-z]", Invalid, "invalid"),
        (400, "client version 1.51 is too new. Maximum supported", Unsupported, "api_too_old"),
        (400, "client version 1.41 is too old. Minimum supported", Unsupported, "api_too_new"),
        (500, "mkdir /var/lib/docker/x: no space left on device", EngineError, "disk_full"),
        (400, "Client sent an HTTP request to an HTTPS server.", Untrusted, "tls_required"),
    ],
)
def test_it_reads_what_engines_say(
    status: int, message: str, kind: type[EngineError], code: str
) -> None:
    found = from_status(status, message)
    assert (type(found), found.code, found.raw) == (kind, code, message)


def test_it_makes_sentences_of_the_engines_words() -> None:
    ident = "ab" * 32
    found = from_status(409, f"container {ident} is running:\n stop it")
    assert str(found) == "Container abababababab is running: stop it."
    assert str(from_status(502, "<html>Bad gateway</html>")) == str(SENTENCES["engine_error"])


def test_it_bounds_what_it_keeps() -> None:
    found = from_status(500, "x" * 1_000_000)
    assert len(found.raw) <= 2000 and len(str(found)) < 1000


def test_it_names_the_field() -> None:
    assert BadEndpoint("url", "Enter it.").field == "url"


def test_it_translates_asyncio_timeouts() -> None:
    async def late() -> None:
        async with asyncio.timeout(0):
            await asyncio.sleep(1)

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(late())
    assert translate(caught.value).code == "timeout"
