"""Triggers as plain pages and by the API: what is shown to whom, and a secret just once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from fleet.actor import actor_for
from fleet.models import AuditEntry, Build, BuildSchedule, Host, Job, User, Webhook
from fleet.operations.schedules import schedule_create
from fleet.tokens import create_token
from tests.triggers.conftest import Deliver
from tests.triggers.senders import github, github_push

SignIn = Callable[[User], Client]
Hook = Callable[..., tuple[Webhook, str]]


@pytest.fixture
def client(sign_in: SignIn, dora: User) -> Client:
    return sign_in(dora)


@pytest.fixture
def call(dora: User) -> Callable[..., Any]:
    """call("POST", path, body) -> the API's answer to her token."""
    bearer = {"Authorization": f"Bearer {create_token(dora, 'test')[1]}"}
    client = Client(headers=bearer)

    def ask(method: str, path: str, body: Any = None) -> Any:
        text = "" if body is None else json.dumps(body)
        return client.generic(method, f"/api/v1/builds/{path}", text, "application/json")

    return ask


def test_a_webhook_by_plain_forms(client: Client, build: Build) -> None:
    page = client.get(f"/builds/{build.pk}/webhooks/add/").content.decode()
    assert 'value="main"' in page
    form = {"name": "pushes", "branches": "main release/*", "tags": "", "enabled": "on"}
    made = client.post(f"/builds/{build.pk}/webhooks/add/?kind=gitea", form)
    row = Webhook.objects.get()
    assert (row.kind, row.branches, row.owner_name) == ("gitea", "main, release/*", "dora")
    assert row.secret in made.content.decode()
    assert "no-store" in made.headers["Cache-Control"]
    shown = client.get(f"/builds/{build.pk}/webhooks/{row.pk}/").content.decode()
    assert row.secret not in shown
    assert f"/hooks/{row.public_id}/" in shown
    assert "Nothing came yet" in shown
    old = row.secret
    again = client.post(f"/builds/{build.pk}/webhooks/{row.pk}/rotate/", {})
    row.refresh_from_db()
    assert row.secret != old
    assert row.secret in again.content.decode()
    given = "a-token-of-my-own"
    told = client.post(
        f"/builds/{build.pk}/webhooks/{row.pk}/rotate/", {"secret": given}, follow=True
    )
    row.refresh_from_db()
    assert row.secret == given
    assert given not in told.content.decode()
    client.post(f"/builds/{build.pk}/webhooks/{row.pk}/remove/")
    assert not Webhook.objects.exists()
    entries = AuditEntry.objects.filter(target_name="app").order_by("number")
    actions = list(entries.values_list("action", flat=True))
    assert actions == ["webhook.create", "webhook.rotate", "webhook.rotate", "webhook.remove"]
    log = str(list(AuditEntry.objects.values_list("detail", flat=True)))
    assert all(secret not in log for secret in (old, given, "whsec_"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": ""}, "Enter a name"),
        ({"branches": "[x]"}, "cannot be a pattern"),
        ({"branches": ""}, "nothing would ever start it"),
        ({"secret": "short"}, "Use 16 to 200"),
        ({"secret": "whsec_not base64 at all"}, "without spaces"),
        ({"secret": "whsec_not-base64-at-all"}, "not base64"),
        ({"name": "GitHub"}, "a webhook of this name already"),
    ],
)
def test_a_webhook_that_cannot_be(
    client: Client, build: Build, hook: Hook, data: dict[str, str], words: str
) -> None:
    hook("github", name="github")
    form = {"name": "pushes", "branches": "main", "tags": "", "secret": "", **data}
    answer = client.post(f"/builds/{build.pk}/webhooks/add/", form)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert not data.get("secret") or data["secret"] not in page
    assert Webhook.objects.count() == 1


def test_a_schedule_by_plain_forms(client: Client, build: Build) -> None:
    page = client.get(f"/builds/{build.pk}/schedules/add/?cron=0+4+*+*+sun").content.decode()
    assert page.count("<li>Sunday ") == 3
    form = {"cron": "61 * * * *", "zone": "Europe/Berlin", "ref": "", "enabled": "on"}
    wrong = client.post(f"/builds/{build.pk}/schedules/add/", form)
    assert (wrong.status_code, "“61” is no minute" in wrong.content.decode()) == (422, True)
    client.post(f"/builds/{build.pk}/schedules/add/", {**form, "cron": "1  2 * * *"})
    row = BuildSchedule.objects.get()
    assert (row.cron, row.zone, row.enabled) == ("1 2 * * *", "Europe/Berlin", True)
    off = {**form, "cron": "1 2 * * *"}
    del off["enabled"]
    client.post(f"/builds/{build.pk}/schedules/{row.pk}/edit/", off)
    row.refresh_from_db()
    assert (row.enabled, row.next_at) == (False, None)
    shown = client.get(f"/builds/{build.pk}/").content.decode()
    assert "switched off" in shown


