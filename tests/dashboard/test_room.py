"""Large bodies that Django keeps: where they may be sent, and that they leave the disk room."""

from __future__ import annotations

import asyncio
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, Popen
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import LazySettings, settings
from django.test import Client

from config.asgi import application
from dashboard.room import Room, rooms
from fleet.models import Build, Host, User
from fleet.moves.store import RESERVE
from fleet.tokens import create_token

COMMUNICATOR: Any = ApplicationCommunicator  # it has no types
MIB = 1024**2
CHUNK = b"x" * MIB
TAR = tarfile.TarInfo("manifest.json").tobuf()
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(administrator: User, sign_in: Callable[[User], Client]) -> str:
    """The cookie of an administrator who is signed in."""
    cookie = sign_in(administrator).cookies[settings.SESSION_COOKIE_NAME]
    return f"{settings.SESSION_COOKIE_NAME}={cookie.value}"


@pytest.fixture
def secret(administrator: User) -> str:
    """A token of the API."""
    return create_token(administrator, "test")[1]


@pytest.fixture
def disk(
    settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """One disk for all, with 100 MiB that may be used."""
    found = SimpleNamespace(free=RESERVE + 100 * MIB)
    monkeypatch.setattr("shutil.disk_usage", lambda place: found)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    settings.IMAGE_TAR_DIR = tmp_path / "image-tars"
    return found


def request(method: str, path: str, **headers: str) -> Any:
    named = {"host": "localhost", "content-type": "multipart/form-data; boundary=x", **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in named.items()
        ],
        "client": ["127.0.0.1", 5000],
    }
    return COMMUNICATOR(application, scope)


async def promised() -> None:
    """Wait until there is room for a body."""
    for _ in range(200):
        if list(rooms().glob("*.json")):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("Nothing was promised.")


async def answer_of(asked: Any) -> tuple[int, str]:
    """Return the status and the body of the answer."""
    start = await asked.receive_output(10)
    body = await asked.receive_output(10)
    return int(start["status"]), body["body"].decode()


async def test_a_form_needs_room_for_it_twice(browser: str, disk: SimpleNamespace) -> None:
    asked = request("POST", "/images/load/", cookie=browser, content_length=str(51 * MIB))
    status, said = await answer_of(asked)
    assert status == 507 and "no room for it on the disk of Quayside" in said
    assert not list(rooms().glob("*.json"))


async def test_a_form_for_which_there_is_room_is_taken(browser: str, disk: SimpleNamespace) -> None:
    asked = request("POST", "/images/load/", cookie=browser, content_length=str(49 * MIB))
    await asked.send_input({"type": "http.request", "body": b"", "more_body": False})
    assert (await answer_of(asked))[0] == 403  # it lacks the CSRF token
    await asked.wait(10)
    assert not list(rooms().glob("*.json"))


async def test_a_disk_that_fills_while_it_comes_ends_it(
    browser: str, disk: SimpleNamespace
) -> None:
    asked = request("POST", "/images/load/", cookie=browser)
    await asked.send_input({"type": "http.request", "body": CHUNK, "more_body": True})
    disk.free = RESERVE
    for _ in range(64):
        await asked.send_input({"type": "http.request", "body": CHUNK, "more_body": True})
    assert (await answer_of(asked))[0] == 507


async def test_an_image_as_a_body_needs_room_once(secret: str, disk: SimpleNamespace) -> None:
    path, who = "/api/v1/images/load", f"Bearer {secret}"
    asked = request("PUT", path, authorization=who, content_length=str(101 * MIB))
    status, said = await answer_of(asked)
    assert status == 507 and '"status": 507' in said
    fits = request("PUT", path, authorization=who, content_length=str(99 * MIB))
    await fits.send_input({"type": "http.request", "body": TAR, "more_body": True})
    await promised()
    other = Room(2 * MIB)
    assert not await other.open()
    await fits.send_input({"type": "http.disconnect"})
    await fits.wait(10)
    assert await other.open()
    refused = request("PUT", path, authorization=who, content_length=str(99 * MIB))
    assert (await answer_of(refused))[0] == 507
    other.close()
    assert not list((Path(settings.FILE_UPLOAD_TEMP_DIR) / "image-tars").glob("*"))


