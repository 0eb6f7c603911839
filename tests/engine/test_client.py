"""The client for threads against the fake engine: every command, faults, hanging up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.engine.background import run_in_background
from fleet.engine.client import Engine, open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Aborted, Conflict, EngineError, Invalid, NotFound
from fleet.engine.fake import FakeEngine, fake_in_thread, in_fake
from fleet.engine.fake_state import FakeContainer
from fleet.engine.usage import FileChange
from tests.engine.pki import Authority, server_context
from tests.waiting import eventually


@pytest.fixture
def web(fake: FakeEngine) -> FakeContainer:
    made: FakeContainer = in_fake(fake, lambda: fake.state.add("web", labels={"a": "b"}))
    return made


@pytest.fixture
def engine(endpoint: Endpoint, web: FakeContainer) -> Iterator[Engine]:
    with open_engine(endpoint, timeout=5) as opened:
        yield opened


def test_it_starts_and_stops(engine: Engine, web: FakeContainer) -> None:
    assert engine.start("web") is False
    assert engine.stop("web", 1) is True
    assert web.state == "exited"
    assert engine.stop("web") is False
    assert engine.start(web.id) is True
    assert web.state == "running"


def test_it_restarts_and_kills(engine: Engine, web: FakeContainer) -> None:
    began = web.started
    engine.restart("web", 0)
    assert web.started > began
    engine.kill("web", "SIGHUP")
    assert web.state == "running"
    engine.kill("web")
    assert (web.state, web.exit_code) == ("exited", 137)


def test_it_pauses_and_goes_on(engine: Engine, web: FakeContainer) -> None:
    engine.pause("web")
    assert engine.container("web").state == "paused"
    engine.unpause("web")
    assert web.state == "running"


def test_it_renames(engine: Engine, fake: FakeEngine, web: FakeContainer) -> None:
    in_fake(fake, lambda: fake.state.add("db"))
    engine.rename("web", "front")
    assert web.name == "front"
    with pytest.raises(Conflict):
        engine.rename("front", "db")
    with pytest.raises(Invalid):
        engine.rename("front", "<script>")


def test_it_removes(engine: Engine, fake: FakeEngine) -> None:
    with pytest.raises(Conflict):
        engine.remove("web")
    engine.remove("web", force=True, volumes=True)
    assert fake.state.containers == {}
    assert fake.requests[-1].endswith("/containers/web?force=1&v=1")


def test_it_reads(engine: Engine, web: FakeContainer) -> None:
    assert engine.facts().name == "fake"
    assert engine.container("web").labels == {"a": "b"}
    assert engine.inspect("web")["Id"] == web.id
    assert engine.top("web").titles == ("UID", "PID", "CMD")
    assert engine.changes("web") == [FileChange("/tmp/new", "added")]
    assert engine.disk_usage().containers.count == 1


@pytest.mark.parametrize("ref", ["nobody", "../info", "web/../web", ""])
def test_it_finds_no_container(engine: Engine, ref: str) -> None:
    with pytest.raises(NotFound):
        engine.start(ref)


def test_it_refuses_what_the_state_forbids(engine: Engine) -> None:
    with pytest.raises(Conflict) as caught:
        engine.unpause("web")
    assert "is not paused" in str(caught.value)


def test_it_asks_for_the_version_only_once(fake: FakeEngine, endpoint: Endpoint) -> None:
    for _ in range(3):
        with open_engine(endpoint) as opened:
            opened.inspect(in_fake(fake, lambda: fake.state.add()).id)
    assert fake.requests.count("GET /version") == 1


def test_it_waits_longer_than_the_stop_takes(
    fake: FakeEngine, endpoint: Endpoint, web: FakeContainer
) -> None:
    with open_engine(endpoint, timeout=0.3) as opened:
        opened.inspect("web")
        fake.faults.stop_takes = 0.6
        assert opened.stop("web", timeout=2) is True
        with pytest.raises(EngineError) as caught:
            opened.stop("web", timeout=0)
    assert caught.value.code == "timeout"


@pytest.mark.parametrize("over", ["unix", "tls"])
def test_it_hangs_up_on_request(over: str, tmp_path: Path, ca: Authority) -> None:
    context = server_context(ca.leaf("127.0.0.1")) if over == "tls" else None
    path = "" if over == "tls" else tmp_path / "f.sock"
    with fake_in_thread(path, context=context) as fake:
        in_fake(fake, lambda: fake.state.add("web"))
        tls_ca = ca.pem if over == "tls" else ""
        with open_engine(Endpoint(fake.url, tls_ca)) as opened:
            fake.faults.stop_takes = 60
            failures: list[BaseException] = []
            thread = threading.Thread(target=catch, args=(opened, failures))
            thread.start()
            eventually(lambda: any("stop" in r for r in fake.requests), "the stop is under way")
            opened.abort()
            thread.join(5)
            assert [type(failure) for failure in failures] == [Aborted]
            with pytest.raises(Aborted):
                opened.inspect("web")


def catch(engine: Engine, failures: list[BaseException]) -> None:
    try:
        engine.stop("web", 5)
    except EngineError as error:
        failures.append(error)


def test_it_hangs_up_before_the_first_call_too(endpoint: Endpoint) -> None:
    with open_engine(endpoint) as opened:
        opened.abort()
        with pytest.raises(Aborted):
            opened.facts()


def test_it_closes_its_connections(fake: FakeEngine, endpoint: Endpoint) -> None:
    with open_engine(endpoint) as opened:
        opened.facts()
    eventually(lambda: fake.connections == 0, "no connection stays")


def test_it_survives_a_restart_of_the_engine_between_calls(
    fake: FakeEngine, engine: Engine
) -> None:
    engine.inspect("web")
    run_in_background(fake.restart(), 10)
    assert engine.container("web").name == "web"


def test_it_trusts_no_other_ca(
    ca: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither the machine's list nor one named in the environment."""
    other = Authority("other")
    with fake_in_thread(context=server_context(other.leaf("127.0.0.1"))) as fake:
        (tmp_path / "other.pem").write_text(other.pem)
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, str(tmp_path / "other.pem"))
        with pytest.raises(EngineError) as caught, open_engine(Endpoint(fake.url, ca.pem)):
            pass
    assert caught.value.code == "certificate_unknown_ca"


def test_it_takes_nothing_from_the_environment(
    endpoint: Endpoint, web: FakeContainer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"auths": {"r": {"auth": "dTpw"}}, "HttpHeaders": {}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with open_engine(endpoint) as opened:
        assert opened.container("web").name == "web"
        assert not opened._api._auth_configs.auths


def test_it_says_what_is_wrong_when_it_opens() -> None:
    with pytest.raises(EngineError) as caught, open_engine(Endpoint("unix:///no/such.sock")):
        pass
    assert caught.value.code == "socket_missing"
