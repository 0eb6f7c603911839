"""A container's pages by role, with an engine behind them and without."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.live.topics import TOPICS
from dashboard.live.topics.container import args_of
from fleet.actor import actor_for
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_state import FakeContainer
from fleet.models import AuditEntry, AuditResult, Container, Event, Host, HostState, Job, User
from fleet.selectors.jobs import LATEST
from fleet.selectors.masking import MASK
from tests.conftest import make_container
from tests.container.conftest import SECRET

SignIn = Callable[[User], Client]
TABS = ["", "logs/", "environment/", "processes/", "changes/", "inspect/", "events/", "jobs/"]
ASKED = ["environment/", "processes/", "changes/", "inspect/", "health/"]


def url(row: Container, rest: str = "") -> str:
    """Return an address below a container's page."""
    return f"/containers/{row.pk}/{rest}"


@pytest.mark.parametrize("tab", TABS)
def test_it_shows_every_tab_without_asking_the_host(
    tab: str, row: Container, fake: FakeEngine, viewer: User, sign_in: SignIn
) -> None:
    in_fake(fake, lambda: setattr(fake.faults, "hang", True))
    response = sign_in(viewer).get(url(row, tab))
    page = response.content.decode()
    assert response.status_code == 200
    assert "<h1>web-1</h1>" in page and SECRET not in page
    assert page.count('aria-current="page"') >= 2
    assert fake.requests == []


@pytest.mark.parametrize("tab", [*TABS, "health/", "inspect.json", "logs.txt"])
def test_it_knows_no_such_container_for_strangers(
    tab: str, row: Container, stranger: User, sign_in: SignIn
) -> None:
    assert sign_in(stranger).get(url(row, tab)).status_code == 404


def test_it_shows_what_the_row_knows(row: Container, viewer: User, sign_in: SignIn) -> None:
    page = sign_in(viewer).get(url(row)).content.decode()
    for words in (
        "shop/web",
        ">8080<",
        "/data",
        "172.17.0.2",
        "Compose project",
        "no health check",
    ):
        assert words in page, words
    assert f"--password={MASK}" in page
    assert 'href="http://testserver:8080"' in page
    assert 'href="/containers/?stack=shop&amp;service=web"' in page


def test_it_offers_only_what_is_allowed_and_sensible(
    row: Container, viewer: User, operator: User, sign_in: SignIn
) -> None:
    assert "formaction" not in sign_in(viewer).get(url(row)).content.decode().split("<main")[1]
    page = sign_in(operator).get(url(row)).content.decode()
    assert f'formaction="{url(row, "stop/")}"' in page
    assert f'formaction="{url(row, "start/")}"' not in page
    assert f'formaction="{url(row, "remove/")}"' not in page, "operators do not remove"
    Container.objects.update(state="exited", exit_code=137, oom_killed=True)
    page = sign_in(operator).get(url(row)).content.decode()
    assert "exit 137: killed, out of memory" in page
    assert f'formaction="{url(row, "start/")}"' in page
    assert f'formaction="{url(row, "stop/")}"' not in page


def test_it_escapes_names_and_labels(row: Container, viewer: User, sign_in: SignIn) -> None:
    evil = "<script>alert(1)</script>"
    Container.objects.update(
        name=evil, command=evil, image=evil, labels={evil: evil}, compose_project=evil,
        mounts=[{"type": evil, "source": evil, "destination": evil}], networks=[{"name": evil}],
        ports=[{"container_port": evil, "protocol": evil, "host_port": 80, "host_ip": evil}],
    )  # fmt: skip
    for tab in TABS:
        response = sign_in(viewer).get(url(row, tab))
        assert response.status_code == 200
        assert evil not in response.content.decode()


def test_it_shows_the_last_known_state_while_the_host_is_away(
    row: Container, viewer: User, sign_in: SignIn
) -> None:
    Host.objects.update(state=HostState.UNREACHABLE, state_message="It does not answer.")
    page = sign_in(viewer).get(url(row)).content.decode()
    assert "Could not reach fake-1: It does not answer." in page
    assert "last seen" in page
    part = sign_in(viewer).get(url(row, "changes/"), headers={"HX-Request": "true"})
    assert "fake-1 cannot be asked now" in part.content.decode()


@pytest.mark.parametrize("tab", ASKED)
def test_it_answers_as_a_fragment_and_as_a_page(
    tab: str, row: Container, viewer: User, sign_in: SignIn
) -> None:
    client = sign_in(viewer)
    part = client.get(url(row, tab), headers={"HX-Request": "true"})
    whole = client.get(url(row, f"{tab}?now=1"))
    assert part.status_code == whole.status_code == 200
    assert "<html" not in part.content.decode() and "<html" in whole.content.decode()
    for response in (part, whole):
        assert response["Cache-Control"] == "no-store"
        assert "HX-Request" in response["Vary"]
        assert SECRET not in response.content.decode()


