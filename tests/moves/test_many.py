"""Several images of one host in one file: which host has them, who may, and what is in it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from typing import IO, Any, cast

import pytest
from django.test import AsyncClient, Client

from fleet.engine.fake import FakeEngine
from fleet.models import AuditEntry, Host, Image, User
from fleet.moves import downloads
from tests.conftest import make_image
from tests.moves.conftest import NAMES

TAR = "/api/v1/images/tar"


@pytest.fixture
def second(fake: FakeEngine, host: Host) -> Image:
    """Another image of the same host, without a name."""
    made = fake.images.add(layers=[("ADD b /", 1000)])
    return make_image(host, made.id, tags=[])


@pytest.mark.django_db(transaction=True)
async def test_one_file_has_them_all(secret: str, image: Image, second: Image) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    path = f"{TAR}?image={image.pk}&image={second.pk}&image={image.pk}"
    answer: Any = await AsyncClient().get(path, headers=headers)
    assert 'filename="stage-1-2-images.tar"' in answer.headers["Content-Disposition"]
    data = b"".join([piece async for piece in answer])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        told = json.load(cast(IO[bytes], tar.extractfile("manifest.json")))
    assert sorted(one["RepoTags"] or [] for one in told) == [[], NAMES]
    saved = AuditEntry.objects.filter(action="image.save")
    assert {entry.target_id async for entry in saved} == {str(image.pk), str(second.pk)}


def test_what_makes_no_file_is_refused_in_words(
    administrator: User,
    image: Image,
    target: Host,
    sign_in: Callable[[User], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = sign_in(administrator)
    elsewhere = make_image(target)
    mixed = client.get(f"{TAR}?image={image.pk}&image={elsewhere.pk}")
    assert mixed.status_code == 422 and "must be on one host" in mixed.json()["detail"]
    assert client.get(TAR).status_code == 422
    assert client.get("/images/tar/?image=x").status_code == 422
    assert client.get(f"{TAR}?image={image.pk}&image=999999").status_code == 404
    monkeypatch.setattr(downloads, "MANY", 1)
    many = client.get(f"/images/tar/?image={image.pk}&image={elsewhere.pk}")
    assert many.status_code == 422 and "At most 1" in many.content.decode()
    page = client.get(f"/images/save/?image={image.pk}&image={image.pk}&image={elsewhere.pk}")
    assert page.status_code == 422  # never only the first ones
    assert "Too many images" in page.content.decode() and "At most 1" in page.content.decode()
    assert "At most" not in client.get(f"/images/save/?image={image.pk}").content.decode()
    assert not downloads.SEATS.taken


def test_a_right_is_needed_for_each(
    make_user: Callable[..., User],
    sign_in: Callable[[User], Client],
    image: Image,
    host: Host,
    target: Host,
) -> None:
    elsewhere = make_image(target)
    client = sign_in(make_user("nina", role="deployer", on=host))
    assert client.get(f"{TAR}?image={image.pk}&image={elsewhere.pk}").status_code == 404
    client = sign_in(make_user("vera", role="viewer"))
    assert client.get(f"{TAR}?image={image.pk}").status_code == 403
    assert client.get(f"/images/save/?image={image.pk}").status_code == 403


def test_the_page_tells_which_host_has_them(
    make_user: Callable[..., User],
    sign_in: Callable[[User], Client],
    image: Image,
    second: Image,
    host: Host,
    target: Host,
) -> None:
    make_image(target, image.engine_id, tags=NAMES)
    user = make_user("nina", role="deployer", on=host)
    chosen = f"/images/save/?image={image.pk}&image={second.pk}"
    page = sign_in(user).get(chosen).content.decode()
    assert f"/images/tar/?image={second.pk}&amp;image={image.pk}&amp;" in page
    assert "stage-1" in page and "prod-1" not in page  # where there is no right to save
    page = sign_in(make_user("ada", role="administrator")).get(chosen).content.decode()
    assert page.index("stage-1") < page.index("prod-1") and "1 of 2" in page and "not here" in page
    assert "No images to save" in sign_in(user).get("/images/save/").content.decode()


def test_only_who_may_save_ticks(
    administrator: User, viewer: User, image: Image, sign_in: Callable[[User], Client]
) -> None:
    assert "/images/save/" in sign_in(administrator).get("/images/").content.decode()
    page = sign_in(viewer).get("/images/").content.decode()
    assert "/images/save/" not in page and "image-table hide-tick" in page
