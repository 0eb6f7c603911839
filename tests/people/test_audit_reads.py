"""Reading the audit log: filters, pages, the check from the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from dashboard.templatetags.people import plainly
from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.audit import record
from fleet.models import AuditEntry, AuditResult, Host, User
from fleet.selectors.audit import AuditQuery, audit_actions, audit_entries, audit_page


def numbers(reader: Actor, /, **query: str) -> list[int]:
    """Return the numbers of the entries that a query string finds."""
    return [entry.number for entry in audit_entries(reader, AuditQuery.parse(query))]


def test_it_filters(actor: Actor, host: Host, operator: User) -> None:
    record(actor, "host.create", host)
    record(actor_for(operator), "host.remove", host, result=AuditResult.REFUSED)
    record(actor, "session.sign_in", actor.user)
    assert numbers(actor) == [3, 2, 1]
    assert numbers(actor, actor="OLGA") == [2]
    assert numbers(actor, action="host.") == [2, 1]
    assert numbers(actor, result="refused") == [2]
    assert numbers(actor, target="stage") == [2, 1]
    assert numbers(actor, target="user") == [3]
    assert audit_actions(actor) == ["host.create", "host.remove", "session.sign_in"]


def test_it_filters_by_time_with_whole_days(actor: Actor, host: Host) -> None:
    for number, day in enumerate((1, 2, 3), start=1):
        record(actor, "host.update", host)
        AuditEntry.objects.filter(number=number).update(at=datetime(2026, 3, day, 12, tzinfo=UTC))
    assert numbers(actor, since="2026-03-02") == [3, 2]
    assert numbers(actor, until="2026-03-02") == [2, 1]
    assert numbers(actor, since="2026-03-02", until="2026-03-02") == [2]
    assert numbers(actor, since="2026-03-02T12:00", until="2026-03-03T11:59") == [2]


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"since": "2026-02-31"},
        {"until": "9999-12-31"},
        {"since": "0001-01-01T00:00"},
        {"result": "<script>"},
        {"since": "\x00"},
    ],
)
def test_it_says_what_it_could_not_use(actor: Actor, host: Host, query: dict[str, str]) -> None:
    record(actor, "host.update", host)
    assert AuditQuery.parse(query).problems
    assert numbers(actor, **query) == [1]


@pytest.mark.parametrize("text", ["\x00", "x" * 10_000, "%", "'", "_"])
def test_it_finds_nothing_for_odd_texts(actor: Actor, host: Host, text: str) -> None:
    record(actor, "host.update", host)
    for name in ("actor", "action", "target"):
        assert numbers(actor, **{name: text}) in ([], [1] if text == "\x00" else [])


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "²", ""])
def test_it_ignores_an_odd_place_to_begin(actor: Actor, host: Host, before: str) -> None:
    record(actor, "host.update", host)
    found, _more = audit_page(actor, AuditQuery.parse({"before": before}))
    assert len(found) == 1


def test_it_pages_by_number(actor: Actor, host: Host) -> None:
    for _ in range(5):
        record(actor, "host.update", host)
    found, before = audit_page(actor, AuditQuery.parse({}), size=2)
    assert ([entry.number for entry in found], before) == ([5, 4], 4)
    found, before = audit_page(actor, AuditQuery.parse({"before": "2"}), size=2)
    assert ([entry.number for entry in found], before) == ([1], None)


def test_it_shows_the_log_only_to_who_may(operator: User) -> None:
    with pytest.raises(Refused):
        audit_entries(actor_for(operator), AuditQuery())


def test_it_verifies_from_the_command_line(actor: Actor, host: Host) -> None:
    out = StringIO()
    call_command("verify_audit", stdout=out)
    record(actor, "host.create", host)
    last = record(actor, "host.update", host)
    call_command("verify_audit", stdout=out)
    assert f"2 entries fit. The last one is 2:{last.hash}." in out.getvalue()
    AuditEntry.objects.filter(number=2).update(action="host.view")
    with pytest.raises(CommandError, match="Entry 2 "):
        call_command("verify_audit", stdout=out)


def verify(expect: str) -> str:
    out = StringIO()
    call_command("verify_audit", expect=expect, stdout=out)
    return out.getvalue()


def test_it_finds_that_the_end_was_cut_off(actor: Actor, host: Host) -> None:
    record(actor, "host.create", host)
    last = record(actor, "host.update", host)
    kept = f"{last.number}:{last.hash}"
    record(actor, "host.update", host)
    assert "Entry 2 is the one that was expected." in verify(kept)
    AuditEntry.objects.filter(number__gte=2).delete()
    with pytest.raises(CommandError, match="Entry 2 is missing: the log ends with entry 1"):
        verify(kept)
    AuditEntry.objects.all().delete()
    with pytest.raises(CommandError, match="Entry 2 is missing: the log is empty"):
        verify(kept)


def test_it_finds_that_the_end_was_written_anew(actor: Actor, host: Host) -> None:
    last = record(actor, "host.remove", host)
    last.delete()
    record(actor, "host.update", host)
    with pytest.raises(CommandError, match="Entry 1 is another one"):
        verify(f"1:{last.hash}")


@pytest.mark.parametrize("text", ["1", "x:" + "0" * 64, "1:abc", ":", "0:" + "0" * 64, "²:ff"])
def test_it_says_how_an_expected_entry_is_written(db: None, text: str) -> None:
    with pytest.raises(CommandError, match="NUMBER:HASH"):
        verify(text)


def test_it_shows_the_last_entry_on_the_page(
    administrator: User, actor: Actor, host: Host, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(administrator)
    record(actor, "host.update", host)
    last = AuditEntry.objects.latest("number")
    text = client.post("/administration/audit/check/").content.decode()
    assert f"The last one is number {last.number}, with the hash" in text
    assert last.hash in text


def test_it_shows_details_as_people_write_them() -> None:
    assert plainly({"rack": "b2", "tiers": ["db", 7]}) == "rack=b2, tiers=db, 7"
    assert plainly("<b>") == "<b>"
