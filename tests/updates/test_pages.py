"""What pages and the API tell of updates, and asking by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.live.topics import TOPICS
from fleet.actor import Actor, actor_for
from fleet.models import AuditEntry, Container, Grant, Host, ImageUpdate, Role, User
from fleet.publish import ImagesChanged, UpdatesChanged
from fleet.selectors.containers import ContainerQuery, container_page, filter_containers
from fleet.selectors.images import ImageQuery, filter_images, image_page
from fleet.updates.wanted import keep_rows
from tests.conftest import make_container, make_image
from tests.updates.test_turn import DIGEST, OTHER, known, manifest, registry_that, run

SignIn = Callable[[User], Client]


@pytest.fixture
def client(administrator: User, sign_in: SignIn) -> Client:
    return sign_in(administrator)


def told(**fields: Any) -> None:
    """Write an answer for everything that runs."""
    keep_rows()
    ImageUpdate.objects.update(**{"digest": DIGEST, "checked_at": timezone.now(), **fields})


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_lists_and_pages_show_what_is_newer(client: Client, host: Host) -> None:
    old = run(host, "shop/web:1.2.3", OTHER)
    versions = run(host, "shop/api:1.2.3", DIGEST)
    run(host, "shop/same:x", DIGEST)
    told()
    ImageUpdate.objects.filter(tag="1.2.3", repository="shop/api").update(newer_minor="1.3.0")
    for path in ("/containers/", "/images/"):
        page = text(client, path)
        assert page.count("state update") == 2
        assert "newer image" in page and ">1.3.0<" in page
        assert "The registry has another image for shop/web:1.2.3 now." in page
    page = text(client, f"/containers/{old.pk}/")
    assert page.count("newer image") == 2 and "Check now" in page
    page = text(client, f"/containers/{versions.pk}/")
    assert "newer version than shop/api:1.2.3: 1.3.0" in page and "minor" in page
    image = ImageUpdate.objects.get(repository="shop/same")
    row = host.images.get(name="shop/same:x")
    page = text(client, f"/images/{row.pk}/")
    assert "up to date" in page and "shop/same:x is what the registry has." in page
    ImageUpdate.objects.filter(pk=image.pk).update(code="denied", message="No <b>account</b>.")
    page = text(client, f"/images/{row.pk}/")
    assert "not known" in page and "No &lt;b&gt;account&lt;/b&gt;." in page and "<b>acc" not in page


@pytest.mark.parametrize(("code", "state"), [("dns", "newer image"), ("denied", "not known")])
def test_what_was_known_stays_without_a_network(
    client: Client, host: Host, code: str, state: str
) -> None:
    container = run(host, "shop/web:1", OTHER)
    told(code=code, message="It is so.")
    page = text(client, f"/containers/{container.pk}/")
    assert state in page and "It is so." in page


def test_images_are_filtered_by_what_is_newer(host: Host, actor: Actor) -> None:
    run(host, "shop/web:1", OTHER)
    run(host, "shop/api:1", DIGEST)
    told()
    query = ImageQuery.parse(QueryDict("state=outdated"))
    page = image_page(actor, query)
    assert [line.tags for line in page.rows] == [["shop/web:1"]]
    assert page.states["outdated"] == 1
    assert [row.name for row in filter_images(actor, query)] == ["shop/web:1"]


@pytest.fixture
def mixed(host: Host, other_host: Host) -> None:
    """One of each state on the host, and the same image on another, which has the newer one."""
    run(host, "shop/web:1", OTHER)
    run(host, "shop/api:1.2", DIGEST)
    run(host, "shop/same:x", DIGEST)
    run(host, "shop/ours:x", "")
    make_container(host, "by-id", image=f"sha256:{'c' * 64}", image_id=f"sha256:{'c' * 64}")
    run(other_host, "shop/web:1", DIGEST)
    told()
    ImageUpdate.objects.filter(repository="shop/api").update(newer_patch="1.2.1", newer_major="2")


FOUND = {
    "yes": ["shop/api:1.2", "shop/web:1"],
    "newer_image": ["shop/web:1"],
    "newer_version": ["shop/api:1.2"],
    "current": ["shop/same:x", "shop/web:1"],
    "unknown": ["shop/ours:x"],
    "nonsense": [],
}


@pytest.mark.parametrize("asked", FOUND)
def test_containers_are_filtered_by_updates(mixed: None, actor: Actor, asked: str) -> None:
    query = ContainerQuery.parse(QueryDict(f"update={asked}"))
    page = container_page(actor, query)
    assert [row.name for row in page.rows] == FOUND[asked]
    assert page.total == sum(page.states.values()) == len(FOUND[asked])
    assert page.updated == {
        "yes": 2, "newer_image": 1, "newer_version": 1, "current": 2, "unknown": 1,
    }  # fmt: skip
    assert [row.name for row in filter_containers(actor, query)] == FOUND[asked]
    assert bool(query.problems) == (asked == "nonsense")


def test_beside_labels_updates_are_told_in_rows_and_counted_when_asked_for(
    mixed: None, actor: Actor
) -> None:
    Container.objects.update(labels={"tier": "back"})
    page = container_page(actor, ContainerQuery.parse(QueryDict("label=tier")))
    plain = container_page(actor, ContainerQuery())
    assert page.updates == plain.updates and not page.updated
    asked = container_page(actor, ContainerQuery.parse(QueryDict("label=tier&update=yes")))
    assert asked.updated["yes"] == 2 and asked.total == 2


def test_who_sees_no_images_finds_nothing_by_updates(
    mixed: None, host: Host, stranger: User
) -> None:
    role = Role.objects.create(name="looks on", permissions=["host.view", "container.view"])
    Grant.objects.create(user=stranger, role=role, scope="host", host=host)
    actor = actor_for(stranger)
    query = ContainerQuery.parse(QueryDict("update=yes"))
    assert container_page(actor, ContainerQuery()).total == 5
    page = container_page(actor, query)
    assert (page.total, page.updated["yes"]) == (0, 0)
    assert not filter_containers(actor, query).exists()


def test_a_chip_counts_updates_and_a_saved_filter_keeps_it(mixed: None, client: Client) -> None:
    page = text(client, "/containers/?state=running")
    chip = r'href="\?state=running&amp;update=yes"[^>]*>.*?update available <b>2</b>'
    assert re.search(chip, page)
    page = text(client, "/containers/?update=yes")
    assert re.search(r'aria-current="true"[^>]*>.*?update available</span> 2', page)
    assert "shop/api" in page and "shop/same" not in page
    saved = {"name": "Old", "query": "update=yes&sort=host"}
    assert client.post("/api/v1/saved-filters", saved, "application/json").json()["query"] == (
        "update=yes"
    )


def test_a_list_asks_as_often_for_many_as_for_one(host: Host, client: Client) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            text(client, path)
        return len(captured)

    paths = ("/containers/", "/images/")
    run(host, "shop/web:1", OTHER)
    told()
    for path in paths:
        text(client, path)
    few = [queries(path) for path in paths]
    for number in range(30):
        run(host, f"shop/web-{number}:1", OTHER)
    told()
    assert [queries(path) for path in paths] == few


def test_live_pages_follow_answers() -> None:
    hint = UpdatesChanged([1])
    topics = ("containers", "container", "container-overview", "images", "image", "image-overview")
    for name in topics:
        assert TOPICS[name].interested(hint, QueryDict("id=1&host=1")), name
    assert TOPICS["containers"].interested(ImagesChanged(1, [1], []), QueryDict(""))
    assert not TOPICS["hosts"].interested(hint, QueryDict(""))


def test_a_row_is_drawn_anew_when_an_answer_changes(host: Host, actor: Actor) -> None:
    container = run(host, "shop/web:1", OTHER)
    keep_rows()
    args = QueryDict("")
    before = TOPICS["containers"].load(actor, args).parts[f"container-{container.pk}"].rev
    told()
    after = TOPICS["containers"].load(actor, args).parts[f"container-{container.pk}"]
    assert after.rev != before and "newer image" in after.render()


def test_a_viewer_sees_updates_and_has_nobody_asked(
    host: Host, viewer: User, sign_in: SignIn
) -> None:
    container = run(host, "shop/web:1", OTHER)
    keep_rows()
    told()
    image, client = host.images.get(), sign_in(viewer)
    for page in (f"/images/{image.pk}/", f"/containers/{container.pk}/"):
        assert "newer image" in text(client, page) and "Check now" not in text(client, page)
    assert client.post(f"/images/{image.pk}/check/").status_code == 403
    assert client.post(f"/api/v1/containers/{container.pk}/image-check").status_code == 403


def test_check_now_asks_once_a_minute(
    host: Host, make_user: Callable[..., User], stranger: User, sign_in: SignIn
) -> None:
    with registry_that(lambda asked: manifest()) as server:
        known(server)
        container = run(host, f"127.0.0.1:{server.port}/a:x", OTHER)
        image = host.images.get()
        client = sign_in(make_user("dora", role="deployer", on=host.environment))
        assert "Check now" in text(client, f"/images/{image.pk}/")
        assert "Check now" in text(client, f"/containers/{container.pk}/")
        assert sign_in(stranger).post(f"/images/{image.pk}/check/").status_code == 404
        page = client.post(f"/images/{image.pk}/check/", follow=True).content.decode()
        assert "The registry has another image" in page
        again = client.post(f"/containers/{container.pk}/image-check/", follow=True)
        assert "less than a minute ago" in again.content.decode()
        assert len([asked for asked in server.asked if asked.method == "HEAD"]) == 1
        entry = AuditEntry.objects.get(action="image.check", result="allowed")
        assert entry.detail["found"] == "newer_image"
        ImageUpdate.objects.update(asked_at=None)
        answer = client.post(f"/api/v1/containers/{container.pk}/image-check")
        assert answer.status_code == 200, answer.content
        assert answer.json()["state"] == "newer_image"


def test_check_now_respects_what_a_registry_said(host: Host, client: Client) -> None:
    run(host, "shop/web:1", OTHER)
    keep_rows()
    ImageUpdate.objects.update(
        code="rate_limited", next_check_at=timezone.now() + timedelta(minutes=50)
    )
    image = host.images.get()
    page = client.post(f"/images/{image.pk}/check/", follow=True).content.decode()
    assert "docker.io accepts no more requests for now. It is asked again in 50 min." in page


def test_an_image_without_a_name_cannot_be_asked_for(host: Host, client: Client) -> None:
    image = make_image(host, tags=[])
    answer = client.post(f"/api/v1/images/{image.pk}/check")
    assert answer.status_code == 422 and b"no name with a tag" in answer.content
    container = make_container(host, image=image.engine_id, image_id=image.engine_id)
    assert "Check now" not in text(client, f"/containers/{container.pk}/")


def test_the_api_lists_what_one_may_see(
    host: Host, other_host: Host, administrator: User, viewer: User, sign_in: SignIn
) -> None:
    here = run(host, "shop/web:1", OTHER)
    run(other_host, "shop/api:1", DIGEST)
    told(newer_major="2")
    listed = sign_in(administrator).get("/api/v1/updates?show=newer").json()
    assert listed["count"] == 2 and listed["items"][0]["newer"]["major"] == "2"
    client = sign_in(viewer)
    mine = client.get("/api/v1/updates").json()
    assert [row["reference"] for row in mine["items"]] == ["docker.io/shop/web:1"]
    assert client.get("/api/v1/updates?show=failing").json()["count"] == 0
    assert client.get("/api/v1/updates?show=nonsense").status_code == 422
    rows = client.get("/api/v1/containers?update=yes").json()
    assert [row["id"] for row in rows["items"]] == [here.pk] and rows["count"] == 1
    assert rows["items"][0]["update"]["newer_tags"] == ["2"]
    assert client.get("/api/v1/containers?update=nonsense").status_code == 422
    rows = client.get("/api/v1/images?state=outdated").json()
    assert [row["update"]["state"] for row in rows["items"]] == ["newer_image"]
    detail = client.get(f"/api/v1/containers/{here.pk}").json()
    assert detail["update"]["state"] == "newer_image"
    image = host.images.get()
    assert client.get(f"/api/v1/images/{image.pk}").json()["updates"][0]["newer"]["major"] == "2"
