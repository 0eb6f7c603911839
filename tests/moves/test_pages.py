"""Pages and API of images on their way, over fake engines."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import tarfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client

from config.asgi import application
from fleet import seats
from fleet.access import AccessError
from fleet.engine.fake import FakeEngine, in_fake
from fleet.models import ApiToken, AuditEntry, Grant, Host, Image, Job, Role, User
from fleet.moves import downloads
from fleet.seats import NoSeat, Seat, Seats, StoodStill
from fleet.tokens import create_token
from tests.conftest import make_image
from tests.moves.conftest import NAMES
from tests.moves.test_tar import tar_of
from tests.waiting import eventually

COMMUNICATOR: Any = ApplicationCommunicator  # it has no types
GOOD = tar_of("manifest.json")


@pytest.fixture
def client(administrator: User, sign_in: Callable[[User], Client]) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


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


# --- Save ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_an_image_comes_as_a_tar(secret: str, image: Image) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    answer: Any = await AsyncClient().get(f"/api/v1/images/{image.pk}/tar", headers=headers)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="shop_web_1.tar"'
    data = b"".join([piece async for piece in answer])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        (told,) = json.load(cast(IO[bytes], tar.extractfile("manifest.json")))
    assert told["RepoTags"] == NAMES
    packed: Any = await AsyncClient().get(f"/api/v1/images/{image.pk}/tar?gz=true", headers=headers)
    assert gzip.decompress(b"".join([piece async for piece in packed])) == data
    assert await AuditEntry.objects.filter(action="image.save").acount() == 2


@pytest.fixture
def large(fake: FakeEngine, host: Host) -> Image:
    """An image that no buffers on the way can hold; its name would be a path, or an option."""
    made = fake.images.add("shop/large:1", layers=[("ADD a /", 40_000_000)])
    return make_image(host, made.id, tags=["-x/../été:1"])


@pytest.mark.django_db(transaction=True)
async def test_who_goes_away_ends_it_at_the_engine(
    secret: str, large: Image, fake: FakeEngine
) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    answer: Any = await AsyncClient().get(f"/api/v1/images/{large.pk}/tar", headers=headers)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="x_.._t_1.tar"'
    pieces = aiter(answer)
    assert len(await anext(pieces)) > 0
    assert fake.moves.under_way == 1  # it waits for us: there is back-pressure
    await sync_to_async(answer.close)()
    await eventually_async(lambda: fake.moves.under_way == 0)
    await eventually_async(lambda: not downloads.SEATS.taken)


def get(secret: str, image: Image) -> Any:
    path = f"/api/v1/images/{image.pk}/tar"
    headers = {"host": "localhost", "authorization": f"Bearer {secret}"}
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ["127.0.0.1", 5000],
    }
    return COMMUNICATOR(application, scope)


@pytest.fixture
def copying(fake: FakeEngine) -> Iterator[FakeEngine]:
    """The engine copies an image to its own disk, as Docker does before the first byte."""
    in_fake(fake, fake.moves.copied.clear)
    yield fake
    in_fake(fake, fake.moves.copied.set)


@pytest.mark.django_db(transaction=True)
async def test_who_goes_before_the_first_byte_has_the_seat_back(
    secret: str, image: Image, copying: FakeEngine
) -> None:
    asked = get(secret, image)
    await asked.send_input({"type": "http.request", "body": b"", "more_body": False})
    assert (await asked.receive_output(10))["status"] == 200
    await eventually_async(lambda: copying.moves.under_way == 1)
    await asked.send_input({"type": "http.disconnect"})
    await asked.wait(10)
    assert not downloads.SEATS.taken
    await eventually_async(lambda: copying.moves.under_way == 0)


def test_a_download_that_nobody_begins_loses_its_seat(monkeypatch: pytest.MonkeyPatch) -> None:
    seats = Seats(each=2, most=2)
    kept = seats.take("nina")
    seats.keep(kept)
    monkeypatch.setattr("fleet.seats.BEGIN_SECONDS", -1.0)
    gone = seats.take("nina")
    assert seats.taken == 1
    with pytest.raises(NoSeat):
        seats.keep(gone)
    seats.free(kept)
    seats.free(kept)
    assert not seats.taken


@pytest.mark.django_db(transaction=True)
async def test_a_download_that_is_paused_for_long_ends(
    secret: str, large: Image, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(seats, "monotonic", lambda: now[0])
    monkeypatch.setattr(downloads, "CHECK_SECONDS", 0.05)
    headers = {"Authorization": f"Bearer {secret}"}
    answer: Any = await AsyncClient().get(f"/api/v1/images/{large.pk}/tar", headers=headers)
    pieces = aiter(answer)
    for _ in range(2):
        assert await anext(pieces)
        now[0] += seats.STILL_SECONDS - 1  # each piece is a new beginning
    assert downloads.SEATS.taken and fake.moves.under_way == 1
    now[0] += 2
    await eventually_async(lambda: fake.moves.under_way == 0)
    assert not downloads.SEATS.taken
    with pytest.raises(StoodStill):
        await anext(pieces)


@pytest.mark.django_db(transaction=True)
async def test_an_engine_may_pack_for_longer_than_a_download_may_stand_still(
    secret: str, image: Image, copying: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looks = [1000.0], [0]
    monkeypatch.setattr(seats, "monotonic", lambda: now[0])
    monkeypatch.setattr(downloads, "CHECK_SECONDS", 0.02)
    look = downloads.SEATS.look

    def counted(seat: Seat, *, moves: bool) -> None:
        look(seat, moves=moves)
        looks[0] += 1

    monkeypatch.setattr(downloads.SEATS, "look", counted)
    headers = {"Authorization": f"Bearer {secret}"}
    answer: Any = await AsyncClient().get(f"/api/v1/images/{image.pk}/tar", headers=headers)
    first = asyncio.ensure_future(anext(aiter(answer)))
    await eventually_async(lambda: copying.moves.under_way == 1)
    for _ in range(3):
        looks[0] = 0
        await eventually_async(lambda: looks[0] > 1)
        now[0] += seats.STILL_SECONDS - 1
    in_fake(copying, copying.moves.copied.set)
    assert await first
    await sync_to_async(answer.close)()
    await eventually_async(lambda: not downloads.SEATS.taken)


@pytest.fixture
def deployer(make_user: Callable[..., User], host: Host) -> str:
    """A token of somebody who may save on that host."""
    return create_token(make_user("nina", role="deployer", on=host), "test")[1]


@pytest.mark.django_db(transaction=True)
async def test_a_right_that_is_taken_ends_it(
    deployer: str, large: Image, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "CHECK_SECONDS", 0.05)
    headers = {"Authorization": f"Bearer {deployer}"}
    answer: Any = await AsyncClient().get(f"/api/v1/images/{large.pk}/tar", headers=headers)
    pieces = aiter(answer)
    assert await anext(pieces)
    await Grant.objects.all().adelete()
    await eventually_async(lambda: fake.moves.under_way == 0)  # though nobody takes a piece
    with pytest.raises(AccessError):
        await anext(pieces)


@pytest.mark.django_db(transaction=True)
async def test_a_right_that_is_taken_ends_it_before_the_first_byte(
    deployer: str, image: Image, copying: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "CHECK_SECONDS", 0.05)
    headers = {"Authorization": f"Bearer {deployer}"}
    path = f"/api/v1/images/{image.pk}/tar?gz=1"
    answer: Any = await AsyncClient().get(path, headers=headers)
    first = asyncio.ensure_future(anext(aiter(answer)))
    await eventually_async(lambda: copying.moves.under_way == 1)
    await Grant.objects.all().adelete()
    with pytest.raises(AccessError):
        await first
    await eventually_async(lambda: copying.moves.under_way == 0)
    assert not downloads.SEATS.taken


async def revoke(token: ApiToken) -> None:
    await token.adelete()


async def narrow(token: ApiToken) -> None:
    role = await Role.objects.aget(name="viewer")
    await ApiToken.objects.filter(pk=token.pk).aupdate(role=role)


async def switch_off(token: ApiToken) -> None:
    await User.objects.filter(pk=token.user_id).aupdate(is_active=False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [revoke, narrow, switch_off])
async def test_a_token_that_is_gone_or_may_less_ends_it(
    secret: str,
    large: Image,
    fake: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[ApiToken], Awaitable[None]],
) -> None:
    monkeypatch.setattr(downloads, "CHECK_SECONDS", 0.05)
    headers = {"Authorization": f"Bearer {secret}"}
    answer: Any = await AsyncClient().get(f"/api/v1/images/{large.pk}/tar", headers=headers)
    pieces = aiter(answer)
    assert await anext(pieces)
    await change(await ApiToken.objects.aget())
    await eventually_async(lambda: fake.moves.under_way == 0)  # though nobody takes a piece
    with pytest.raises(AccessError):
        await anext(pieces)


@pytest.mark.django_db(transaction=True)
async def test_a_session_that_ended_ends_it(
    administrator: User, large: Image, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "CHECK_SECONDS", 0.05)
    browser = AsyncClient()
    await browser.aforce_login(administrator, "django.contrib.auth.backends.ModelBackend")
    answer: Any = await browser.get(f"/images/{large.pk}/tar/")
    pieces = aiter(answer)
    assert await anext(pieces)
    await browser.alogout()
    await eventually_async(lambda: fake.moves.under_way == 0)  # though nobody takes a piece
    with pytest.raises(AccessError):
        await anext(pieces)


async def eventually_async(true: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, true, "it ended")


def test_only_some_are_saved_at_a_time(
    client: Client, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "SEATS", Seats(each=0, most=1))
    answer = client.get(f"/images/{image.pk}/tar/")
    assert answer.status_code == 429 and "Too many images" in answer.content.decode()
    assert client.get(f"/api/v1/images/{image.pk}/tar").status_code == 429
    assert not AuditEntry.objects.filter(action="image.save").exists()


def test_a_host_that_has_it_not_says_so(client: Client, image: Image, fake: FakeEngine) -> None:
    fake.images.known.clear()
    answer = client.get(f"/images/{image.pk}/tar/")
    assert answer.status_code == 503 and "stage-1: No such image" in answer.content.decode()
    assert not downloads.SEATS.taken


def test_who_may_only_look_takes_nothing_away(
    viewer: User, image: Image, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(viewer)
    assert client.get(f"/images/{image.pk}/tar/").status_code == 403
    page = client.get(f"/images/{image.pk}/").content.decode()
    assert "Save as tar" not in page and "Copy to hosts" not in page
    assert AuditEntry.objects.get(action="image.save").result == "refused"