def test_it_hides_values_and_offers_to_show_them(
    row: Container, viewer: User, operator: User, sign_in: SignIn
) -> None:
    page = sign_in(viewer).get(url(row, "environment/?now=1")).content.decode()
    assert MASK in page and "Show all" not in page and "you need the permission" in page
    page = sign_in(operator).get(url(row, "environment/?now=1")).content.decode()
    assert MASK in page and "Show all" in page and SECRET not in page


def test_it_reveals_by_post_only_and_writes_it_down(
    row: Container, operator: User, sign_in: SignIn
) -> None:
    client = sign_in(operator)
    assert client.get(url(row, "environment/reveal/")).status_code == 405
    whole = client.post(url(row, "environment/reveal/"))
    assert SECRET in whole.content.decode() and whole["Cache-Control"] == "no-store"
    one = client.post(
        url(row, "environment/reveal/"), {"name": "URL"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert one.startswith("<tr>") and f"app:{SECRET}@db" in one and "DB_PASSWORD" not in one
    entries = AuditEntry.objects.filter(action="container.secrets").order_by("number")
    assert [entry.detail["names"] for entry in entries] == [["DB_PASSWORD", "URL"], ["URL"]]
    assert {entry.actor_name for entry in entries} == {"olga"}
    assert SECRET not in str([entry.detail for entry in entries])


def test_it_refuses_to_reveal_to_viewers_and_writes_that_down(
    row: Container, viewer: User, sign_in: SignIn
) -> None:
    response = sign_in(viewer).post(url(row, "environment/reveal/"))
    assert response.status_code == 403
    assert SECRET not in response.content.decode()
    entry = AuditEntry.objects.get(action="container.secrets")
    assert entry.result == AuditResult.REFUSED


def test_it_gives_the_raw_tree_as_a_file(row: Container, viewer: User, sign_in: SignIn) -> None:
    response = sign_in(viewer).get(f"/containers/{row.pk}/inspect.json")
    assert response["Content-Disposition"] == 'attachment; filename="web-1.json"'
    tree = json.loads(response.content)
    assert tree["Name"] == "/web-1" and SECRET not in response.content.decode()


def test_it_shows_the_end_of_the_log_without_scripts(
    row: Container, real: FakeContainer, fake: FakeEngine, viewer: User, sign_in: SignIn
) -> None:
    in_fake(fake, lambda: real.write("hello <script>"))
    in_fake(fake, lambda: real.write("oh no", stream=2))
    page = sign_in(viewer).get(url(row, "logs/?now=1")).content.decode()
    assert "hello &lt;script&gt;" in page and "err oh no" in page


def test_it_keeps_logs_from_who_may_not_read_them(
    row: Container, make_user: Callable[..., User], sign_in: SignIn
) -> None:
    from fleet.models import Grant, Role, Scope

    user = make_user("nolog")
    role = Role.objects.create(name="looker", permissions=["host.view", "container.view"])
    Grant.objects.create(user=user, role=role, scope=Scope.HOST, host=row.host)
    client = sign_in(user)
    assert client.get(url(row)).status_code == 200
    assert client.get(url(row, "logs/")).status_code == 403
    assert client.get(f"/containers/{row.pk}/logs.txt").status_code == 403


def test_it_lists_its_events_and_jobs(
    row: Container, container: Container, operator: User, sign_in: SignIn
) -> None:
    for one in (row, container):
        Event.objects.create(
            host=one.host, at=one.seen_at, kind="start", object_kind="container",
            object_id=one.engine_id, object_name=f"event-of-{one.pk}",
        )  # fmt: skip
        Job.objects.create(
            operation="container.restart", host=one.host, host_name=one.host.name,
            target_kind="container", target_id=one.pk, target_name=f"job-of-{one.pk}",
            message="done",
        )  # fmt: skip
    events = sign_in(operator).get(url(row, "events/")).content.decode()
    assert f"event-of-{row.pk}" in events and f"event-of-{container.pk}" not in events
    ours, other = Job.objects.order_by("pk")
    jobs = sign_in(operator).get(url(row, "jobs/")).content.decode()
    assert f'href="/jobs/{ours.pk}/"' in jobs and f'href="/jobs/{other.pk}/"' not in jobs
    assert "The latest" not in jobs and f'href="/jobs/?host={row.host.name}"' in jobs


def test_its_first_paint_of_jobs_is_what_a_socket_would_send(
    row: Container, operator: User, sign_in: SignIn
) -> None:
    make_job(row)
    page = sign_in(operator).get(url(row, "jobs/")).content.decode()
    snapshot = TOPICS["container-jobs"].load(actor_for(operator), QueryDict(args_of(row)))
    assert len(snapshot.lists["job-rows"]) == 1
    for element_id, part in snapshot.parts.items():
        assert re.search(f'id="{element_id}" data-rev="{part.rev}"', page), element_id


def test_it_says_when_there_are_more_jobs_than_it_shows(
    row: Container, operator: User, sign_in: SignIn
) -> None:
    client = sign_in(operator)
    make_job(row)
    client.get(url(row, "jobs/"))  # the first one of a session writes more
    with CaptureQueriesContext(connection) as one:
        assert "The latest" not in client.get(url(row, "jobs/")).content.decode()
    for _number in range(LATEST):
        make_job(row)
    with CaptureQueriesContext(connection) as many:
        page = client.get(url(row, "jobs/")).content.decode()
    assert page.count('id="container-job-') == LATEST and f"The latest {LATEST}." in page
    assert len(many) == len(one)


def make_job(row: Container, **fields: Any) -> Job:
    """Make a restart of a container."""
    return Job.objects.create(
        operation="container.restart", host=row.host, host_name=row.host.name,
        target_kind="container", target_id=row.pk, target_name=row.name, **fields,
    )  # fmt: skip


def test_it_takes_no_action_for_a_tab(row: Container, operator: User, sign_in: SignIn) -> None:
    assert sign_in(operator).get(url(row, "stop/")).status_code == 200
    assert sign_in(operator).post(url(row, "logs/")).status_code == 405


def remove(row: Container, name: str = "") -> Event:
    """Remove a container of which a job remembers the row; return the engine's event."""
    Job.objects.create(
        operation="container.remove", host=row.host, target_kind="container", target_id=row.pk,
        target_engine_id=row.engine_id, target_name=row.name, state="succeeded",
    )  # fmt: skip
    told = Event.objects.create(
        host=row.host, at=timezone.now(), kind="destroy", object_kind="container",
        object_id=row.engine_id, object_name=name or row.name,
    )  # fmt: skip
    Container.objects.filter(pk=row.pk).delete()
    return told


@pytest.mark.parametrize("tab", TABS)
def test_it_says_what_a_removed_container_was(
    tab: str, row: Container, viewer: User, sign_in: SignIn
) -> None:
    told = remove(row, "web-old")
    response = sign_in(viewer).get(url(row, tab))
    page = response.content.decode()
    assert response.status_code == 404
    assert "web-old was removed from fake-1" in page and told.at.isoformat()[:16] in page
    assert "[[" not in page
    events = f"/events/?host={row.host_id}&amp;container={row.engine_id}"
    assert f'href="{events}"' in page and f'href="/hosts/{row.host_id}/"' in page
    listed = sign_in(viewer).get(events.replace("&amp;", "&")).content.decode()
    assert f"event-{told.pk}" in listed


def test_it_leads_from_a_removed_container_to_its_successor(
    row: Container, viewer: User, sign_in: SignIn
) -> None:
    remove(row)
    heir = make_container(row.host, "web-1", engine_id="f" * 64)
    page = sign_in(viewer).get(url(row)).content.decode()
    assert f'href="/containers/{heir.pk}/"' in page


def test_it_tells_scripts_only_that_there_is_none(
    row: Container, viewer: User, sign_in: SignIn
) -> None:
    remove(row)
    client = sign_in(viewer)
    said = client.get(url(row), headers={"Accept": "application/json"})
    assert (said.status_code, said.json()) == (404, {"message": "There is no such container."})
    part = client.get(url(row, "processes/"), headers={"HX-Request": "true"})
    assert part.status_code == 404 and "web-1" not in part.content.decode()


def test_it_is_silent_on_a_removed_container_whose_host_is_not_one_s_own(
    row: Container, stranger: User, sign_in: SignIn
) -> None:
    remove(row)
    Job.objects.update(actor=stranger)  # they asked when they still might
    page = sign_in(stranger).get(url(row))
    assert page.status_code == 404 and "web-1" not in page.content.decode()


@pytest.mark.parametrize("pk", [0, 10**9, 2**63, 10**30])
def test_it_knows_nothing_of_what_never_was(pk: int, viewer: User, sign_in: SignIn) -> None:
    page = sign_in(viewer).get(f"/containers/{pk}/")
    assert page.status_code == 404 and "There is no such container." in page.content.decode()
