"""Pages and API of images, on a fake engine: what they show, hide, and say when a host is away."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from dashboard.live.topics import TOPICS
from dashboard.live.view import Seer, View
from fleet.actor import Actor
from fleet.engine.fake import FakeEngine, in_fake
from fleet.models import Host, HostState, Image, User
from fleet.publish import ContainersChanged, EventsAdded, ImagesChanged
from tests.conftest import make_container, make_image
from tests.scans.rows import BASH, OPENSSL, make_scan

BASE = [("ADD rootfs.tar / ", 5000), ('/bin/sh -c #(nop)  CMD ["sh"]', 0)]


@pytest.fixture
def client(administrator: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(administrator)


@pytest.fixture
def row(fake: FakeEngine, host: Host) -> Image:
    """An image of a fake engine, with secrets in it."""
    host.url = fake.url
    host.save()
    env = ["PATH=/bin", "DB_PASSWORD=hunter2"]
    layers = [*BASE, ("RUN /bin/sh -c fetch --token hunter2 # buildkit", 900)]
    made = in_fake(
        fake,
        lambda: fake.images.add("shop/web:1", env=env, layers=layers, labels={"team": "blue"}),
    )
    labels = {"team": "blue", "api.key": "hunter2", "<b>": "<script>alert(1)</script>"}
    return make_image(host, made.id, tags=["shop/web:1"], labels=labels)


def text(client: Client, path: str, **headers: Any) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def part(client: Client, path: str) -> str:
    return text(client, path, HX_Request="true")


def test_the_list_shows_lines_with_their_hosts(
    client: Client, host: Host, other_host: Host
) -> None:
    ident = f"sha256:{7:064x}"
    first = make_image(host, ident, tags=["shop/web:1", "<script>:2"])
    make_image(other_host, ident, tags=["shop/web:1"])
    make_image(host, tags=[], digests=["shop/old@sha256:ab"])
    make_container(host, image_id=ident)
    page = text(client, "/images/")
    said = words(page)
    assert "<script>:2" not in page and "&lt;script&gt;:2" in page
    assert "2 hosts" in said and "stage-1 1 container" in said and "prod-1 unused" in said
    assert "shop/ old" in said and "dangling" in said
    assert f"image={ident}" in page and f"/images/{first.pk}/" in page
    assert "3.0 MiB in 3 images on their hosts" in said and "2.0 MiB unused" in said
    only = part(client, "/images/?state=dangling")
    assert "<html" not in only and "shop/web" not in only


def test_an_empty_list_says_why(client: Client, db: None) -> None:
    assert "No hosts yet" in text(client, "/images/")
    assert "No image matches" in text(client, "/images/?q=nothing")


def test_it_says_that_there_is_no_image(client: Client, host: Host) -> None:
    assert "None of your hosts has an image" in text(client, "/images/")


def test_the_page_shows_hosts_users_and_names(client: Client, row: Image, host: Host) -> None:
    user = make_container(host, "shop-1", image_id=row.engine_id)
    Image.objects.update(digests=["shop/web@sha256:abcd"])
    page = text(client, f"/images/{row.pk}/")
    assert f"/containers/{user.pk}/" in page and 'data-copy="shop/web@sha256:abcd"' in page
    assert "hunter2" not in page and "<script>alert" not in page
    assert "On 1 host" in page and "Used by 1 container" in page
    container = text(client, f"/containers/{user.pk}/")
    assert f'href="/images/{row.pk}/"' in container
    assert "1 image" in words(text(client, f"/hosts/{host.pk}/"))


def test_it_says_what_it_is_made_for(client: Client, row: Image, host: Host) -> None:
    Host.objects.update(arch="x86_64")
    Image.objects.update(platform="linux/amd64")
    assert "linux/amd64" in client.get(f"/images/{row.pk}/").content.decode()
    assert "linux/amd64" not in client.get("/images/").content.decode()  # as all its hosts are
    Image.objects.update(platform="linux/arm64/v8", revision=7)
    page = client.get(f"/images/{row.pk}/").content.decode()
    assert "not for its host" in page and "x86_64: emulated" in page
    assert "linux/arm64/v8" in client.get("/images/").content.decode()
    assert client.get("/api/v1/images").json()["items"][0]["platform"] == "linux/arm64/v8"


def test_the_config_is_asked_for_and_masked(client: Client, row: Image) -> None:
    said = words(part(client, f"/images/{row.pk}/config/"))
    assert "linux/amd64" in said and "PATH /bin" in said and "DB_PASSWORD ••••••" in said
    assert "hunter2" not in said
    assert "linux/amd64" in text(client, f"/images/{row.pk}/?now=1")


def test_layers_are_shown_from_the_base_up(client: Client, row: Image) -> None:
    page = part(client, f"/images/{row.pk}/layers/")
    said = words(page)
    assert said.index("ADD rootfs.tar") < said.index('CMD ["sh"]') < said.index("RUN fetch")
    assert "hunter2" not in page and page.count('class="is-empty"') == 1
    assert 'width="100.0"' in page and 'width="18.0"' in page


def test_inspect_hides_secrets(client: Client, row: Image) -> None:
    for path in (f"/images/{row.pk}/inspect/?now=1", f"/images/{row.pk}/inspect.json"):
        page = text(client, path)
        assert "hunter2" not in page and "DB_PASSWORD" in page


def test_it_compares_two_images(client: Client, row: Image, fake: FakeEngine, host: Host) -> None:
    layers = [*BASE, ("COPY app / # buildkit", 700)]
    made = in_fake(fake, lambda: fake.images.add("shop/web:2", env=["PATH=/x"], layers=layers))
    other = make_image(host, made.id, tags=["shop/web:2"])
    make_image(host, tags=["other:1"])
    choose = text(client, f"/images/compare/?left={row.pk}")
    assert f"?left={row.pk}&amp;right={other.pk}" in choose and ">other:1<" not in choose
    assert ">other:1<" in text(client, f"/images/compare/?left={row.pk}&q=other")
    said = words(part(client, f"/images/compare/?left={row.pk}&right={other.pk}"))
    assert "PATH /bin /x" in said and "DB_PASSWORD •••••• –" in said
    assert "COPY app /" in said and "RUN fetch" in said
    same = words(part(client, f"/images/compare/?left={row.pk}&right={row.pk}"))
    assert "Config and layers are the same." in same
    asked = f"/api/v1/images/compare?left={row.pk}&right={other.pk}"
    found = client.get(asked).json()
    assert found["packages"] is None  # nothing was scanned
    make_scan(row.engine_id, packages=(BASH,))
    make_scan(other.engine_id, packages=(BASH, OPENSSL))
    (package,) = client.get(asked).json()["packages"]
    assert (package["name"], package["left"]) == ("openssl", "")
    assert package["right"] == OPENSSL.version
    assert {one["name"] for one in found["env"]} == {"PATH", "DB_PASSWORD"}
    assert [found[side]["size"] for side in ("shared", "left", "right")] == [5000, 900, 700]
    assert client.get("/images/compare/?left=999999").status_code == 404


def test_another_host_is_asked_while_its_own_is_away(
    client: Client, row: Image, host: Host, other_host: Host
) -> None:
    Host.objects.filter(pk=other_host.pk).update(state=HostState.UNREACHABLE)
    twin = make_image(other_host, row.engine_id)
    assert "linux/amd64" in part(client, f"/images/{twin.pk}/config/")
    Host.objects.filter(pk=host.pk).update(state=HostState.UNREACHABLE, state_message="No route.")
    for tab in ("config/", "layers/", "inspect/"):
        assert "cannot be asked now" in part(client, f"/images/{row.pk}/{tab}")
    answer = client.get(f"/api/v1/images/{row.pk}/history")
    assert answer.status_code == 503 and "No route." in answer.json()["detail"]


def test_the_api_lists_images_by_host(
    client: Client, row: Image, host: Host, other_host: Host
) -> None:
    make_image(other_host, row.engine_id, tags=["shop/web:1"])
    make_container(host, image_id=row.engine_id)
    found = client.get("/api/v1/images?sort=-host&limit=1").json()
    assert (found["count"], found["items"][0]["host"]) == (2, "stage-1")
    used = client.get("/api/v1/images?state=used").json()["items"]
    assert [(one["host"], one["used"]) for one in used] == [("stage-1", True)]
    assert used[0]["labels"]["api.key"] == "••••••"
    one = client.get(f"/api/v1/images/{row.pk}").json()
    assert [place["host"] for place in one["hosts"]] == ["prod-1", "stage-1"]
    assert one["used"] is True
    history = client.get(f"/api/v1/images/{row.pk}/history").json()
    assert [step["size"] for step in history["items"]] == [5000, 0, 900]
    assert client.get("/api/v1/images?state=odd").status_code == 422
    assert client.get("/api/v1/images?sort=odd").status_code == 422


def test_lists_and_pages_follow_what_concerns_them(actor: Actor, row: Image) -> None:
    hints = (ImagesChanged(1, [1], []), ContainersChanged(1, [1], []), EventsAdded(1, [1]))
    for name in ("images", "image", "image-overview"):
        topic, args = TOPICS[name], QueryDict(f"id={row.pk}")
        assert [topic.interested(hint, args) for hint in hints] == [True, True, False]
        before = topic.load(actor, args)
        again = topic.load(actor, args)
        assert {k: p.rev for k, p in before.parts.items()} == {
            k: p.rev for k, p in again.parts.items()
        }
    before = TOPICS["images"].load(actor, QueryDict(""))
    make_container(row.host, image_id=row.engine_id)
    after = TOPICS["images"].load(actor, QueryDict(""))
    key = f"image-{row.engine_id.removeprefix('sha256:')}"
    assert before.parts[key].rev != after.parts[key].rev


def test_a_stranger_compares_nothing(
    stranger: User, sign_in: Callable[[User], Client], row: Image
) -> None:
    client = sign_in(stranger)
    for place in ("/images/compare/", "/api/v1/images/compare"):
        assert client.get(f"{place}?left={row.pk}&right={row.pk}").status_code == 404
    assert "shop/web" not in text(client, "/images/compare/?q=shop")
    assert "shop/web" not in text(client, "/images/")


def test_what_follows_every_container_is_drawn_once_a_second_at_most(actor: Actor) -> None:
    seer = Seer(actor, "en", "localhost")
    rates = {name: View(TOPICS[name], "", seer)._pace.rate for name in ("images", "containers")}
    assert rates == {"images": 1.0, "containers": 10.0}