def test_times_while_one_types(client: Client) -> None:
    query = {"cron": "30 2 29 3 *", "zone": "Europe/Berlin"}
    times = client.get("/builds/times/", query).content.decode()
    assert "29 March" in times
    assert ", 03:00" in times or ", 02:30" in times
    for query in ({"cron": "x"}, {"cron": "* * * * *", "zone": "../../etc"}, {}):
        assert "field-error" in client.get("/builds/times/", query).content.decode()


def test_a_viewer_sees_and_changes_nothing(
    sign_in: SignIn, make_user: Any, build: Build, host: Host, hook: Hook, dora: User
) -> None:
    row, secret = hook()
    schedule_create(actor=actor_for(dora), build_id=build.pk, data={"cron": "0 3 * * *"})
    client = sign_in(make_user("vic", role="viewer", on=host))
    page = client.get(f"/builds/{build.pk}/").content.decode()
    assert "0 3 * * *" in page
    shown = client.get(f"/builds/{build.pk}/webhooks/{row.pk}/").content.decode()
    for text in (page, shown):
        for words in ("/schedules/", "/webhooks/add/", "/rotate/", "/remove/", secret):
            assert words not in text


def test_another_branch_for_once(client: Client, build: Build) -> None:
    page = client.get(f"/builds/{build.pk}/").content.decode()
    assert f"/builds/{build.pk}/run/other/" in page
    assert 'name="ref"' in client.get(f"/builds/{build.pk}/run/other/").content.decode()
    answer = client.post(f"/builds/{build.pk}/run/", {"ref": " release/1 "})
    assert answer.headers["Location"] == f"/builds/{build.pk}/runs/1/"
    assert Job.objects.get().params == {"ref": "release/1"}
    run = client.get(answer.headers["Location"]).content.decode()
    assert "release/1" in run
    refused = client.post(
        f"/builds/{build.pk}/run/", {"ref": "--x"}, headers={"Accept": "application/json"}
    )
    assert (refused.status_code, "cannot be the name" in refused.json()["message"]) == (422, True)


def test_by_the_api(call: Callable[..., Any], build: Build, deliver: Deliver) -> None:
    made = call("POST", f"{build.pk}/webhooks", {"name": "ci", "kind": "github"}).json()
    assert (made["branches"], made["owner"]) == ("main", "dora")
    secret = made["secret"]
    row = Webhook.objects.get()
    body = github_push()
    deliver(row, body, github(secret, body))
    path = f"{build.pk}/webhooks/{row.pk}"
    shown = call("GET", path)
    assert secret not in shown.content.decode()
    assert shown.json()["url"].endswith(f"/hooks/{row.public_id}/")
    sent = call("GET", f"{path}/deliveries").json()["items"]
    assert [(one["result"], one["ref"], one["run"]) for one in sent] == [("started", "main", 1)]
    assert sent[0]["message"] == "Started run #1."
    assert call("PATCH", path, {"branches": ""}).status_code == 422
    assert call("PATCH", path, {"tags": "v*", "branches": ""}).json()["tags"] == "v*"
    assert call("POST", f"{path}/rotate", {"secret": "x"}).status_code == 422
    assert call("POST", f"{path}/rotate", {}).json()["secret"] != secret
    at = {"cron": "0 3 * * *", "zone": "Asia/Tokyo"}
    schedule = call("POST", f"{build.pk}/schedules", at).json()
    assert schedule["next_at"].endswith("T18:00:00Z")
    wrong = call("PATCH", f"{build.pk}/schedules/{schedule['id']}", {"cron": "0 25 * * *"})
    assert "“25” is no hour" in str(wrong.json()["errors"])
    other = call("POST", f"{build.pk}/run", {"ref": "v1"}).json()
    assert (other["run"], other["params"]) == (2, {"ref": "v1"})
    assert call("POST", f"{build.pk}/run", {"ref": "-x"}).status_code == 422
    assert call("DELETE", f"{build.pk}/schedules/{schedule['id']}").status_code == 204


def test_only_git_has_branches(call: Callable[..., Any], build: Build) -> None:
    Build.objects.update(source="dockerfile")
    answer = call("POST", f"{build.pk}/run", {"ref": "main"})
    assert (answer.status_code, Job.objects.count()) == (422, 0)
    assert call("POST", f"{build.pk}/run").status_code == 202
