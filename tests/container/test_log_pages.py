"""The page of several logs, and logs as files."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError
from django.http import QueryDict, StreamingHttpResponse
from django.test import AsyncClient, Client

from dashboard.views import logs
from fleet.access import Unknown
from fleet.actor import actor_for
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_state import FakeContainer
from fleet.logs import download, watched
from fleet.logs.lines import Line
from fleet.logs.selection import MOST, selected
from fleet.logs.target import log_target
from fleet.models import Container, Host, HostState, User
from fleet.seats import Seats
from tests.conftest import grant, make_container

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]
SignIn = Callable[[User], Client]


def written(user: User, path: str) -> bytes:
    """Return what a file says that is written while it is read."""

    async def read() -> bytes:
        client = AsyncClient()
        await client.aforce_login(user, backend="django.contrib.auth.backends.ModelBackend")
        answer = await client.get(path)
        assert isinstance(answer, StreamingHttpResponse), answer.content
        return b"".join([bytes(part) async for part in answer])

    return asyncio.run(read())


@pytest.fixture
def said(fake: FakeEngine, real: FakeContainer) -> None:
    """The container has said something on both streams."""
    for number in range(3):
        in_fake(fake, partial(real.write, f"line {number} ä", 1 + number % 2))


@pytest.mark.usefixtures("said")
def test_a_whole_log_is_a_file(row: Container, viewer: User) -> None:
    lines = written(viewer, f"/containers/{row.pk}/logs.txt").decode().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "line 0 ä", "err line 1 ä", "line 2 ä",
    ]  # fmt: skip


@pytest.mark.usefixtures("said")
def test_a_whole_log_is_lines_of_json_packed(row: Container, viewer: User) -> None:
    packed = written(viewer, f"/containers/{row.pk}/logs.txt?json&gz")
    found = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    assert [(one["stream"], one["text"]) for one in found] == [
        ("stdout", "line 0 ä"), ("stderr", "line 1 ä"), ("stdout", "line 2 ä"),
    ]  # fmt: skip


@pytest.mark.usefixtures("said")
def test_what_is_computed_for_a_file_keeps_nobody_waiting(
    row: Container, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()

    def seen(lines: Iterable[Line]) -> bytes:
        threads.add(threading.get_ident())
        return as_objects(lines)

    as_objects = download.as_objects
    monkeypatch.setattr(download, "as_objects", seen)
    assert len(written(viewer, f"/containers/{row.pk}/logs.txt?json").splitlines()) == 3
    assert threads and threading.get_ident() not in threads  # where the event loop is


def test_the_file_has_a_name_and_is_not_packed_twice(
    row: Container, viewer: User, sign_in: SignIn
) -> None:
    answer = sign_in(viewer).get(
        f"/containers/{row.pk}/logs.txt?gz", headers={"Accept-Encoding": "gzip"}
    )
    assert answer["Content-Disposition"] == 'attachment; filename="web-1.log.gz"'
    assert answer["Content-Encoding"] == "identity"
    assert answer["Content-Type"] == "application/gzip"


def test_who_asks_only_about_the_file_takes_no_seat(
    row: Container, viewer: User, sign_in: SignIn, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "SEATS", Seats(each=0, most=0))
    answer = sign_in(viewer).head(f"/containers/{row.pk}/logs.txt?json")
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == 'attachment; filename="web-1.ndjson"'
    assert answer["Content-Type"] == "application/x-ndjson"
    assert not fake.requests


def test_the_file_says_that_the_host_is_away(row: Container, viewer: User, sign_in: SignIn) -> None:
    Host.objects.update(state=HostState.UNREACHABLE)
    answer = sign_in(viewer).get(f"/containers/{row.pk}/logs.txt")
    assert answer.status_code == 503
    assert "fake-1" in answer.content.decode()


def test_the_file_says_where_it_was_cut_off(row: Container, viewer: User) -> None:
    Host.objects.update(url="unix:///nowhere/at/all.sock")
    text = written(viewer, f"/containers/{row.pk}/logs.txt").decode()
    assert text.startswith("Here the log was cut off: ")
    assert (
        "no socket" in json.loads(written(viewer, f"/containers/{row.pk}/logs.txt?json"))["error"]
    )


def test_a_file_ends_when_the_right_to_it_is_taken(
    row: Container, viewer: User, fake: FakeEngine, real: FakeContainer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    in_fake(fake, partial(real.write, "read before"))
    fake.faults.freezes = True  # so that nothing more comes
    seats = Seats(each=1, most=1)
    monkeypatch.setattr(download, "SEATS", seats)
    monkeypatch.setattr(logs, "SEATS", seats)
    monkeypatch.setattr(watched, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(logs, "log_target", taken_after_the_first(viewer))
    text = written(viewer, f"/containers/{row.pk}/logs.txt").decode()
    assert text.endswith("Here the log was cut off: There is no such container.\n")
    assert not seats.taken
    fake.faults.freezes = False


@pytest.mark.usefixtures("said")
def test_a_file_says_that_its_engine_froze(
    row: Container, viewer: User, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.engine.aio.SILENCE_SECONDS", 0.2)
    fake.faults.freezes = True
    *before, last = written(viewer, f"/containers/{row.pk}/logs.txt").decode().splitlines()
    assert len(before) == 3
    assert last == "Here the log was cut off: The host did not answer in time."
    fake.faults.freezes = False


def taken_after_the_first(user: User) -> Callable[..., Any]:
    """Return what finds a log's target, and takes the user's rights afterwards."""

    def found(actor: Any, pk: int) -> Any:
        target = log_target(actor, pk)
        user.grants.all().delete()
        return target

    return found


@pytest.mark.usefixtures("said")
def test_a_file_goes_on_while_the_database_is_away(
    row: Container, viewer: User, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "CHECK_SECONDS", 0.01)
    fake.faults.freezes = True  # so that it goes on
    asked: list[int] = []

    def found(actor: Any, pk: int) -> Any:
        asked.append(pk)
        if len(asked) > 1:
            fake.faults.freezes = len(asked) < 4
            raise OperationalError("gone")
        return log_target(actor, pk)

    monkeypatch.setattr(logs, "log_target", found)
    text = written(viewer, f"/containers/{row.pk}/logs.txt").decode()
    assert len(asked) > 3 and len(text.splitlines()) == 3


def test_who_downloads_too_many_is_told(
    row: Container, viewer: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    seats = Seats(each=1, most=2)
    monkeypatch.setattr(logs, "SEATS", seats)
    seats.take(actor_for(viewer).name)
    answer = sign_in(viewer).get(f"/containers/{row.pk}/logs.txt")
    assert answer.status_code == 429
    assert "Too many logs are being downloaded." in answer.content.decode()


def test_the_page_offers_what_there_is(row: Container, viewer: User, sign_in: SignIn) -> None:
    text = sign_in(viewer).get("/logs/").content.decode()
    assert "Choose whose logs to read" in text
    assert ">fake-1</option>" in text and "data-log " not in text


def test_the_page_shows_what_is_chosen(row: Container, viewer: User, sign_in: SignIn) -> None:
    client = sign_in(viewer)
    for query in ("all=1", "q=web", f"container={row.pk}", "host=fake-1"):
        text = client.get(f"/logs/?{query}").content.decode()
        assert f'data-args="{query}"' in text
        assert f'href="/containers/{row.pk}/logs/"' in text


def test_the_page_shows_a_service(
    row: Container, live_host: Host, viewer: User, sign_in: SignIn
) -> None:
    Container.objects.update(compose_project="shop", compose_service="web")
    other = make_container(live_host, "db-1", compose_project="shop", compose_service="db")
    text = sign_in(viewer).get("/logs/?stack=shop&service=db").content.decode()
    assert 'name="service" value="db"' in text
    assert f"/containers/{other.pk}/logs/" in text and f"/containers/{row.pk}/logs/" not in text


def test_the_page_says_that_nothing_matches(row: Container, viewer: User, sign_in: SignIn) -> None:
    assert "No container matches" in sign_in(viewer).get("/logs/?q=nothing").content.decode()


def test_the_page_says_that_one_may_not(row: Container, stranger: User, sign_in: SignIn) -> None:
    text = sign_in(stranger).get("/logs/?all=1").content.decode()
    assert "You may not read logs" in text and "web-1" not in text
    assert sign_in(stranger).get(f"/logs/?container={row.pk}").status_code == 404


def test_a_filter_leaves_out_what_may_not_be_read(
    row: Container, other_host: Host, viewer: User
) -> None:
    make_container(other_host, "web-2")
    found = selected(actor_for(viewer), QueryDict("q=web"))
    assert [source.name for source in found.sources] == ["web-1"]
    grant(viewer, "viewer", other_host)
    found = selected(actor_for(viewer), QueryDict("q=web"))
    assert [source.name for source in found.sources] == ["web-1", "web-2"]


def test_a_container_that_is_named_must_be_readable(row: Container, viewer: User) -> None:
    with pytest.raises(Unknown):
        selected(actor_for(viewer), QueryDict("container=999"))
    with pytest.raises(Unknown):
        selected(actor_for(viewer), QueryDict(""))
    found = selected(actor_for(viewer), QueryDict(f"container={row.pk}&container={row.pk}"))
    assert len(found.sources) == 1


def test_many_that_are_named_cost_no_query_each(
    live_host: Host, viewer: User, django_assert_max_num_queries: Any
) -> None:
    rows = [make_container(live_host, f"many-{n}") for n in range(MOST + 2)]
    numbers = [row.pk for row in reversed(rows)]
    actor = actor_for(viewer)
    with django_assert_max_num_queries(3):
        found = selected(actor, QueryDict("&".join(f"container={pk}" for pk in numbers)))
    assert [source.container for source in found.sources] == numbers[:MOST] and found.more == 2


def test_a_view_is_bounded(live_host: Host, viewer: User) -> None:
    for number in range(MOST + 3):
        make_container(live_host, f"many-{number:03}")
    found = selected(actor_for(viewer), QueryDict("q=many"))
    assert (len(found.sources), found.more) == (MOST, 3)
