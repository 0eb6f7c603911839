"""What a page learns of one container, from its row and from its engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.access import Refused, Unknown
from fleet.actor import Actor, actor_for
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_state import FakeContainer
from fleet.models import AuditEntry, Container, Event, Host, HostState, User
from fleet.selectors import container as one
from fleet.selectors.container import Answer
from fleet.selectors.masking import MASK
from tests.container.conftest import SECRET

Ask = Callable[[Actor, int], Answer[object]]
QUESTIONS = [
    one.container_processes,
    one.container_changes,
    one.container_inspect,
    one.container_environment,
    one.container_health_log,
]


def test_it_knows_the_overview_without_asking(
    row: Container, fake: FakeEngine, actor: Actor
) -> None:
    in_fake(fake, lambda: setattr(fake.faults, "hang", True))
    overview = one.container_overview(actor, row.pk)
    assert overview.command == f"serve --password={MASK} --port 80"
    assert overview.labels == {"db.password": MASK, "note": "plain"}
    assert fake.requests == []


def test_it_lists_processes(row: Container, actor: Actor) -> None:
    table = one.container_processes(actor, row.pk).value
    assert table is not None
    assert table.titles == ("UID", "PID", "CMD")
    assert SECRET not in str(table) and f"--password={MASK}" in table.rows[0][2]


def test_it_says_that_what_is_down_has_no_processes(row: Container, actor: Actor) -> None:
    Container.objects.update(state="exited")
    answer = one.container_processes(actor, row.pk)
    assert answer.value is None and "not running" in answer.problem


def test_it_lists_changed_files(row: Container, actor: Actor) -> None:
    changes = one.container_changes(actor, row.pk).value
    assert changes is not None and changes.total == 1
    assert (changes.shown[0].path, changes.shown[0].kind) == ("/tmp/new", "added")


def test_it_masks_the_raw_tree_for_everybody(row: Container, actor: Actor) -> None:
    tree = one.container_inspect(actor, row.pk).value
    assert tree is not None and tree["Name"] == "/web-1"
    assert SECRET not in str(tree)


def test_it_masks_the_environment(row: Container, actor: Actor) -> None:
    variables = one.container_environment(actor, row.pk).value
    assert variables == [
        one.Variable("DB_PASSWORD", MASK, hidden=True),
        one.Variable("PATH", "/bin", hidden=False),
        one.Variable("URL", f"postgres://app:{MASK}@db/shop", hidden=True),
    ]
    assert not AuditEntry.objects.exists()


def test_it_reveals_all_and_writes_it_down(row: Container, actor: Actor) -> None:
    variables = one.container_environment(actor, row.pk, reveal=True).value or []
    assert {v.name: v.value for v in variables}["DB_PASSWORD"] == SECRET
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_id) == ("container.secrets", str(row.pk))
    assert entry.detail == {"names": ["DB_PASSWORD", "URL"]}
    assert SECRET not in str(entry.detail)


def test_it_reveals_one_and_no_other(row: Container, actor: Actor) -> None:
    variables = one.container_environment(actor, row.pk, reveal=True, only="URL").value or []
    shown = {v.name: v.value for v in variables}
    assert SECRET in shown["URL"] and shown["DB_PASSWORD"] == MASK
    assert AuditEntry.objects.get().detail == {"names": ["URL"]}


def test_it_reveals_nothing_without_the_permission(row: Container, viewer: User) -> None:
    with pytest.raises(Refused):
        one.container_environment(actor_for(viewer), row.pk, reveal=True)
    assert one.container_environment(actor_for(viewer), row.pk).value is not None


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_knows_nothing_for_strangers(question: Ask, row: Container, stranger: User) -> None:
    with pytest.raises(Unknown):
        question(actor_for(stranger), row.pk)


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_does_not_ask_a_host_that_is_away(
    question: Ask, row: Container, fake: FakeEngine, actor: Actor
) -> None:
    Host.objects.update(state=HostState.UNREACHABLE, state_message="It does not answer.")
    answer = question(actor, row.pk)
    assert answer.value is None
    assert answer.problem == "fake-1 cannot be asked now. It does not answer."
    assert fake.requests == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_says_in_words_that_nobody_answers(
    question: Ask, row: Container, fake: FakeEngine, actor: Actor
) -> None:
    Host.objects.update(url="unix:///nowhere/at/all.sock")
    answer = question(actor, row.pk)
    assert answer.value is None
    assert answer.problem == "fake-1: There is no socket at this path."


def test_it_waits_for_a_silent_host_for_a_bounded_time(
    row: Container, fake: FakeEngine, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.selectors.engine_calls.SECONDS", 0.3)
    in_fake(fake, lambda: setattr(fake.faults, "hang", True))
    answer = one.container_inspect(actor, row.pk)
    assert answer.value is None and "fake-1" in answer.problem


def test_it_says_that_the_container_is_gone(
    row: Container, real: FakeContainer, fake: FakeEngine, actor: Actor
) -> None:
    in_fake(fake, lambda: fake.state.remove(real, True))
    answer = one.container_changes(actor, row.pk)
    assert answer.problem == f"fake-1: No such container: {row.engine_id[:12]}."
    assert "No such container" in answer.raw


def test_it_reads_the_health_log(
    row: Container, real: FakeContainer, monkeypatch: pytest.MonkeyPatch, actor: Actor
) -> None:
    plain = real.inspect()
    plain["Config"]["Healthcheck"] = {"Test": ["CMD-SHELL", f"check --token {SECRET}"]}
    plain["State"]["Health"] = {
        "Status": "unhealthy",
        "FailingStreak": 2,
        "Log": [
            {"Start": "2026-01-01T00:00:00Z", "End": "2026-01-01T00:00:01.5Z", "ExitCode": 0,
             "Output": "fine"},
            {"Start": "2026-01-01T00:01:00Z", "End": "?", "ExitCode": 1,
             "Output": f"password={SECRET} refused\n"},
        ],
    }  # fmt: skip
    monkeypatch.setattr(FakeContainer, "inspect", lambda _self: plain)
    log = one.container_health_log(actor, row.pk).value
    assert log is not None and log.failing == 2 and log.command == f"check --token {MASK}"
    assert [check.passed for check in log.checks] == [False, True]
    assert log.checks[0].output == f"password={MASK} refused"
    assert log.checks[1].seconds == 1.5


@pytest.mark.parametrize("strange", [None, [], {"State": 5}, {"Config": {"Healthcheck": []}}])
def test_it_survives_strange_answers(strange: object) -> None:
    assert one._health_log(strange).checks == []
    assert one._pairs(strange) == []


def removed(row: Container, at: datetime) -> None:
    """Remove a container's row, as the watcher does, with its event."""
    Event.objects.create(
        host=row.host, at=at, kind="destroy", object_kind="container", object_id=row.engine_id,
        object_name=row.name,
    )  # fmt: skip
    row.delete()


def test_it_tells_what_became_of_a_removed_container(row: Container, actor: Actor) -> None:
    args: dict[str, Any] = {"host_id": row.host_id, "engine_id": row.engine_id, "name": row.name}
    at = datetime(2026, 2, 1, tzinfo=UTC)
    host = row.host
    removed(row, at)
    fate = one.container_fate(actor, **args)
    assert (fate.removed_at, fate.successor) == (at, None)
    heir = Container.objects.create(
        host=host, engine_id="f" * 64, name="web-1", state="running", seen_at=at
    )
    assert one.container_fate(actor, **args).successor == heir


def test_it_tells_strangers_nothing_of_removed_containers(row: Container, stranger: User) -> None:
    with pytest.raises(Unknown):
        one.container_fate(actor_for(stranger), host_id=row.host_id, engine_id="x", name="web-1")
    with pytest.raises(Unknown):
        one.container_fate(actor_for(stranger), host_id=2**70, engine_id="x", name="web-1")


def test_it_survives_names_that_no_database_takes(row: Container, actor: Actor) -> None:
    fate = one.container_fate(actor, host_id=row.host_id, engine_id="\0", name="a\0")
    assert fate.removed_at is None
