"""What the API asks a container's engine: masked, bounded, a problem when it cannot be asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest

from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_state import FakeContainer, LogLine
from fleet.models import Container, Host, HostState, Role, User
from fleet.selectors.masking import MASK
from tests.api.conftest import SECRET, Caller

Call = Callable[..., Caller]
QUESTIONS = ["processes", "changes", "inspect", "logs", "stats"]


def test_it_lists_processes(row: Container, viewer: User, call_as: Call) -> None:
    status, body = call_as(viewer).call("GET", f"/containers/{row.pk}/processes")
    assert (status, body["titles"], body["count"]) == (200, ["UID", "PID", "CMD"], 1)
    assert body["items"][0][2] == f"serve --password={MASK}"


def test_it_lists_changed_files(row: Container, viewer: User, call_as: Call) -> None:
    status, body = call_as(viewer).call("GET", f"/containers/{row.pk}/changes")
    found = [{"path": "/tmp/new", "kind": "added"}]
    assert (status, body) == (200, {"items": found, "count": 1})


def test_it_inspects_and_shows_no_secret(
    row: Container, administrator: User, call_as: Call
) -> None:
    status, body = call_as(administrator).call("GET", f"/containers/{row.pk}/inspect")
    assert (status, body["Name"]) == (200, "/web-1")
    assert f"DB_PASSWORD={MASK}" in body["Config"]["Env"] and SECRET not in str(body)


def test_it_measures(row: Container, fake: FakeEngine, viewer: User, call_as: Call) -> None:
    fake.faults.stats_every = 0.05
    status, body = call_as(viewer).call("GET", f"/containers/{row.pk}/stats")
    assert (status, round(body["cpu"]), body["processes"]) == (200, 25, 3)
    assert body["memory"] < body["memory_limit"]


def test_it_says_that_there_is_nothing_to_measure(
    row: Container, real: FakeContainer, fake: FakeEngine, viewer: User, call_as: Call
) -> None:
    in_fake(fake, lambda: fake.state.stop(real))
    status, problem = call_as(viewer).call("GET", f"/containers/{row.pk}/stats")
    assert (status, problem["detail"]) == (409, "web-1 does not run.")


def test_it_reads_the_end_of_the_log(
    row: Container, real: FakeContainer, fake: FakeEngine, viewer: User, call_as: Call
) -> None:
    for text, stream in (("one", 1), ("two <b>", 1), ("oh no", 2)):
        in_fake(fake, partial(real.write, text, stream))
    caller = call_as(viewer)
    status, body = caller.call("GET", f"/containers/{row.pk}/logs?tail=2")
    assert (status, body["count"]) == (200, 2)
    assert [(line["stream"], line["text"]) for line in body["items"]] == [
        ("stdout", "two <b>"),
        ("stderr", "oh no"),
    ]
    assert all(line["at"].endswith("Z") for line in body["items"])
    assert caller.call("GET", f"/containers/{row.pk}/logs")[1]["count"] == 3


def test_it_reads_long_lines_whole(
    row: Container, real: FakeContainer, fake: FakeEngine, viewer: User, call_as: Call
) -> None:
    def write() -> None:
        for _line in range(3):
            for _piece in range(70):  # of 16 KiB, as engines write long lines
                real.log.append(LogLine(time.time_ns(), 1, b"x" * 16384))
            real.write("end")

    in_fake(fake, write)
    caller = call_as(viewer)
    _status, body = caller.call("GET", f"/containers/{row.pk}/logs?tail=1")
    assert [(line["text"], line.get("cut", False)) for line in body["items"]] == [
        ("x" * 5 * 16384 + "end", False)
    ]
    _status, body = caller.call("GET", f"/containers/{row.pk}/logs?tail=5")
    assert [(len(line["text"]), line.get("cut", False)) for line in body["items"]] == [
        (5 * 16384 + 3, False), (65 * 16384, True), (5 * 16384 + 3, False), (65 * 16384, True),
        (5 * 16384 + 3, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tail", "sentence"),
    [
        ("0", "Enter at least 1."),
        ("100001", "Enter at most 100000."),
        ("x", "Enter a whole number."),
    ],
)
def test_it_bounds_the_log(
    row: Container, viewer: User, call_as: Call, tail: str, sentence: str
) -> None:
    status, problem = call_as(viewer).call("GET", f"/containers/{row.pk}/logs?tail={tail}")
    assert (status, problem["errors"]) == (422, {"tail": [sentence]})


def test_it_keeps_the_log_from_who_may_not_read_it(
    row: Container, administrator: User, call_as: Call
) -> None:
    Role.objects.create(name="looker", permissions=["host.view", "container.view"])
    caller = call_as(administrator, role="looker")
    assert caller.call("GET", f"/containers/{row.pk}")[0] == 200
    assert caller.call("GET", f"/containers/{row.pk}/logs")[0] == 403


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_says_why_a_host_cannot_be_asked(
    row: Container, viewer: User, call_as: Call, question: str
) -> None:
    Host.objects.update(state=HostState.UNREACHABLE, state_message="It does not answer.")
    status, problem = call_as(viewer).call("GET", f"/containers/{row.pk}/{question}")
    assert (status, problem["status"]) == (503, 503)
    assert problem["title"] == "Not available now"
    assert problem["detail"] == "fake-1 cannot be asked now. It does not answer."


def test_it_tells_a_container_that_has_none_from_a_host_that_is_away(
    row: Container, real: FakeContainer, fake: FakeEngine, viewer: User, call_as: Call
) -> None:
    caller = call_as(viewer)
    in_fake(fake, lambda: fake.state.stop(real))
    for state in ("running", "exited"):  # the row may lag behind the engine
        Container.objects.update(state=state)
        status, problem = caller.call("GET", f"/containers/{row.pk}/processes")
        assert (status, problem["title"]) == (409, "Conflict")
    Container.objects.update(engine_id="f" * 64)
    assert {caller.call("GET", f"/containers/{row.pk}/{q}")[0] for q in QUESTIONS[1:]} == {409}


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_cache_keeps_what_the_engine_said(
    row: Container, viewer: User, call_as: Call, question: str
) -> None:
    caller = call_as(viewer)
    response = caller.client.get(
        f"/api/v1/containers/{row.pk}/{question}",
        headers={"Authorization": f"Bearer {caller.secret}"},
    )
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_knows_no_such_container_for_strangers(
    row: Container, stranger: User, call_as: Call, question: str
) -> None:
    assert call_as(stranger).call("GET", f"/containers/{row.pk}/{question}")[0] == 404
