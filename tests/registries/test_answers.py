"""Answers of registries: limits, pages, errors, challenges; by small servers that say anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fleet.registries.challenge import choose, parse_challenges
from fleet.registries.client import RegistryClient, open_registry
from fleet.registries.errors import RegistryError
from fleet.registries.limits import retry_after
from fleet.registries.signing import is_anonymous
from fleet.registries.target import RegistryTarget
from fleet.registries.types import OCI_MANIFEST, RateLimit
from tests.httpd import Asked, Reply, serve

JSON = {"Content-Type": "application/json"}
SHA = "sha256:" + "ab" * 32
Call = Callable[[RegistryClient], object]


def ask(reply: Reply | Callable[[Asked], Reply], call: Call) -> object:
    """What a call comes to with a registry that answers like this."""
    answering = (lambda _: reply) if isinstance(reply, Reply) else reply
    with serve(answering) as server:
        target = RegistryTarget(server.url, insecure=True)
        with open_registry(target) as registry:
            return call(registry)


def fails(reply: Reply | Callable[[Asked], Reply], call: Call) -> RegistryError:
    with pytest.raises(RegistryError) as failed:
        ask(reply, call)
    assert str(failed.value)
    return failed.value


def errors(code: str, message: str = "said so") -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def manifest(registry: RegistryClient) -> object:
    return registry.manifest("a/b", "1")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(200, b"<html>hello", {"Content-Type": "text/html"}), "not_a_registry"),
        (Reply(200, b"hello"), "not_a_registry"),
        (Reply(200, b"[]", JSON), "not_a_registry"),
        (Reply(404, b"<html>", {"Content-Type": "text/html"}), "not_a_registry"),
        (Reply(404, b""), "not_a_registry"),
        (Reply(403, errors("DENIED"), JSON), "denied"),
        (Reply(429, b""), "rate_limited"),
        (Reply(500, b"oops"), "registry_error"),
        (Reply(503, b"<html>", {"Content-Type": "text/html"}), "registry_error"),
        (Reply(302, b"", {"Location": "/v2/"}), "too_many_redirects"),
        (Reply(304, b""), "bad_answer"),
    ],
)
def test_a_front_door_that_is_none_is_told(reply: Reply, code: str) -> None:
    assert fails(reply, RegistryClient.ping).code == code


@pytest.mark.parametrize(
    "reply",
    [Reply(200, b""), Reply(200, b"{}", JSON), Reply(200, b"true"[:0], {"X": "y"}),
     Reply(200, b"x", {"Docker-Distribution-Api-Version": "registry/2.0"})],
)  # fmt: skip
def test_a_front_door_is_known(reply: Reply) -> None:
    assert ask(reply, RegistryClient.ping)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(404, errors("MANIFEST_UNKNOWN"), JSON), "not_found"),
        (Reply(404, errors("NAME_UNKNOWN"), JSON), "not_found"),
        (Reply(400, errors("NAME_UNKNOWN"), JSON), "not_found"),
        (Reply(404, b"nope"), "not_found"),
        (Reply(404, b"<h1>", {"Content-Type": "text/html"}), "not_a_registry"),
        (Reply(403, b""), "denied"),
        (Reply(400, errors("TAG_INVALID"), JSON), "invalid"),
        (Reply(400, errors("TOOMANYREQUESTS"), JSON), "rate_limited"),
        (Reply(200, b"x" * 5_000_000), "too_large"),
        (Reply(200, b"{", JSON), "bad_answer"),
        (Reply(400, b"[" * 99_999, JSON), "invalid"),
        (Reply(400, b'{"errors": [5, {"code": 7}]}', JSON), "invalid"),
    ],
)
def test_what_went_wrong_with_an_image_is_told(reply: Reply, code: str) -> None:
    assert fails(reply, manifest).code == code


def test_what_the_registry_said_is_kept_as_a_detail() -> None:
    error = fails(Reply(403, errors("DENIED", "bad\x00\n\x1b[1mword"), JSON), manifest)
    assert "DENIED: bad" in error.raw
    assert error.raw.isprintable() or "\ufffd" in error.raw
    assert "\x00" not in error.raw


def test_another_content_than_the_digest_says_is_refused() -> None:
    body = b'{"schemaVersion": 2, "layers": [], "config": {}}'
    lie = Reply(200, body, {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": SHA})
    assert fails(lie, lambda r: r.manifest("a/b", SHA)).code == "wrong_digest"
    assert fails(lie, lambda r: r.config("a/b", SHA)).code == "wrong_digest"
    found = ask(lie, manifest)
    assert getattr(found, "digest", SHA) != SHA


@pytest.mark.parametrize("status", [200, 400, 405])
def test_a_registry_without_head_is_asked_for_all_of_it(status: int) -> None:
    body = b'{"schemaVersion": 2, "layers": [], "config": {}}'

    def answer(asked: Asked) -> Reply:
        return Reply(status) if asked.method == "HEAD" else Reply(200, body, JSON)

    assert str(ask(answer, lambda r: r.head("a/b", "1"))).startswith("sha256:")


class TestLimits:
    """How often one may ask."""

    def test_the_limits_of_the_hub_are_kept(self) -> None:
        told = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600",
                "Docker-Content-Digest": SHA}  # fmt: skip

        def call(registry: RegistryClient) -> RateLimit | None:
            assert registry.head("a/b", "1") == SHA
            return registry.rate_limit

        assert ask(Reply(200, b"", told), call) == RateLimit(100, 76, 21600)
        odd = {**told, "RateLimit-Limit": "many"}
        assert ask(Reply(200, b"", odd), call) is None

    def test_the_wait_is_told_in_words(self) -> None:
        error = fails(Reply(429, errors("TOOMANYREQUESTS"), {"Retry-After": "90"}), manifest)
        assert (error.code, error.retry_after, error.permanent) == ("rate_limited", 90, False)
        assert "in 2 minutes" in str(error)

    def test_the_wait_is_a_number_or_a_date(self) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=100)
        assert 90 <= retry_after(format_datetime(soon)) <= 100
        assert retry_after(format_datetime(soon - timedelta(days=1))) == 0
        assert retry_after("9" * 50) == 7 * 86400
        for odd in ("", "soon", "-5", "Fri, 99 Foo", "²"):
            assert retry_after(odd) == 0


class TestPages:
    """How lists go on."""

    def test_a_link_never_leads_elsewhere(self) -> None:
        link = {"Link": '<http://169.254.169.254/x?last=c&n=2>; rel="next"', **JSON}
        asked: list[Asked] = []

        def answer(request: Asked) -> Reply:
            asked.append(request)
            return Reply(200, b'{"repositories": ["a", "c"]}', link)

        def call(registry: RegistryClient) -> None:
            page = registry.repositories(count=2)
            assert page.after == "c"
            registry.repositories(page.after, 2)

        ask(answer, call)
        assert [request.target for request in asked] == [
            "/v2/_catalog?n=2", "/v2/_catalog?n=2&last=c",
        ]  # fmt: skip

    def test_a_registry_that_counts_otherwise_is_asked_its_way(self) -> None:
        def answer(asked: Asked) -> Reply:
            first = "next_page" not in asked.query
            link = {"Link": '</v2/a/tags/list?n=1&next_page=tok%3D>; rel="next"'} if first else {}
            return Reply(200, b'{"tags": ["1"]}' if first else b'{"tags": ["2"]}', {**JSON, **link})

        def call(registry: RegistryClient) -> tuple[str, ...]:
            page = registry.tags("a", count=1)
            assert page.after == "?n=1&next_page=tok%3D"
            last = registry.tags("a", page.after, 1)
            assert last.after == ""
            return page.tags + last.tags

        assert ask(answer, call) == ("1", "2")

    def test_a_registry_without_pages_is_cut_into_some(self) -> None:
        everything = Reply(200, json.dumps({"tags": [str(n) for n in range(7)]}).encode(), JSON)

        def call(registry: RegistryClient) -> list[str]:
            seen: list[str] = []
            page = registry.tags("a", count=3)
            while page.after:
                seen += page.tags
                page = registry.tags("a", page.after, 3)
            return [*seen, *page.tags]

        assert ask(everything, call) == [str(n) for n in range(7)]

    @pytest.mark.parametrize("body", [b"{}", b'{"tags": null}', b'{"tags": "x"}', b'{"tags": [5]}'])
    def test_no_tags_are_none(self, body: bytes) -> None:
        assert ask(Reply(200, body, JSON), lambda r: r.tags("a").tags) == ()

    def test_a_catalog_that_is_refused_is_told(self) -> None:
        def answer(asked: Asked) -> Reply:
            door = asked.path == "/v2/"
            return Reply(200, b"{}", JSON) if door else Reply(404, b"<p>", {"Content-Type": "html"})

        assert fails(answer, RegistryClient.repositories).code == "catalog_off"
        assert fails(Reply(404, b""), RegistryClient.repositories).code == "not_a_registry"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('Bearer realm="https://a/t",service="s",scope="x:y:pull,push"',
         [("bearer", {"realm": "https://a/t", "service": "s", "scope": "x:y:pull,push"})]),
        ('Basic realm="a, b=c"', [("basic", {"realm": "a, b=c"})]),
        ('Basic realm="a \\" b", Bearer realm=https://x',
         [("basic", {"realm": 'a " b'}), ("bearer", {"realm": "https://x"})]),
        ("Negotiate", [("negotiate", {})]),
        ('BASIC Realm="x" , charset="UTF-8"', [("basic", {"realm": "x", "charset": "UTF-8"})]),
        ("", []),
        (",,,", []),
        ('=?"', []),
    ],
)  # fmt: skip
def test_challenges_are_read(header: str, found: list[tuple[str, dict[str, str]]]) -> None:
    assert [(c.scheme, c.parameters) for c in parse_challenges(header)] == found


def test_a_token_is_chosen_before_a_password() -> None:
    both = choose('Basic realm="x", Bearer realm="https://t"')
    assert both is not None
    assert both.scheme == "bearer"
    assert choose("Negotiate") is None


@pytest.mark.parametrize(
    ("token", "anonymous"),
    [
        ("a.eyJzdWIiOiAiIn0.c", True),
        ("a.eyJzdWIiOiAiKGFub255bW91cykifQ.c", True),
        ("a.eyJzdWIiOiAiYW5uIn0.c", False),
        ("a.e30.c", False),
        ("opaque", False),
        ("a.!!!.c", False),
        ("a.W10.c", False),
        ("..", False),
    ],
)
def test_a_token_for_nobody_is_seen(token: str, anonymous: bool) -> None:
    assert is_anonymous(token) is anonymous
