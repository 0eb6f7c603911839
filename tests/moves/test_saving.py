"""Images as downloads, over fake engines: who goes, pauses, loses a right; seats."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import tarfile
from collections.abc import Awaitable, Callable, Iterator
from typing import IO, Any, cast

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.test import AsyncClient, Client

from config.asgi import application
from fleet import seats
from fleet.access import AccessError
from fleet.engine.fake import FakeEngine, in_fake
from fleet.models import ApiToken, AuditEntry, Grant, Host, Image, Role, User
from fleet.moves import downloads
from fleet.seats import NoSeat, Seat, Seats, StoodStill
from fleet.tokens import create_token
from tests.conftest import make_image
from tests.moves.conftest import NAMES
from tests.waiting import eventually

COMMUNICATOR: Any = ApplicationCommunicator  # it has no types


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
