"""Questions to engines: a host that hangs keeps nobody from the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from fleet.engine.client import Engine
from fleet.engine.fake import FakeEngine, fake_in_thread, in_fake
from fleet.models import Environment, Host
from fleet.selectors import engine_calls
from fleet.selectors.engine_calls import Answer, ask
from fleet.selectors.places import NotAsked, Places
from tests.conftest import make_host
from tests.waiting import eventually

VISITORS = 24


@pytest.fixture
def visitors() -> Iterator[ThreadPoolExecutor]:
    """Pages that wait, each in a thread of its own."""
    with ThreadPoolExecutor(VISITORS) as pool:
        yield pool


@pytest.fixture
def hanging(tmp_path: Path, staging: Environment) -> Iterator[tuple[FakeEngine, Host]]:
    """A host that takes every question and answers none."""
    with fake_in_thread(tmp_path / "slow.sock") as engine:
        in_fake(engine, lambda: setattr(engine.faults, "hang", True))
        yield engine, make_host("slow-1", staging, url=engine.url)


def name(engine: Engine) -> str:
    return engine.facts().name


def test_it_answers_for_a_quick_host_while_another_hangs(
    hanging: tuple[FakeEngine, Host],
    live_host: Host,
    visitors: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, slow = hanging
    monkeypatch.setattr(engine_calls, "SECONDS", 60.0)
    asked: list[Future[Answer[str]]] = [visitors.submit(ask, slow, name) for _ in range(VISITORS)]
    eventually(lambda: in_fake(engine, lambda: engine.connections) >= 4, "questions that hang")
    monkeypatch.setattr(engine_calls, "SECONDS", 5.0)
    assert ask(live_host, name).value == "fake"
    monkeypatch.setattr(engine_calls, "SECONDS", 0.1)
    said = "slow-1 is busy: it has yet to answer earlier questions. Try again."
    assert ask(slow, name).problem == said
    in_fake(engine, lambda: setattr(engine.faults, "hang", False))
    in_fake(engine, engine.cut)
    # Those whose connection was cut are told so; those who waited get in and are answered.
    assert [one.result().value for one in asked].count("fake") >= VISITORS - 4


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Work that waits for it ends with the test at the latest."""
    made = threading.Event()
    yield made
    made.set()


def hold(places: Places, host_id: int, gate: threading.Event, visitors: ThreadPoolExecutor) -> None:
    """Take a place until the gate opens."""
    began = threading.Event()

    def work() -> None:
        began.set()
        gate.wait(20)

    visitors.submit(places.call, host_id, work, 20)
    assert began.wait(20)


def refused(places: Places, host_id: int) -> bool:
    with pytest.raises(NotAsked) as raised:
        places.call(host_id, lambda: None, 0.05)
    return raised.value.busy


def test_it_tells_a_busy_host_from_a_crowd(
    visitors: ThreadPoolExecutor, gate: threading.Event
) -> None:
    places = Places(threads=2, each=1, name="test")
    hold(places, 1, gate, visitors)
    assert refused(places, 1) is True
    hold(places, 2, gate, visitors)
    assert refused(places, 3) is False


def test_it_gives_a_place_back_when_a_call_ends_or_never_began(
    visitors: ThreadPoolExecutor, gate: threading.Event
) -> None:
    places = Places(threads=1, each=1, name="test")
    hold(places, 1, gate, visitors)
    assert refused(places, 2) is False
    gate.set()
    for host_id in (1, 2):
        assert places.call(host_id, lambda: "answer", 20) == "answer"


def test_it_raises_what_the_work_raised() -> None:
    places = Places(threads=1, each=1, name="test")

    def work() -> None:
        raise ValueError("mine")

    for _ in range(2):
        with pytest.raises(ValueError, match="mine"):
            places.call(1, work, 20)