async def test_a_disk_that_fills_while_an_image_comes_ends_it(
    secret: str, disk: SimpleNamespace
) -> None:
    who = f"Bearer {secret}"
    asked = request("PUT", "/api/v1/images/load", authorization=who)
    await asked.send_input({"type": "http.request", "body": TAR, "more_body": True})
    await promised()
    disk.free = RESERVE - 1
    for _ in range(65):
        await asked.send_input({"type": "http.request", "body": CHUNK, "more_body": True})
    assert (await answer_of(asked))[0] == 507
    assert not list(Path(settings.IMAGE_TAR_DIR).glob("*"))


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/v1/images/load"), ("PUT", "/images/load/")]
)
async def test_only_what_takes_a_file_takes_a_large_body(
    secret: str, browser: str, method: str, path: str
) -> None:
    who = {"authorization": f"Bearer {secret}"} if "api" in path else {"cookie": browser}
    asked = request(method, path, content_length=str(9 * MIB), **who)
    assert (await answer_of(asked))[0] == 413


async def test_archives_of_builds_need_room_too(
    secret: str, browser: str, disk: SimpleNamespace, host: Host
) -> None:
    build = await Build.objects.acreate(name="web", host=host, source="archive")
    length = str(51 * MIB)
    path = f"/builds/{build.pk}/archive"
    put = request("PUT", f"/api/v1{path}", authorization=f"Bearer {secret}", content_length=length)
    status, said = await answer_of(put)
    assert status == 507 and '"status": 507' in said
    form = request("POST", f"{path}/", cookie=browser, content_length=length)
    assert (await answer_of(form))[0] == 507
    other = request(
        "POST", f"/api/v1{path}", authorization=f"Bearer {secret}", content_length=length
    )
    assert (await answer_of(other))[0] == 413


async def test_what_is_promised_to_one_is_not_there_for_another(disk: SimpleNamespace) -> None:
    first, second = Room(30 * MIB), Room(30 * MIB)
    try:
        assert await first.open()
        assert not await second.open()
        assert not await first.has(101 * MIB)  # more than was announced
        first.close()
        assert await second.open()
    finally:
        first.close()
        second.close()


PROMISING = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
import django
from django.conf import settings
django.setup()
settings.FILE_UPLOAD_TEMP_DIR = sys.argv[1]
from dashboard import room
room.shutil.disk_usage = lambda place: SimpleNamespace(free=int(sys.argv[2]))
room.tempfile.tempdir = sys.argv[1]
one = room.Room(30 * 1024**2)
print(asyncio.run(one.open()), flush=True)
sys.stdin.read()
"""


async def test_what_another_process_promised_is_not_there_until_it_ends(
    tmp_path: Path, disk: SimpleNamespace
) -> None:
    argv = [sys.executable, "-c", PROMISING, str(tmp_path), str(disk.free)]
    one = Room(30 * MIB)
    with Popen(argv, stdin=PIPE, stdout=PIPE, text=True) as other:
        assert other.stdin and other.stdout
        try:
            assert other.stdout.readline() == "True\n"
            assert not await one.open()
        finally:
            other.kill()
    try:
        assert await one.open()  # it was killed: nobody gave its promise back
        assert [place.name for place in rooms().glob("*.json")] == [one._place.name]
    finally:
        one.close()


async def test_the_temporary_folder_may_be_a_small_disk_of_its_own(
    tmp_path: Path, disk: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Path("/dev/shm")
    if not small.is_dir() or small.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("All is one disk.")
    monkeypatch.setattr("tempfile.tempdir", str(small))
    free = {small: SimpleNamespace(free=64 * MIB), tmp_path: disk}
    monkeypatch.setattr("shutil.disk_usage", lambda place: free[place])
    for size, fits in [(60 * MIB, True), (65 * MIB, False)]:
        one = Room(size)
        assert await one.open() == fits
        one.close()
