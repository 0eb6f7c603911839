"""Builds as pages: without scripts, with much too much, and by the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import Client

from config.asgi import application
from dashboard.body_limit import LIMIT
from fleet.models import Build, BuildRun, Environment, Host, Job, JobLine, User
from fleet.tokens import create_token
from tests.build_runs.test_operations import packed
from tests.conftest import make_host

SECRET = "hunter2-hunter2"
COMMUNICATOR: Any = ApplicationCommunicator  # it has no types
SignIn = Callable[[User], Client]


@pytest.fixture
def host(staging: Environment) -> Host:
    return make_host("stage-1", staging)


@pytest.fixture
def client(sign_in: SignIn, administrator: User) -> Client:
    return sign_in(administrator)


def form(host: Host, **data: Any) -> dict[str, Any]:
    return {
        "name": "web", "host": host.pk, "dockerfile_text": "FROM scratch\nRUN x\n",
        "tags": "team/web:{n}", "file_path": ["a.conf", ""], "file_text": ["A", ""],
        "secret_name": ["npm", ""], "secret_value": [SECRET, ""], **data,
    }  # fmt: skip


def test_a_build_is_added_run_and_shown_by_plain_forms(client: Client, host: Host) -> None:
    assert "No builds yet" in client.get("/builds/").content.decode()
    answer = client.post("/builds/add/", form(host, run="1"))
    build = Build.objects.get()
    assert answer.headers["Location"] == f"/builds/{build.pk}/runs/1/"
    assert (build.files, build.secrets, build.tags) == ({"a.conf": "A"}, {"npm": SECRET},
                                                       ["team/web:{n}"])  # fmt: skip
    run = BuildRun.objects.get()
    run.steps = [{"number": 4, "name": "[2/2] RUN <x>", "state": "failed", "seconds": 1.5,
                  "cached": False}]  # fmt: skip
    run.failure = {"step": 4, "name": "[2/2] RUN <x>", "text": "exit 1", "lines": [], "line": 2,
                   "end": 2, "path": "Dockerfile", "first": 1,
                   "excerpt": ["FROM scratch", "RUN <x>"]}  # fmt: skip
    run.save()
    Job.objects.update(state="failed", message="Line 2 of the Dockerfile failed: RUN x")
    JobLine.objects.create(job=run.job, number=1, text="\x1b[31mred <b>\x1b[0m", part=4)
    page = client.get(f"/builds/{build.pk}/runs/1/").content.decode()
    for words in ("Line 2 of the Dockerfile failed", "RUN &lt;x&gt;", 'class="is-marked"',
                  ">red &lt;b&gt;<", "1.5 s", "Build again"):  # fmt: skip
        assert words in page
    text = client.get(f"/builds/{build.pk}/runs/1/log.txt?step=4").content.decode()
    assert "#4 [2/2] RUN <x>" in text
    assert client.get(f"/jobs/{run.job_id}/").headers["Location"].endswith("/runs/1/")
    for path in ("/builds/", f"/builds/{build.pk}/", f"/builds/{build.pk}/edit/"):
        page = client.get(path).content.decode()
        assert "web" in page
        assert SECRET not in page


def test_editing_keeps_secrets_that_were_left_alone(client: Client, host: Host) -> None:
    client.post("/builds/add/", form(host))
    build = Build.objects.get()
    sent = form(host, secret_name=["npm", "pip"], secret_value=["", "other"], name="shop")
    assert client.post(f"/builds/{build.pk}/edit/", sent).status_code == 302
    build.refresh_from_db()
    assert (build.name, build.secrets) == ("shop", {"npm": SECRET, "pip": "other"})


def test_a_dockerfile_of_five_megabytes_is_refused_in_a_sentence(
    client: Client, host: Host
) -> None:
    answer = client.post("/builds/add/", form(host, dockerfile_text="#" * 5_000_000))
    assert answer.status_code == 422
    assert "too long: at most 256 KB" in answer.content.decode()
    assert not Build.objects.exists()


def test_what_is_wrong_stands_at_its_field(client: Client, host: Host) -> None:
    sent = form(host, git_url="--upload-pack=x", tags="A b")
    page = client.post("/builds/add/?kind=git", sent)
    assert page.status_code == 422
    assert "would be an option for Git" in page.content.decode()
    assert SECRET not in page.content.decode()


def test_an_archive_comes_by_form_and_by_api(client: Client, host: Host) -> None:
    body = {"name": "web", "host": host.pk, "source": "archive"}
    made = client.post("/api/v1/builds", body, content_type="application/json").json()
    path = f"/api/v1/builds/{made['id']}/archive?name=app.tar"
    put = client.put(path, packed(a="1"), content_type="application/octet-stream")
    assert (put.status_code, put.json()["archive_name"]) == (200, "app.tar")
    outside = client.put(path, b"nothing", content_type="application/octet-stream")
    assert outside.status_code == 422
    from django.core.files.uploadedfile import SimpleUploadedFile

    sent = {"archive": SimpleUploadedFile("b.tar", packed(b="2"))}
    assert client.post(f"/builds/{made['id']}/archive/", sent).status_code == 302
    assert Build.objects.get().archive_name == "b.tar"


def test_the_api_tells_builds_and_runs(client: Client, host: Host) -> None:
    body = {"name": "web", "host": host.pk, "dockerfile_text": "FROM scratch",
            "secrets": {"npm": SECRET}}  # fmt: skip
    made = client.post("/api/v1/builds", body, content_type="application/json")
    assert (made.status_code, made.json()["secrets"]) == (201, ["npm"])
    assert SECRET not in made.content.decode()
    path = f"/api/v1/builds/{made.json()['id']}"
    asked = client.post(f"{path}/run", content_type="application/json")
    assert (asked.status_code, asked.json()["run"]) == (202, 1)
    runs = client.get(f"{path}/runs").json()
    assert (runs["count"], runs["items"][0]["job"]["id"]) == (1, asked.json()["id"])
    assert client.get(f"{path}/runs/1").json()["steps"] == []
    assert client.delete(path).status_code == 422
    found = client.get("/api/v1/builds?source=dockerfile&host=stage-1").json()
    assert found["count"] == 1


# --- Large bodies --------------------------------------------------------------------------


async def status_of(path: str, token: str, method: str = "PUT") -> int:
    """Announce a body larger than any other may be; return the status of the answer."""
    headers = [(b"host", b"localhost"), (b"content-length", str(LIMIT * 2).encode())]
    headers += [(b"authorization", f"Bearer {token}".encode())] if token else []
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "client": ["127.0.0.1", 5000],
    }  # fmt: skip
    asked = COMMUNICATOR(application, scope)
    await asked.send_input({"type": "http.request", "body": packed(a="1"), "more_body": False})
    answer = await asked.receive_output(10)
    return int(answer["status"])


@pytest.fixture
def tokens(administrator: User, operator: User, host: Host) -> tuple[str, str, int]:
    """Tokens of who may upload and of who may not, and the build."""
    build = Build.objects.create(name="web", host=host, source="archive")
    return create_token(administrator, "a")[1], create_token(operator, "b")[1], build.pk


async def test_only_who_may_upload_may_send_much(tokens: tuple[str, str, int]) -> None:
    may, may_not, pk = tokens
    archive = f"/api/v1/builds/{pk}/archive"
    assert await status_of(archive, may) == 200
    assert await status_of(archive, may_not) == 413
    assert await status_of(archive, "") == 413
    assert await status_of(archive, may, "PATCH") == 413
    assert await status_of(f"/api/v1/builds/{pk + 1}/archive", may) == 413
    assert await status_of(f"/api/v1/builds/{pk}", may) == 413
