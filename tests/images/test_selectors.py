"""The list of images: lines over hosts, states, totals, filters, order; who sees what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict

from fleet.actor import Actor, actor_for
from fleet.models import Host, Image, Role, User
from fleet.selectors.image import image_overview, instruction
from fleet.selectors.images import (
    ImagePage,
    ImageQuery,
    filter_images,
    image_page,
    image_problems,
    images_of_host,
)
from fleet.selectors.platforms import is_foreign
from tests.conftest import grant, make_container, make_image

ONE, TWO, THREE = (f"sha256:{number:064x}" for number in (1, 2, 3))


@pytest.fixture
def images(host: Host, other_host: Host) -> None:
    """ONE on both hosts and in use on one of them, TWO unused, THREE dangling."""
    make_image(host, ONE, tags=["shop/web:1", "shop/web:latest"], size=100)
    make_image(other_host, ONE, tags=["shop/web:1"], size=100)
    old = datetime(2020, 1, 1, tzinfo=UTC)
    make_image(host, TWO, tags=["Apache:2"], size=3000, created_at=old, labels={"team": "blue"})
    make_image(other_host, THREE, tags=[], size=7, digests=["shop/api@sha256:ab"])
    make_container(host, "a", image_id=ONE)
    make_container(host, "b", image_id=ONE)
    make_container(other_host, "c", image_id=TWO)  # there, it has another one


def page_of(actor: Actor, text: str = "") -> ImagePage:
    return image_page(actor, ImageQuery.parse(QueryDict(text)))


def names(page: ImagePage) -> list[str]:
    return [line.tags[0] if line.tags else line.digest for line in page.rows]


def test_the_same_image_on_many_hosts_is_one_line(images: None, actor: Actor) -> None:
    page = page_of(actor)
    assert names(page) == ["Apache:2", "shop/web:1", "shop/api@sha256:ab"]
    line = page.rows[1]
    assert [place.host.name for place in line.places] == ["prod-1", "stage-1"]
    assert [(place.used, place.containers) for place in line.places] == [(False, 0), (True, 2)]
    assert (line.tags, line.containers, line.used) == (["shop/web:1", "shop/web:latest"], 2, True)
    assert not page.rows[0].used  # another host's container is made of the same


def test_it_counts_states_and_sums_up_by_host(images: None, actor: Actor) -> None:
    page = page_of(actor)
    assert page.states == {"": 3, "used": 1, "unused": 3, "dangling": 1}
    totals = page.totals
    assert (totals.lines, totals.places, totals.size) == (3, 4, 3207)
    assert totals.unused_size == 3107
    unused = page_of(actor, "state=unused")
    assert (unused.totals.size, unused.totals.unused_size) == (3107, 3107)
    assert unused.states == page.states
    assert [place.host.name for place in unused.rows[1].places] == ["prod-1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=used", ["shop/web:1"]),
        ("state=dangling", ["shop/api@sha256:ab"]),
        ("state=used&state=dangling", ["shop/web:1", "shop/api@sha256:ab"]),
        ("state=nonsense", []),
        ("host=prod-1", ["shop/web:1", "shop/api@sha256:ab"]),
        ("environment=staging", ["Apache:2", "shop/web:1"]),
        ("q=WEB+latest", ["shop/web:1"]),
        ("q=" + "0" * 62 + "02", ["Apache:2"]),
        ("label=team", ["Apache:2"]),
        ("label=team%3Dred", []),
        ("sort=-name", ["shop/api@sha256:ab", "shop/web:1", "Apache:2"]),
        ("sort=-size", ["Apache:2", "shop/web:1", "shop/api@sha256:ab"]),
        ("sort=created", ["Apache:2", "shop/web:1", "shop/api@sha256:ab"]),
        ("sort=-hosts", ["shop/web:1", "Apache:2", "shop/api@sha256:ab"]),
        ("sort=nonsense&page=x", ["Apache:2", "shop/web:1", "shop/api@sha256:ab"]),
        ("q=" + "x" * 300, []),
    ],
)
def test_it_filters_and_sorts(images: None, actor: Actor, query: str, expected: list[str]) -> None:
    assert names(page_of(actor, query)) == expected


def test_one_row_for_each_host_is_found_by_the_same_filters(images: None, actor: Actor) -> None:
    for text, number in (("", 4), ("state=used", 1), ("state=unused", 3), ("state=dangling", 1)):
        rows = filter_images(actor, ImageQuery.parse(QueryDict(text)))
        assert rows.count() == number


def test_it_shows_pages(host: Host, actor: Actor, django_assert_num_queries: Any) -> None:
    for number in range(60):
        make_image(host, tags=[f"many:{number:02}"])
    with django_assert_num_queries(7):
        page = page_of(actor, "size=25&page=9")
    assert (page.page, page.pages, page.first, page.last) == (3, 3, 51, 60)
    assert names(page)[0] == "many:50"


def test_others_see_only_images_of_their_hosts(images: None, viewer: User, host: Host) -> None:
    actor = actor_for(viewer)
    page = page_of(actor)
    assert names(page) == ["Apache:2", "shop/web:1"]
    assert [place.host for place in page.rows[1].places] == [host]
    assert (page.totals.size, page.states[""]) == (3100, 2)
    overview = image_overview(actor, page.rows[1].first.pk)
    assert [place.host for place in overview.line.places] == [host]
    assert [one.name for one in overview.users] == ["a", "b"]


def test_who_sees_no_containers_sees_no_names_of_them(
    images: None, stranger: User, host: Host
) -> None:
    Role.objects.create(name="images", permissions=["host.view", "image.view"])
    grant(stranger, "images", host)
    actor = actor_for(stranger)
    (_apache, line) = page_of(actor).rows
    assert (line.used, line.containers) == (True, 0)
    assert image_overview(actor, line.first.pk).users == []


def test_a_hidden_label_is_not_found_by_its_value(host: Host, viewer: User, actor: Actor) -> None:
    make_image(host, labels={"db.password": "hunter2"})
    query = ImageQuery.parse(QueryDict("label=db.password%3Dhunter2"))
    assert image_page(actor_for(viewer), query).total == 0
    assert image_page(actor, query).total == 1
    assert "db.password" in image_problems(actor_for(viewer), query)[0]
    row = host.images.get()
    assert "hunter2" not in str(image_overview(actor, row.pk).labels)


@pytest.mark.parametrize(
    ("platform", "arch", "foreign"),
    [
        ("linux/amd64", "x86_64", False),
        ("linux/arm64/v8", "aarch64", False),
        ("linux/arm64/v8", "x86_64", True),
        ("linux/arm/v7", "aarch64", False),
        ("linux/arm64/v8", "armv7l", True),
        ("linux/amd64", "arm64", True),
        ("linux/386", "x86_64", False),
        ("linux/amd64", "", False),
        ("", "x86_64", False),
        ("linux/arm64/v8, linux/amd64", "x86_64", False),
        ("linux/arm64/v8, linux/s390x", "x86_64", True),
    ],
)
def test_what_is_for_another_architecture(platform: str, arch: str, foreign: bool) -> None:
    assert is_foreign(platform, arch) is foreign


def test_platforms_are_told_where_they_matter(host: Host, other_host: Host, actor: Actor) -> None:
    Host.objects.update(arch="x86_64")
    make_image(host, tags=["plain:1"], platform="linux/amd64")
    make_image(host, tags=["strange:1"], platform="linux/arm64/v8")

    def shown() -> tuple[bool, dict[str, bool]]:
        page = page_of(actor)
        return page.mixed, {line.first.name: line.is_foreign for line in page.rows}

    assert shown() == (False, {"plain:1": False, "strange:1": True})
    Host.objects.filter(pk=other_host.pk).update(arch="aarch64")
    make_image(other_host, Image.objects.get(name="strange:1").engine_id, tags=["strange:1"])
    assert shown() == (True, {"plain:1": False, "strange:1": True})


def test_a_host_tells_what_it_has(images: None, actor: Actor, host: Host, stranger: User) -> None:
    found = images_of_host(actor, host)
    assert found is not None
    assert (found.lines, found.size, found.unused_size) == (2, 3100, 3000)
    assert images_of_host(actor_for(stranger), host) is None


def test_a_containers_list_finds_who_uses_an_image(images: None, actor: Actor) -> None:
    from fleet.selectors.containers import filter_containers

    found = filter_containers(actor, QueryDict(f"image={ONE}"))
    assert [row.name for row in found] == ["a", "b"]


def test_the_newest_of_lines_counts_for_its_age(host: Host, other_host: Host, actor: Actor) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    make_image(host, ONE, created_at=None, tags=["one:1"])
    make_image(other_host, ONE, created_at=now, tags=["one:1"])
    make_image(host, TWO, created_at=now - timedelta(days=1), tags=["two:1"])
    assert names(page_of(actor, "sort=-created")) == ["one:1", "two:1"]


@pytest.mark.parametrize(
    ("made_by", "shown"),
    [
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        ("/bin/sh -c apt-get update", "RUN apt-get update"),
        ("RUN /bin/sh -c apt-get update # buildkit", "RUN apt-get update"),
        ("COPY /src /app # buildkit", "COPY /src /app"),
        ("|1 TOKEN=hunter2 /bin/sh -c make", "RUN make"),
        ("/bin/sh -c #(nop)  ENV PASSWORD=hunter2", "ENV PASSWORD=••••••"),
        ("", ""),
    ],
)
def test_steps_are_told_as_a_dockerfile_says_them(made_by: str, shown: str) -> None:
    assert instruction(made_by) == shown
