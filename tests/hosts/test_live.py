"""What pages follow: the live picture is the same as the first paint, and changes with the rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from dashboard.live.topics import TOPICS
from dashboard.live.topics.base import Snapshot
from fleet.access import Unknown
from fleet.actor import Actor, actor_for
from fleet.models import Container, Host, HostState, User
from fleet.operations.hosts import host_disable
from fleet.publish import ContainersChanged, EventsAdded, HostsChanged, JobsChanged
from tests.conftest import make_container, make_host
from tests.live.pages import Page

pytestmark = pytest.mark.django_db
TAG = re.compile(r'<\w+[^>]*\bid="([^"]+)"[^>]*\bdata-rev="([^"]*)"')


def load(actor: Actor, topic: str, args: str = "") -> Snapshot:
    return TOPICS[topic].load(actor, QueryDict(args))


@pytest.fixture
def busy(host: Host, other_host: Host) -> Host:
    """A fleet in which something of everything is to be seen."""
    for number in range(3):
        container = make_container(host, f"web-{number}", health="unhealthy" if number else "")
        host.events.create(
            at=timezone.now(), kind="start", object_kind="container",
            object_id=container.engine_id, object_name=container.name,
        )  # fmt: skip
    Host.objects.filter(pk=other_host.pk).update(state=HostState.UNREACHABLE)
    return host


@pytest.mark.parametrize(
    ("path", "topics"),
    [
        ("/", [("fleet", "")]),
        ("/?environment=staging", [("fleet", "environment=staging")]),
        ("/hosts/", [("hosts", "")]),
        ("/hosts/?state=unreachable", [("hosts", "state=unreachable")]),
        ("/hosts/{id}/", [("host", "id={id}"), ("host-overview", "id={id}")]),
        ("/hosts/{id}/events/", [("host", "id={id}"), ("events", "host={id}&bare=1")]),
        ("/events/", [("events", "")]),
        ("/events/?q=web-1", [("events", "q=web-1")]),
    ],
)
@pytest.mark.parametrize("zone", ["", "Asia/Tokyo"])
def test_the_live_picture_is_the_page(
    sign_in: Callable[[User], Client], administrator: User, busy: Host, path: str,
    topics: list[tuple[str, str]], zone: str,
) -> None:  # fmt: skip
    administrator.preferences = {"time_zone": zone} if zone else {}
    administrator.save()
    html = sign_in(administrator).get(path.format(id=busy.pk)).content.decode()
    shown = dict(TAG.findall(html))
    actor = actor_for(administrator)
    for topic, args in topics:
        args = args.format(id=busy.pk)
        assert f'data-live-topic="{topic}"' in html
        picture = load(actor, topic, args)
        assert picture.parts
        for part_id, part in picture.parts.items():
            assert shown.get(part_id) == part.rev, part_id
            assert TAG.findall(part.render())[0] == (part_id, part.rev)
        for order in picture.lists.values():
            places = [html.index(f'id="{row}"') for row in order]
            assert places == sorted(places)


def changed(before: Snapshot, after: Snapshot) -> set[str]:
    return {name for name, part in after.parts.items() if part != before.parts.get(name)
            and (name not in before.parts or part.rev != before.parts[name].rev)}  # fmt: skip


def test_a_sick_container_changes_its_tile_and_the_troubles(actor: Actor, busy: Host) -> None:
    before = load(actor, "fleet")
    Container.objects.filter(name="web-0").update(health="unhealthy")
    after = load(actor, "fleet")
    assert changed(before, after) == {"fleet-troubles", "fleet-counts", f"tile-{busy.pk}"}
    assert "web-0" in after.parts["fleet-troubles"].render()


def test_a_lost_host_comes_first(actor: Actor, busy: Host) -> None:
    other = Host.objects.exclude(pk=busy.pk).get()
    assert load(actor, "fleet").lists["fleet-tiles"][0] == f"tile-{other.pk}"
    Host.objects.update(state=HostState.REACHABLE)
    assert load(actor, "fleet").lists["fleet-tiles"][0] == f"tile-{busy.pk}"


def test_a_fragment_never_holds_a_token(actor: Actor, busy: Host) -> None:
    for topic, args in (
        ("fleet", ""),
        ("host", f"id={busy.pk}"),
        ("host-overview", f"id={busy.pk}"),
    ):
        for part in load(actor, topic, args).parts.values():
            assert "<form" not in part.render()


def test_rights_are_part_of_the_picture(
    viewer: User, operator: User, stranger: User, busy: Host
) -> None:
    def button(user: User) -> bool:
        return "/restart/" in load(actor_for(user), "fleet").parts["fleet-troubles"].render()

    assert button(operator) and not button(viewer)
    revisions = {
        load(actor_for(u), "fleet").parts["fleet-troubles"].rev for u in (viewer, operator)
    }
    assert len(revisions) == 2
    for topic in ("host", "host-overview"):
        with pytest.raises(Unknown):
            load(actor_for(stranger), topic, f"id={busy.pk}")
    assert load(actor_for(stranger), "hosts").lists == {"host-rows": []}


@pytest.mark.parametrize("args", ["", "id=", "id=x", "id=-1", "id=" + "9" * 30])
def test_nonsense_names_no_host(actor: Actor, args: str) -> None:
    with pytest.raises(Unknown):
        load(actor, "host", args)


def test_topics_listen_to_what_concerns_them() -> None:
    def hears(topic: str, hint: Any, args: str = "") -> bool:
        return TOPICS[topic].interested(hint, QueryDict(args))

    assert hears("host", HostsChanged([1, 2]), "id=2")
    assert not hears("host", HostsChanged([1]), "id=2")
    assert not hears("host", ContainersChanged(2, [1], []), "id=2")
    assert hears("host-overview", ContainersChanged(2, [1], []), "id=2")
    assert not hears("host-overview", EventsAdded(1, [1]), "id=2")
    assert hears("events", EventsAdded(1, [1]))
    assert not hears("events", EventsAdded(1, [1]), "host=2")
    assert not hears("events", EventsAdded(1, [1]), "before=1-1")
    assert not hears("hosts", JobsChanged([1]))
    assert hears("fleet", JobsChanged([1]))


def test_the_fleet_costs_the_same_for_many_hosts(
    actor: Actor, busy: Host, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        make_container(make_host(f"more-{number}", busy.environment))
    with django_assert_max_num_queries(9):
        load(actor, "fleet")


@pytest.mark.django_db(transaction=True)
async def test_a_host_that_is_switched_off_changes_on_an_open_page(
    administrator: User, host: Host
) -> None:
    async with Page(administrator) as page:
        await page.follow(topic="hosts")
        assert "reachable" in page.html[f"host-{host.pk}"]
        actor = await sync_to_async(actor_for)(administrator)
        await sync_to_async(host_disable)(actor=actor, host_id=host.pk)
        await page.shows(lambda shown: "disabled" in shown.html[f"host-{host.pk}"])
