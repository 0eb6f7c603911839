"""Doing something to containers, over HTTP: one and many."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.http import QueryDict
from django.test import Client

from fleet.models import Container, Environment, Host, Job, User
from fleet.selectors.containers import ContainerQuery
from tests.conftest import grant, make_container, make_host

SignIn = Callable[[User], Client]
JSON = {"Accept": "application/json"}
DIALOG = {"HX-Request": "true", "Accept": "text/html"}


@pytest.fixture
def client(administrator: User, sign_in: SignIn) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


def address(container: Container, slug: str) -> str:
    return f"/containers/{container.pk}/{slug}/"


def make_many(host: Host, count: int, **fields: object) -> list[Container]:
    return [make_container(host, f"{host.name}-{number}", **fields) for number in range(count)]


def test_it_restarts_at_a_click(client: Client, container: Container) -> None:
    answer = client.post(address(container, "restart"), headers=JSON)
    job = Job.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {
        "job": {
            "id": job.pk,
            "href": f"/jobs/{job.pk}/",
            "message": "Restarting web-1 on stage-1 …",
        }
    }


def test_it_works_without_scripts(client: Client, container: Container) -> None:
    answer = client.post(address(container, "restart"))
    assert answer.headers["Location"] == f"/jobs/{Job.objects.get().pk}/"
    back = client.post(address(container, "start"), {"next": "/containers/?state=exited"})
    assert back.headers["Location"] == "/containers/?state=exited"


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_it_never_leads_elsewhere(client: Client, container: Container, back: str) -> None:
    answer = client.post(address(container, "restart"), {"next": back})
    assert answer.headers["Location"].startswith("/jobs/")


def test_it_makes_one_job_of_a_double_click(client: Client, container: Container) -> None:
    for _click in range(2):
        assert client.post(address(container, "restart"), headers=JSON).status_code == 202
    assert Job.objects.count() == 1


def test_it_takes_parameters_from_the_form(client: Client, container: Container) -> None:
    client.post(address(container, "stop"), {"timeout": "30"})
    assert Job.objects.get().params == {"timeout": 30}


@pytest.mark.parametrize(
    ("slug", "data", "field"),
    [
        ("stop", {"timeout": "soon"}, "timeout"),
        ("stop", {"timeout": "99999999999999999999"}, "timeout"),
        ("rename", {"confirmed": "1", "name": "<script>"}, "name"),
        ("rename", {"confirmed": "1", "name": ""}, "name"),
        ("rename", {"confirmed": "1", "name": "x" * 5000}, "name"),
        ("kill", {"confirmed": "1", "signal": "SIGNOTHING"}, "signal"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    client: Client, container: Container, slug: str, data: dict[str, str], field: str
) -> None:
    answer = client.post(address(container, slug), data, headers=JSON)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    page = client.post(address(container, slug), data)
    assert page.status_code == 400
    assert f'id="id_{field}_error"' in page.content.decode()
    assert not Job.objects.exists()


@pytest.mark.parametrize("slug", ["kill", "remove", "rename"])
def test_it_asks_before_it_destroys(client: Client, container: Container, slug: str) -> None:
    refused = client.post(address(container, slug), headers=JSON)
    assert (refused.status_code, refused.json()["confirm"]) == (409, address(container, slug))
    dialog = client.post(address(container, slug), headers=DIALOG)
    assert dialog.status_code == 200
    assert "<html" not in dialog.content.decode()
    assert 'name="confirmed"' in dialog.content.decode()
    assert "<html" in client.get(address(container, slug)).content.decode()
    assert not Job.objects.exists()


def test_it_removes_when_told_so(client: Client, container: Container) -> None:
    data = {"confirmed": "1", "force": "on"}
    assert client.post(address(container, "remove"), data, headers=JSON).status_code == 202
    assert Job.objects.get().params == {"force": True, "volumes": False}


def test_it_wants_the_name_typed_in_production(client: Client, other_host: Host) -> None:
    container = make_container(other_host, "db-1")
    wrong = client.post(
        address(container, "remove"), {"confirmed": "1", "typed": "db"}, headers=JSON
    )
    assert (wrong.status_code, list(wrong.json()["fields"])) == (400, ["typed"])
    assert not Job.objects.exists()
    right = {"confirmed": "1", "typed": "db-1"}
    assert client.post(address(container, "remove"), right, headers=JSON).status_code == 202


def test_it_shows_what_goes(client: Client, host: Host) -> None:
    volume = {"type": "volume", "name": "pgdata", "destination": "/var/lib/<b>"}
    container = make_container(host, "db-1", mounts=[volume])
    page = client.get(address(container, "remove")).content.decode()
    for text in ("db-1", "pgdata", "volume at /var/lib/&lt;b&gt;", "It runs"):
        assert text in page


@pytest.mark.parametrize("slug", ["explode", "exec", "view"])
def test_it_knows_no_other_actions(client: Client, container: Container, slug: str) -> None:
    assert client.post(address(container, slug)).status_code == 404


def test_it_keeps_strangers_and_viewers_out(
    container: Container, stranger: User, viewer: User, sign_in: SignIn
) -> None:
    for slug in ("restart", "remove"):
        assert sign_in(stranger).post(address(container, slug)).status_code == 404
        assert sign_in(viewer).post(address(container, slug)).status_code == 403
        assert sign_in(viewer).get(address(container, slug)).status_code == 403
    assert not Job.objects.exists()


# --- Many ----------------------------------------------------------------------------------

BULK = "/containers/bulk/"


def test_it_previews_what_would_happen(client: Client, host: Host) -> None:
    rows = make_many(host, 3)
    make_container(host, "down", state="exited")
    ids = [str(row.pk) for row in Container.objects.all()]
    page = client.post(f"{BULK}?operation=container.stop", {"ids": ids}).content.decode()
    assert "Stop 3 containers" in page
    assert "It is exited." in page
    assert "at most 3 at once" in page
    assert ",".join(str(row.pk) for row in rows) in page
    assert not Job.objects.exists()


def test_it_says_beforehand_what_runs_and_will_not_be_removed(client: Client, host: Host) -> None:
    made = [*make_many(host, 2), make_container(host, "ended", state="exited")]
    sent = {"operation": "container.remove", "ids": [row.pk for row in made]}
    assert "2 of them run" in client.post(BULK, sent, headers=DIALOG).content.decode()
    sent["operation"] = "container.restart"
    assert "of them run" not in client.post(BULK, sent, headers=DIALOG).content.decode()


def test_it_does_what_was_previewed(client: Client, host: Host) -> None:
    rows = make_many(host, 3)
    ids = ",".join(str(row.pk) for row in rows)
    data = {"operation": "container.stop", "ids": ids, "confirmed": "1", "timeout": "5"}
    answer = client.post(BULK, data)
    parent = Job.objects.get(parent__isnull=True)
    assert answer.headers["Location"] == f"/jobs/{parent.pk}/"
    assert parent.children.count() == 3
    assert parent.children.first().params == {"timeout": 5}  # type: ignore[union-attr]


def test_a_double_click_leads_to_one_job(client: Client, host: Host) -> None:
    ids = ",".join(str(row.pk) for row in make_many(host, 12))
    data = {"operation": "container.restart", "ids": ids, "confirmed": "1", "typed": "12"}
    answers = [client.post(BULK, {**data, "timeout": "5"}) for _click in range(2)]
    parent = Job.objects.get(parent__isnull=True)
    assert [answer.headers["Location"] for answer in answers] == [f"/jobs/{parent.pk}/"] * 2
    assert parent.children.count() == 12


def test_it_says_what_is_left_out_because_it_is_under_way(client: Client, host: Host) -> None:
    one, two = make_many(host, 2)
    data = {"operation": "container.restart", "ids": str(one.pk), "confirmed": "1"}
    first = client.post(BULK, data, headers=JSON).json()["job"]["id"]
    data["ids"] = f"{one.pk},{two.pk}"
    page = client.post(BULK, {**data, "confirmed": ""}, headers=DIALOG).content.decode()
    assert "Restart 1 container" in page
    assert f"It is under way already, in job {first}." in page
    told = client.post(BULK, data, headers=JSON).json()["job"]["message"]
    assert told.endswith("1 is left out: it is under way already.")


def test_wrong_parameters_of_many_are_said_at_their_field(client: Client, host: Host) -> None:
    row, *_ = make_many(host, 1)
    data = {"operation": "container.stop", "ids": str(row.pk), "confirmed": "1", "timeout": "x"}
    answer = client.post(BULK, data, headers=JSON)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["timeout"]


def test_it_takes_all_that_match_the_filter(
    client: Client, host: Host, staging: Environment
) -> None:
    make_many(host, 3)
    make_many(make_host("stage-2", staging), 2)
    query = "operation=container.stop&host=stage-2"
    page = client.post(f"{BULK}?{query}", {"all": "1"}, headers=DIALOG).content.decode()
    assert "Stop 2 containers" in page
    assert "<html" not in page


def test_it_takes_all_of_a_list_without_filters(client: Client, host: Host) -> None:
    make_many(host, 3)
    query = "operation=container.stop&q=+&host="
    page = client.post(f"{BULK}?{query}", {"all": "1"}, headers=DIALOG).content.decode()
    assert "Stop 3 containers" in page


@pytest.mark.parametrize(
    "query", ["host=%00", "host=+", "stack=%0A", "state=nope", "q=" + "w" * 201]
)
def test_it_never_takes_all_by_a_filter_that_means_nothing(
    client: Client, host: Host, query: str
) -> None:
    make_many(host, 3)
    address = f"{BULK}?operation=container.stop&{query}"
    answer = client.post(address, {"all": "1"}, headers=DIALOG)
    assert answer.status_code == 400
    assert answer.json()["message"] == " ".join(ContainerQuery.parse(QueryDict(query)).problems)


@pytest.mark.parametrize(("typed", "status"), [("", 400), ("11", 400), ("12", 202)])
def test_it_wants_the_number_typed_for_more_than_ten(
    client: Client, host: Host, typed: str, status: int
) -> None:
    ids = ",".join(str(row.pk) for row in make_many(host, 12))
    data = {"operation": "container.stop", "ids": ids, "confirmed": "1", "typed": typed}
    assert client.post(BULK, data, headers=JSON).status_code == status
    assert Job.objects.exists() == (status == 202)


def test_it_touches_only_what_the_user_may(
    operator: User, host: Host, other_host: Host, sign_in: SignIn
) -> None:
    mine, *_ = make_many(host, 1)
    hidden, *_ = make_many(other_host, 1)
    data = {
        "operation": "container.stop",
        "ids": f"{mine.pk},{hidden.pk},99999,abc,-1",
        "confirmed": "1",
    }
    assert sign_in(operator).post(BULK, data, headers=JSON).status_code == 202
    assert [job.target_id for job in Job.objects.filter(parent__isnull=False)] == [mine.pk]
    grant(operator, "viewer", other_host)
    page = sign_in(operator).post(BULK, {**data, "confirmed": ""}).content.decode()
    assert "You may not do this on prod-1." in page


@pytest.mark.parametrize("operation", ["", "container.rename", "container.explode", "host.remove"])
def test_it_knows_no_other_operations_on_many(client: Client, operation: str) -> None:
    assert client.post(BULK, {"operation": operation, "ids": "1"}).status_code == 404


def test_it_says_that_nothing_was_chosen(client: Client) -> None:
    answer = client.post(BULK, {"operation": "container.stop"}, headers=DIALOG)
    assert answer.status_code == 400
    assert answer.json()["message"] == "Choose at least one container first."
    assert client.post(BULK, {"operation": "container.stop"}).status_code == 302
    assert client.get(BULK).status_code == 405


def test_it_refuses_viewers_everything(host: Host, viewer: User, sign_in: SignIn) -> None:
    row, *_ = make_many(host, 1)
    data = {"operation": "container.stop", "ids": str(row.pk), "confirmed": "1"}
    assert sign_in(viewer).post(BULK, data).status_code == 403
    assert not Job.objects.exists()
