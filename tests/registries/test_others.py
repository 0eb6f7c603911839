"""Registries that are none of Distribution's: what each does in its own way, on a real socket."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from pytest_django import Settings

from fleet.registries.client import open_registry
from fleet.registries.errors import RegistryError
from fleet.registries.probe import probe
from fleet.registries.target import RegistryTarget
from tests.httpd import Asked, Reply, Server, serve

JSON = {"Content-Type": "application/json"}


def body(status: int = 200, /, **fields: object) -> Reply:
    return Reply(status, json.dumps(fields).encode(), JSON)


def refusal(status: int, code: str, message: str = "") -> Reply:
    return body(status, errors=[{"code": code, "message": message}])


@dataclass
class Registry:
    """Gives tokens by `token`, and answers who has one, or not, by `answer`."""

    token: Callable[[str, str], Reply]  # who, scope
    answer: Callable[[Asked, str], Reply | None]  # asked, token; None: sign in first
    scope: str = ""  # what it says that one needs
    scopes: list[str] = field(default_factory=list)
    server: Server | None = None

    def __call__(self, asked: Asked) -> Reply:
        assert self.server is not None
        if asked.path == "/token":
            scope = " ".join(asked.query.get("scope", []))
            self.scopes.append(scope)
            who = asked.query.get("account", [""])[0] if "authorization" in asked.headers else ""
            return self.token(who, scope)
        given = asked.headers.get("authorization", "").removeprefix("Bearer ")
        told = f',scope="{self.scope}"' if self.scope else ""
        realm = f'Bearer realm="{self.server.url}/token",service="s"{told}'
        return self.answer(asked, given) or Reply(401, b"", {"WWW-Authenticate": realm})


@pytest.fixture
def run(settings: Settings) -> Iterator[Callable[[Registry, str], RegistryTarget]]:
    """run(registry, user) -> where it is."""
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    running = []

    def start(registry: Registry, user: str = "ann") -> RegistryTarget:
        context = serve(registry)
        registry.server = context.__enter__()
        running.append(context)
        url = registry.server.url
        return RegistryTarget(url, user, "pat" if user else "", insecure=True)

    yield start
    for context in running:
        context.__exit__(None, None, None)


def code_of(asking: RegistryTarget, call: str, *arguments: str) -> str:
    with open_registry(asking) as registry, pytest.raises(RegistryError) as failed:
        getattr(registry, call)(*arguments)
    return failed.value.code


Run = Callable[..., RegistryTarget]


class TestQuay:
    """Lists what is public to anybody; its token server knows the scopes of repositories only."""

    @staticmethod
    def make(public: bool = True) -> Registry:
        def token(who: str, scope: str) -> Reply:
            if scope.startswith("registry:"):
                return refusal(400, "INVALID_REQUEST", f"Unable to decode: {scope}")
            known = who in ("org+robot", "$oauthtoken")
            return body(token="robots") if known else refusal(401, "UNAUTHORIZED")

        def answer(asked: Asked, given: str) -> Reply | None:
            if given == "robots":
                return body(repositories=["org/private", "org/public"])
            if asked.path == "/v2/_catalog" and public:
                return body(repositories=["org/public"])
            return None

        return Registry(token, answer)

    @pytest.mark.parametrize("public", [True, False])
    @pytest.mark.parametrize("user", ["org+robot", "$oauthtoken"])
    def test_what_is_ones_own_is_listed(self, user: str, public: bool, run: Run) -> None:
        with open_registry(run(self.make(public), user)) as registry:
            for _ in range(2):
                assert registry.repositories().names == ("org/private", "org/public")

    def test_nobody_gets_what_is_public(self, run: Run) -> None:
        with open_registry(run(self.make(), "")) as registry:
            assert registry.repositories().names == ("org/public",)

    def test_a_wrong_password_is_told(self, run: Run) -> None:
        assert code_of(run(self.make(), "org+gone"), "repositories") == "unauthorized"


class TestGhcr:
    """Answers 403 to who is unknown, and the same to who may not have a repository."""

    @staticmethod
    def make(known: str = "ann") -> Registry:
        def token(who: str, scope: str) -> Reply:
            denied = who != known or "private" in scope
            return refusal(403, "DENIED") if denied else body(token="t")

        def answer(asked: Asked, given: str) -> Reply | None:
            if not given:
                return None
            return refusal(404, "NAME_UNKNOWN") if asked.path != "/v2/" else body()

        return Registry(token, answer)

    def test_an_image_that_one_may_not_see_is_no_wrong_password(self, run: Run) -> None:
        asking = run(self.make())
        assert code_of(asking, "tags", "team/private") == "denied"
        assert code_of(asking, "tags", "team/other") == "not_found"
        assert code_of(run(self.make("other")), "tags", "team/private") == "unauthorized"
        assert code_of(run(self.make(), ""), "tags", "team/private") == "credentials_needed"


def test_a_password_of_ecr_runs_out(run: Run) -> None:
    ended = "Your authorization token has expired. Reauthenticate and try again."

    def answer(asked: Asked, _given: str) -> Reply | None:
        if "authorization" not in asked.headers:
            return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="https://x/",service="ecr"'})
        return refusal(403, "DENIED", ended)

    found = probe(run(Registry(lambda _who, _scope: body(404), answer), "AWS"))
    assert (found.code, found.field) == ("expired", "password")
    assert "twelve hours" in str(found.message)


@pytest.mark.parametrize(
    ("user", "open_door", "code"),
    [("ann", False, "denied"), ("eve", False, "unauthorized"), ("eve", True, "unauthorized")],
)
def test_401_for_what_one_may_not_is_no_wrong_password(
    user: str, open_door: bool, code: str, run: Run
) -> None:
    """As olareg answers with names and passwords."""

    def answer(asked: Asked, _given: str) -> Reply | None:
        pair = base64.b64decode(asked.headers.get("authorization", "")[6:]).decode()
        if asked.path == "/v2/" and (open_door or pair == "ann:pat"):
            return body()
        return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="r"'})

    asking = run(Registry(lambda _who, _scope: body(404), answer), user)
    with open_registry(asking) as registry:
        for _ in range(2):
            with pytest.raises(RegistryError) as failed:
                registry.tags("team/app")
            assert failed.value.code == code


@pytest.mark.parametrize(("links", "asked"), [(False, 6), (True, 4)])
def test_pages_without_links_are_gone_on_with(links: bool, asked: int, run: Run) -> None:
    """A registry need not name the next page when it gave all that was asked for (OCI 1.1)."""
    names = [f"app-{number:02}" for number in range(9)]

    def answer(asked: Asked, _given: str) -> Reply | None:
        count, last = int(asked.query["n"][0]), asked.query.get("last", [""])[0]
        left = [name for name in names if name > last]
        field = "tags" if asked.path.endswith("/list") else "repositories"
        link = f'<{asked.path}?n={count}&last={left[count - 1]}>; rel="next"' if links and len(
            left) > count else ""  # fmt: skip
        made = body(**{field: left[:count]})
        return Reply(200, made.body, {**JSON, **({"Link": link} if link else {})})

    here = Registry(lambda _who, _scope: body(404), answer)
    with open_registry(run(here, "")) as registry:
        page = registry.tags("app", count=3)
        found = [page.tags]
        while page.after:
            page = registry.tags("app", page.after, 3)
            found.append(page.tags)
        assert found == [tuple(names[at : at + 3]) for at in (0, 3, 6)]
        assert here.server is not None
        assert len(here.server.asked) == asked
        assert registry.repositories(count=9).after == ""
        assert registry.repositories(count=8).after == "app-07"


def test_a_token_that_ends_between_pages_is_fetched_anew(run: Run) -> None:
    given_out: list[str] = []

    def token(_who: str, scope: str) -> Reply:
        given_out.append(scope)
        return body(token=f"t{len(given_out)}", expires_in=900)

    def answer(asked: Asked, given: str) -> Reply | None:
        if not given or given in used:
            return None
        used.add(given)  # each is good for one page: its clock runs ahead of ours
        last = asked.query.get("last", [""])[0]
        page = {"": ["a", "b"], "b": ["c", "d"], "d": ["e"]}[last]
        link = {} if last == "d" else {"Link": f'</v2/x?n=2&last={page[-1]}>; rel="next"'}
        return Reply(200, body(tags=page).body, {**JSON, **link})

    used: set[str] = set()
    here = Registry(token, answer, scope="repository:app:pull")
    with open_registry(run(here)) as registry:
        first = registry.tags("app", count=2)
        second = registry.tags("app", first.after, 2)
        third = registry.tags("app", second.after, 2)
    assert (first.tags, second.tags, third.tags) == (("a", "b"), ("c", "d"), ("e",))
    assert given_out == ["repository:app:pull"] * 3
