"""Pages and API of images on their way, over fake engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.asgi import application
from fleet.models import Host, Image, Job, User
from fleet.tokens import create_token
from tests.conftest import make_image
from tests.moves.conftest import NAMES
from tests.moves.test_tar import tar_of

COMMUNICATOR: Any = ApplicationCommunicator  # it has no types
GOOD = tar_of("manifest.json")


# --- Copy ----------------------------------------------------------------------------------


def test_the_copy_page_says_what_it_will_find(client: Client, image: Image, target: Host) -> None:
    make_image(target, tags=[NAMES[0]])
    page = client.get(f"/images/{image.pk}/copy/").content.decode()
    assert "prod-1" in page and "stage-1</span>" not in page
    sent = {"host": target.pk, "names": NAMES}
    asked = client.post(f"/images/{image.pk}/copy/", sent)
    assert asked.status_code == 200 and not Job.objects.exists()
    assert "mean another image there" in asked.content.decode()
    done = client.post(f"/images/{image.pk}/copy/", {**sent, "confirmed": "1"})
    job = Job.objects.get()
    assert done.headers["Location"] == f"/jobs/{job.pk}/"
    assert job.params["names"] == NAMES


def test_the_copy_page_asks_nothing_where_all_is_plain(
    client: Client, image: Image, target: Host
) -> None:
    done = client.post(f"/images/{image.pk}/copy/", {"host": target.pk, "names": [NAMES[1]]})
    assert done.status_code == 302
    assert Job.objects.get().params["names"] == [NAMES[1]]
    none = client.post(f"/images/{image.pk}/copy/", {"names": NAMES})
    assert none.status_code == 400 and "Choose at least one host" in none.content.decode()


def test_the_api_copies_to_hosts(client: Client, image: Image, target: Host) -> None:
    body = json.dumps({"hosts": [target.pk]})
    path = f"/api/v1/images/{image.pk}/copy"
    answer = client.post(path, body, content_type="application/json")
    assert answer.status_code == 202
    assert answer.json()["skipped"] == []
    assert Job.objects.get().params["names"] == NAMES


# --- Load ----------------------------------------------------------------------------------


def test_a_plain_form_loads_a_file(client: Client, target: Host, tars: Path) -> None:
    file = SimpleUploadedFile("shop.tar", GOOD)
    done = client.post("/images/load/", {"archive": file, "host": target.pk})
    job = Job.objects.get()
    assert done.headers["Location"] == f"/jobs/{job.pk}/"
    assert (job.target_name, job.params["size"]) == ("shop.tar", len(GOOD))
    assert (tars / job.params["archive"]).read_bytes() == GOOD


@pytest.mark.parametrize("data", [b"", b"hello", tar_of("etc/passwd")])
def test_a_form_refuses_what_is_no_image(
    client: Client, target: Host, tars: Path, data: bytes
) -> None:
    file = SimpleUploadedFile("shop.tar", data)
    refused = client.post("/images/load/", {"archive": file, "host": target.pk})
    assert refused.status_code == 400 and "field-error" in refused.content.decode()
    assert not Job.objects.exists() and not (tars.exists() and list(tars.iterdir()))


def test_nothing_is_kept_when_no_host_was_chosen(client: Client, target: Host, tars: Path) -> None:
    file = SimpleUploadedFile("shop.tar", GOOD)
    refused = client.post("/images/load/", {"archive": file})
    assert "Choose at least one host" in refused.content.decode()
    assert not (tars.exists() and list(tars.iterdir()))


def put(secret: str, query: str, **headers: str) -> Any:
    named = {"host": "localhost", "authorization": f"Bearer {secret}", **headers}
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/api/v1/images/load",
        "raw_path": b"/api/v1/images/load",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "client": ["127.0.0.1", 5000],
    }
    return COMMUNICATOR(application, scope)


async def sent(asked: Any, *pieces: bytes) -> tuple[int, Any]:
    """Send a body; return the status and the JSON of the answer."""
    for number, piece in enumerate(pieces, 1):
        more = number < len(pieces)
        await asked.send_input({"type": "http.request", "body": piece, "more_body": more})
    start = await asked.receive_output(10)
    body = await asked.receive_output(10)
    await asked.wait(10)
    return int(start["status"]), json.loads(body["body"])


@pytest.fixture
def little(viewer: User) -> str:
    """A token of somebody who may only look."""
    return create_token(viewer, "test")[1]


@pytest.mark.django_db(transaction=True)
async def test_a_body_goes_straight_to_its_place(
    secret: str, target: Host, tars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_args: object) -> None:
        raise AssertionError("Django read the body")

    monkeypatch.setattr("dashboard.intake.keep", never)
    asked = put(secret, f"hosts={target.pk}&name=a.tar")
    status, said = await sent(asked, GOOD[:700], GOOD[700:])
    assert (status, said["skipped"]) == (202, [])
    (place,) = tars.iterdir()
    assert place.read_bytes() == GOOD


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("data", "query", "words"),
    [
        (b"hello" * 300, "hosts={}", "no tar file"),
        (GOOD, "hosts=999999", "no such hosts"),
        (GOOD, "", "at least one host"),
    ],
)
async def test_a_body_that_no_job_loads_does_not_stay(
    secret: str, target: Host, tars: Path, data: bytes, query: str, words: str
) -> None:
    status, said = await sent(put(secret, query.format(target.pk)), data)
    assert status == 422 and words in str(said["errors"])
    assert list(tars.iterdir()) == []


@pytest.mark.django_db(transaction=True)
async def test_a_body_that_breaks_off_does_not_stay(secret: str, target: Host, tars: Path) -> None:
    asked = put(secret, f"hosts={target.pk}")
    await asked.send_input({"type": "http.request", "body": GOOD[:600], "more_body": True})
    await asked.send_input({"type": "http.disconnect"})
    await asked.wait(10)
    assert list(tars.iterdir()) == []


@pytest.mark.django_db(transaction=True)
async def test_who_may_not_load_is_not_listened_to(little: str, target: Host, tars: Path) -> None:
    asked = put(little, f"hosts={target.pk}", **{"content-length": str(10**9)})
    start = await asked.receive_output(10)
    assert start["status"] == 413  # as for any other address
    assert not tars.exists()
