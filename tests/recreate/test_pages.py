"""Updates on pages: who is offered one and where, what is said first, and where it leads."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fleet.engine.recreate import Aside
from fleet.models import Container, Event, Host, ImageUpdate, Job, User
from fleet.updates.wanted import keep_rows
from tests.conftest import make_container, make_image

DIALOG = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}
DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@pytest.fixture
def client(administrator: User, sign_in: Any) -> Client:
    """An administrator's browser."""
    made: Client = sign_in(administrator)
    return made


@pytest.fixture
def container(host: Host) -> Container:
    """One that runs, with a volume."""
    image = make_image(host, tags=["shop/web:1"], digests=[f"shop/web@{OTHER}"])
    volume = {"type": "volume", "name": "pgdata", "destination": "/var/lib/<b>"}
    return make_container(
        host, "web-1", image="shop/web:1", image_id=image.engine_id, mounts=[volume]
    )


@pytest.fixture
def newer(container: Container) -> ImageUpdate:
    """Its registry has another image for the tag."""
    keep_rows()
    ImageUpdate.objects.update(digest=DIGEST, checked_at=timezone.now())
    return ImageUpdate.objects.get()


def address(container: Container) -> str:
    return f"/containers/{container.pk}/recreate/"


def text(client: Client, path: str, **more: Any) -> str:
    return client.get(path, **more).content.decode()


def test_it_says_first_what_it_does(client: Client, container: Container) -> None:
    asked = client.post(address(container), headers=JSON)
    assert (asked.status_code, asked.json()["confirm"]) == (409, address(container))
    dialog = text(client, address(container), headers=DIALOG)
    loss = "What was written in it outside of volumes is lost."
    volume = "stays, at /var/lib/&lt;b&gt;"
    for words in ("Update web-1", "shop/web:1", "pgdata", volume, loss, 'name="pull"', "checked"):
        assert words in dialog
    assert "btn-danger" not in dialog and not Job.objects.exists()


@pytest.mark.parametrize(("sent", "pull"), [({"pull": "on"}, True), ({}, False)])
def test_the_box_says_whether_it_is_pulled(
    client: Client, container: Container, sent: dict[str, str], pull: bool
) -> None:
    asked = client.post(address(container), {"confirmed": "1", **sent}, headers=JSON)
    assert asked.status_code == 202
    assert Job.objects.get().params == {"pull": pull}


@pytest.mark.parametrize(("sent", "pull"), [({"pull": "on"}, True), ({}, False)])
def test_so_does_the_box_for_many(
    client: Client, container: Container, sent: dict[str, str], pull: bool
) -> None:
    path = "/containers/bulk/?operation=container.recreate"
    shown = client.post(path, {"ids": str(container.pk)}, headers=DIALOG).content.decode()
    assert "Update 1 container" in shown and "outside of volumes is lost" in shown
    data = {"ids": str(container.pk), "operation": "container.recreate", "confirmed": "1", **sent}
    assert client.post("/containers/bulk/", data, headers=JSON).status_code == 202
    assert Job.objects.get(parent__isnull=False).params == {"pull": pull}


def test_where_there_is_a_newer_image_it_is_the_first_button(
    client: Client, container: Container, newer: ImageUpdate
) -> None:
    page = text(client, f"/containers/{container.pk}/")
    buttons = page[page.index('<div class="buttons">') :]
    assert buttons.index(address(container)) < buttons.index("/restart/")
    assert page.count(f'formaction="{address(container)}"') == 2  # in the head, and at the mark
    ImageUpdate.objects.update(digest=OTHER)
    page = text(client, f"/containers/{container.pk}/")
    assert page.count(f'formaction="{address(container)}"') == 1  # in the menu
    assert page.index("/restart/") < page.index(address(container))


def test_who_may_not_is_not_offered_it(
    operator: User, container: Container, newer: ImageUpdate, sign_in: Any
) -> None:
    client = sign_in(operator)
    assert address(container) not in text(client, f"/containers/{container.pk}/")
    assert client.post(address(container), {"confirmed": "1"}).status_code == 403


def test_the_address_of_the_old_one_leads_to_the_new_one(
    client: Client, host: Host, container: Container
) -> None:
    client.post(address(container), {"confirmed": "1"})
    kept = str(Aside("web-1", "old", "a" * 12, "running"))
    Event.objects.create(
        host=host, at="2026-01-01T00:00Z", kind="destroy", object_kind="container",
        object_id=container.engine_id, object_name=kept,
    )  # fmt: skip
    old = container.pk
    container.delete()
    assert client.get(f"/containers/{old}/").status_code == 404
    heir = make_container(host, "web-1", engine_id="e" * 64)
    answer = client.get(f"/containers/{old}/")
    assert (answer.status_code, answer["Location"]) == (302, f"/containers/{heir.pk}/")


@pytest.mark.parametrize(
    ("kind", "words"), [("old", "This is the old web-1"), ("new", "take the place of")]
)
def test_one_that_is_kept_aside_says_so(
    client: Client, container: Container, kind: str, words: str
) -> None:
    Container.objects.update(name=str(Aside("web-1", kind, "a" * 12, "running")), state="exited")
    page = text(client, f"/containers/{container.pk}/")
    head = page[page.index("page-header") : page.index('id="container-menu"')]
    assert words in page and ">web-1</h1>" in head
    assert (address(container) in head) == (kind == "old")
    assert "/start/" not in head
