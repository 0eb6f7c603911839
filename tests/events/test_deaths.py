"""What happened to a container when it last ended: cause, change before, the hour, the words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from html import unescape
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import QueryDict
from django.test import Client

from dashboard.live.topics.base import TOPICS
from fleet.access import Unknown
from fleet.actor import Actor, actor_for
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_state import FakeContainer
from fleet.models import Container, Event, Host, HostState, Role, User
from fleet.publish import ContainersChanged, publish_async
from fleet.selectors.death_details import plain
from fleet.selectors.deaths import SHOWN, Death, container_death
from fleet.selectors.exit_codes import exit_sentence, exit_words, signal_name
from tests.api.conftest import Caller
from tests.conftest import make_container
from tests.events.test_filters import add_job
from tests.events.test_folds import NOW, STOP, died, tell
from tests.live.pages import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def ended(host: Host) -> Container:
    """A container that ended at NOW."""
    times: dict[str, Any] = {"started_at": NOW - timedelta(minutes=5), "finished_at": NOW}
    return make_container(host, state="exited", exit_code=1, **times)


def own(row: Container, steps: list[Any], **fields: Any) -> list[Event]:
    known = {"object_id": row.engine_id, "object_name": row.name}
    return tell(row.host, steps, **{**known, **fields})


def death_of(actor: Actor, row: Container) -> Death:
    found = container_death(actor, row.pk)
    assert found is not None
    return found


# --- Why, and who --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "cause", "headline", "calm"),
    [
        ([died(0)], "itself", "It ended by itself, without an error", True),
        ([died(3)], "itself", "It ended by itself, with an error", False),
        ([died(139)], "itself", "Ended by the signal SIGSEGV", False),
        ([("oom", -1), ("oom", -1), died(137)], "memory", "Killed: it ran out of memory", False),
        (STOP, "signal", "Told to end from outside of Quayside", True),
        ([("die", 0, {"detail": {"exit_code": 137, "signal": "9"}})], "signal",
         "Told to end from outside of Quayside", True),
        ([("die", 0, {"detail": {"exit_code": 137, "oom": True}})], "memory",
         "Killed: it ran out of memory", False),
        # A child ran out of memory; the main process said so in its own way.
        ([("oom", -1), died(3)], "itself", "It ended by itself, with an error", False),
        ([("die", 0, {"detail": {"exit_code": 0, "oom": True}})], "itself",
         "It ended by itself, without an error", True),
        # A stop may give it a minute, and by any signal that it is made for.
        ([("start", -90), ("kill", -30, {"detail": {"signal": "28"}}), died(0), ("stop", 0.1)],
         "signal", "Told to end from outside of Quayside", True),
        # It was to read its settings, and crashed.
        ([("kill", -5, {"detail": {"signal": "1"}}), died(1)], "itself",
         "It ended by itself, with an error", False),
        ([("kill", -1, {"detail": {"signal": "1"}}), died(129)], "signal",
         "Told to end from outside of Quayside", False),
    ],
)  # fmt: skip
def test_it_says_why_it_ended(
    actor: Actor, ended: Container, steps: list[Any], cause: str, headline: str, calm: bool
) -> None:
    own(ended, steps)
    death = death_of(actor, ended)
    assert (death.cause, death.headline, death.calm) == (cause, headline, calm)
    assert death.meaning and death.by_whom


def test_it_says_who_stopped_it(actor: Actor, ended: Container) -> None:
    job = add_job(ended, "container.stop", finished_at=NOW + timedelta(seconds=2))
    own(ended, [*STOP[:1], died(137, 1), STOP[2]])
    death = death_of(actor, ended)
    assert (death.cause, death.job, death.by_whom) == ("job", job, "olga")
    assert death.headline == "Stopped by olga" and death.calm
    assert "did not end in the time" in death.meaning


@pytest.mark.parametrize(("code", "cause"), [(1, "itself"), (129, "job")])
def test_a_signal_to_read_settings_ends_nothing_by_itself(
    actor: Actor, ended: Container, code: int, cause: str
) -> None:
    add_job(ended, "container.kill", finished_at=NOW + timedelta(seconds=1))
    own(ended, [("kill", 0.1, {"detail": {"signal": "1"}}), died(code, 1)])
    assert death_of(actor, ended).cause == cause


def test_a_start_that_crashed_is_nobodys_doing(actor: Actor, ended: Container) -> None:
    job = add_job(ended, "container.start", finished_at=NOW + timedelta(seconds=2))
    own(ended, [("start", 0.5), died(1, 1)])
    death = death_of(actor, ended)
    assert (death.cause, death.job) == ("itself", None)
    assert death.change is not None and death.change.job == job
    assert (death.change.words, death.ran) == ("Started", timedelta(seconds=0.5))


def test_the_engines_flag_tells_of_memory_where_no_event_did(actor: Actor, host: Host) -> None:
    row = make_container(host, state="exited", exit_code=137, oom_killed=True, finished_at=NOW)
    death = death_of(actor, row)
    assert (death.cause, death.at, death.exit_code) == ("memory", NOW, 137)
    assert death.rows == [] and death.began == row.started_at


def test_an_end_that_no_event_told_is_the_last_one(actor: Actor, ended: Container) -> None:
    own(ended, [died(0, -600)])
    death = death_of(actor, ended)
    assert (death.at, death.exit_code) == (NOW, 1)


def test_it_runs_again(actor: Actor, host: Host) -> None:
    again = NOW + timedelta(seconds=3)
    row = make_container(host, started_at=again, finished_at=NOW, restart_count=2)
    own(row, [("start", -30), died(1), ("start", 3)])
    death = death_of(actor, row)
    assert death.runs_again and death.exit_code == 1 and death.ran == timedelta(seconds=30)


def test_the_run_began_when_the_engine_says_where_its_event_is_lost(
    actor: Actor, ended: Container
) -> None:
    own(ended, [("start", -90_000), died(1)])
    assert death_of(actor, ended).ran == timedelta(minutes=5)


@pytest.mark.parametrize("state", ["running", "created"])
def test_it_has_not_ended(actor: Actor, host: Host, state: str) -> None:
    assert container_death(actor, make_container(host, state=state).pk) is None


def test_it_counts_the_ends_of_that_hour(actor: Actor, ended: Container) -> None:
    own(ended, [died(1, -5000), died(1, -600), died(1, -300), died(1)])
    assert death_of(actor, ended).ends == 3


# --- What else happened --------------------------------------------------------------------


def test_it_shows_the_hour_before(actor: Actor, ended: Container, other_host: Host) -> None:
    own(ended, [("start", -4000), ("rename", -3000), died(1)])
    tell(ended.host, [("oom", -60)], object_id="d" * 64, object_name="neighbour")
    tell(ended.host, [("start", -50)], object_id="d" * 64, object_name="calm")
    tell(ended.host, [("unreachable", -40)], object_kind="host", object_name="stage-1")
    tell(other_host, [("oom", -30)], object_name="elsewhere")
    said = [(row.event.object_name, row.event.kind) for row in death_of(actor, ended).rows]
    assert said == [
        ("web-1", "die"), ("stage-1", "unreachable"), ("neighbour", "oom"), ("web-1", "rename"),
    ]  # fmt: skip


def test_many_problems_of_others_leave_its_own_in_sight(actor: Actor, ended: Container) -> None:
    own(ended, [("rename", -3000), died(1)])
    for number in range(SHOWN + 5):
        tell(ended.host, [("oom", -number)], object_id=f"{number:064x}", object_name="other")
    kinds = [row.event.kind for row in death_of(actor, ended).rows]
    assert kinds.count("oom") == SHOWN and "rename" in kinds and "die" in kinds


def test_it_is_not_for_others(stranger: User, ended: Container) -> None:
    with pytest.raises(Unknown):
        container_death(actor_for(stranger), ended.pk)


# --- Words ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [*range(160), 255, -1, 3221225786])
def test_every_exit_code_has_words(code: int) -> None:
    assert exit_words(code).startswith(str(code)) and exit_sentence(code).endswith((".", "?"))


@pytest.mark.parametrize(
    ("said", "name"), [("15", "SIGTERM"), (9, "SIGKILL"), ("SIGHUP", "SIGHUP"), ("usr1", "SIGUSR1")]
)
def test_signals_have_names(said: object, name: str) -> None:
    assert signal_name(said) == name


def test_what_is_meant_for_terminals_is_left_out() -> None:
    assert plain("\x1b[31mred\x1b[0m \x1b]0;title\x07end") == "red end"


# --- Page and API --------------------------------------------------------------------------


@pytest.fixture
def fallen(row: Container, real: FakeContainer, fake: FakeEngine) -> Container:
    """A container on the fake engine that wrote three lines and ended with 3."""
    for text, stream in (("one", 1), ("\x1b[31mtwo\x1b[0m <b>", 1), ("oh no", 2)):
        in_fake(fake, partial(real.write, text, stream))
    in_fake(fake, lambda: fake.state.stop(real))
    row.state, row.exit_code, row.finished_at = "exited", 3, NOW
    row.save()
    own(row, [("start", -7), died(3)])
    return row


def test_the_page_asks_nobody_and_its_part_asks_the_engine(
    fallen: Container, viewer: User, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(viewer)
    html = client.get(f"/containers/{fallen.pk}/death/").content.decode()
    assert "It ended by itself, with an error" in html and "oh no" not in html
    assert f'hx-get="/containers/{fallen.pk}/death/"' in html and "7.0 s" in html
    part = client.get(f"/containers/{fallen.pk}/death/", headers={"HX-Request": "true"})
    html = part.content.decode()
    assert "oh no" in html and "two &lt;b&gt;" in html and "\x1b" not in html
    assert '<dd id="death-policy" hx-swap-oob="true">' in html and "<h1>" not in html


def test_without_scripts_it_is_one_page(
    fallen: Container, viewer: User, sign_in: Callable[[User], Client]
) -> None:
    html = sign_in(viewer).get(f"/containers/{fallen.pk}/death/?now=1").content.decode()
    assert "oh no" in html and "It ended by itself, with an error" in html and "<h1>" in html


def test_a_host_that_is_away_is_not_waited_for(
    ended: Container, viewer: User, sign_in: Callable[[User], Client]
) -> None:
    Host.objects.update(state=HostState.UNREACHABLE, state_message="The cable is cut.")
    own(ended, [died(1)])
    part = sign_in(viewer).get(
        f"/containers/{ended.pk}/death/", headers={"HX-Request": "true"}
    ).content.decode()  # fmt: skip
    assert "cannot be asked now" in part and "its policy cannot be asked for now" in part


def test_the_log_takes_its_permission(
    fallen: Container, viewer: User, sign_in: Callable[[User], Client],
    call_as: Callable[..., Caller],
) -> None:  # fmt: skip
    Role.objects.filter(name="viewer").update(permissions=["host.view", "container.view"])
    part = sign_in(viewer).get(
        f"/containers/{fallen.pk}/death/", headers={"HX-Request": "true"}
    ).content.decode()  # fmt: skip
    assert "You may not read" in part and "oh no" not in part
    status, body = call_as(viewer).call("GET", f"/containers/{fallen.pk}/death")
    assert status == 200 and body["log"]["items"] == [] and "may not" in body["log"]["problem"]
    assert body["engine"]["restart_policy"] == "no"


def test_the_api_tells_the_same(
    fallen: Container, viewer: User, call_as: Callable[..., Caller]
) -> None:
    tell(fallen.host, [("oom", -60)], object_id="d" * 64, object_name="neighbour")
    status, body = call_as(viewer).call("GET", f"/containers/{fallen.pk}/death?lines=2")
    assert (status, body["exit_code"], body["cause"]) == (200, 3, "itself")
    assert body["headline"] == "It ended by itself, with an error" and body["ran_seconds"] == 7
    assert [line["text"] for line in body["log"]["items"]][-1] == "oh no"
    assert len(body["log"]["items"]) == 2 and body["log"]["problem"] == ""
    assert [event["object_name"] for event in body["events"]] == ["web-1", "web-1", "neighbour"]
    assert (body["by"], body["change"]["words"]) == (None, "Created")


def test_the_api_reads_no_log_when_not_asked(
    fallen: Container, viewer: User, call_as: Callable[..., Caller]
) -> None:
    _status, body = call_as(viewer).call("GET", f"/containers/{fallen.pk}/death?lines=0")
    assert body["log"] == {"items": [], "problem": ""}


def test_the_api_says_that_it_has_not_ended(
    container: Container, viewer: User, call_as: Callable[..., Caller]
) -> None:
    status, problem = call_as(viewer).call("GET", f"/containers/{container.pk}/death")
    assert (status, problem["detail"]) == (409, "This container has not ended.")


@pytest.mark.django_db(transaction=True)
async def test_the_page_is_told_of_a_newer_end(administrator: User, ended: Container) -> None:
    await sync_to_async(own)(ended, [died(1)])
    note = f"container-death-{ended.pk}"
    args = f"id={ended.pk}&host={ended.host_id}&end=2026-03-01T12:00:00.000%2B00:00"
    async with Page(administrator) as page:
        await page.follow(topic="container-death", args=args)
        await page.shows(lambda page: "<p" not in page.html.get(note, "<p"))
        await sync_to_async(own)(ended, [died(1, 60)])
        await publish_async(ContainersChanged(ended.host_id, [ended.pk], []))
        await page.shows(lambda page: "It ended again" in page.html[note])


def test_the_page_says_which_end_it_shows(
    ended: Container, actor: Actor, viewer: User, sign_in: Callable[[User], Client]
) -> None:
    own(ended, [died(1)])
    html = sign_in(viewer).get(f"/containers/{ended.pk}/death/").content.decode()
    args = html.split('data-live-topic="container-death" data-live-args="')[1].split('"')[0]
    snapshot = TOPICS["container-death"].load(actor, QueryDict(unescape(args)))
    assert snapshot.parts[f"container-death-{ended.pk}"].rev == "0"
