"""The card of a host's engine: other hosts with its engine id, and what a product cannot do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import QueryDict
from django.test import Client

from dashboard.live.topics import TOPICS
from dashboard.live.topics.base import Part
from fleet.actor import Actor, actor_for
from fleet.engine.probe import PODMAN_LIMITS
from fleet.models import Environment, Event, Host, User
from fleet.publish import HostsChanged, publish
from fleet.selectors.hosts import host_page
from tests.conftest import make_container, make_host
from tests.live.pages import Page

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
NOTE = "the same engine id"


@pytest.fixture
def twins(host: Host, other_host: Host) -> list[Host]:
    """stage-1 and prod-1, which report one engine id."""
    Host.objects.update(engine_id="AB:CD", engine_version="28.1", product="Docker Engine")
    return list(Host.objects.order_by("-name"))


def card(actor: Actor, host: Host) -> Part:
    parts = TOPICS["host-overview"].load(actor, QueryDict(f"id={host.pk}")).parts
    return parts[f"host-engine-{host.pk}"]


def test_it_names_the_other_host(
    sign_in: SignIn, administrator: User, twins: list[Host], staging: Environment
) -> None:
    make_host("alone", staging, engine_id="EF:00", engine_version="28.1")
    host, other = twins
    page = sign_in(administrator).get(f"/hosts/{host.pk}/").content.decode()
    said = "reports the same engine id: these are cloned machines, or one machine that was added"
    assert f'<a href="/hosts/{other.pk}/">prod-1</a> {said} twice.' in page
    alone = Host.objects.get(name="alone")
    assert NOTE not in sign_in(administrator).get(f"/hosts/{alone.pk}/").content.decode()


def test_it_names_the_first_of_many(actor: Actor, host: Host, staging: Environment) -> None:
    Host.objects.update(engine_id="AB:CD", engine_version="28.1")
    for number in range(8):
        make_host(f"clone-{number}", staging, engine_id="AB:CD")
    html = card(actor, host).render()
    assert "clone-4</a> and 3 more report the same engine id" in html
    assert "clone-5" not in html


def test_it_tells_nobody_of_a_host_that_they_may_not_see(
    sign_in: SignIn, viewer: User, administrator: User, twins: list[Host]
) -> None:
    host, other = twins
    page = sign_in(viewer).get(f"/hosts/{host.pk}/").content.decode()
    assert NOTE not in page and other.name not in page
    for user in (administrator, viewer):  # what was drawn for one is kept for who sees the same
        seen = card(actor_for(user), host)
        assert (NOTE in seen.render()) == (user == administrator)
    assert card(actor_for(viewer), host).rev != card(actor_for(administrator), host).rev


def test_hosts_that_were_never_reached_are_no_twins(
    actor: Actor, host: Host, other_host: Host
) -> None:
    Host.objects.update(engine_version="28.1", engine_id="")
    assert NOTE not in card(actor, host).render()


def test_only_what_the_card_shows_changes_it(actor: Actor, twins: list[Host]) -> None:
    host, other = twins
    before = card(actor, host).rev
    Event.objects.create(host=host, at=host.created_at, kind="die", object_kind="container")
    assert card(actor, host).rev == before
    Host.objects.filter(pk=other.pk).update(name="prod-2")
    assert card(actor, host).rev != before


def test_it_asks_as_often_for_many_twins(
    actor: Actor, host: Host, staging: Environment, django_assert_num_queries: Any
) -> None:
    Host.objects.update(engine_id="AB:CD")
    host.refresh_from_db()
    with django_assert_num_queries(5):
        assert host_page(actor, host).twins == []
    for number in range(20):
        make_container(make_host(f"h{number}", staging, engine_id="AB:CD"))
    with django_assert_num_queries(5):
        assert len(host_page(actor, host).twins) == 20


@pytest.mark.django_db(transaction=True)
async def test_an_open_page_hears_of_a_twin(
    administrator: User, viewer: User, host: Host, other_host: Host
) -> None:
    card_id = f"host-engine-{host.pk}"
    await Host.objects.filter(pk=host.pk).aupdate(engine_id="AB:CD", engine_version="28.1")
    async with Page(administrator) as page, Page(viewer) as theirs:
        for one in (page, theirs):
            await one.follow(topic="host-overview", args=f"id={host.pk}")
        assert NOTE not in page.html[card_id]
        await Host.objects.filter(pk=other_host.pk).aupdate(engine_id="AB:CD")
        await sync_to_async(publish)(HostsChanged([other_host.pk]))
        await page.shows(lambda shown: NOTE in shown.html[card_id])
        await Host.objects.filter(pk=host.pk).aupdate(kernel="6.99", revision=9)
        await sync_to_async(publish)(HostsChanged([host.pk]))
        await theirs.shows(lambda shown: "6.99" in shown.html[card_id])
        assert NOTE not in theirs.html[card_id]


@pytest.mark.parametrize("product", ["Docker Engine", "Podman Engine"])
def test_it_says_what_podman_cannot_do(actor: Actor, host: Host, product: str) -> None:
    Host.objects.update(product=product, engine_version="5.4")
    said = str(PODMAN_LIMITS).replace("'", "&#x27;")
    assert (said in card(actor, host).render()) == (product == "Podman Engine")


def test_a_change_of_product_changes_the_card(actor: Actor, host: Host) -> None:
    before = card(actor, host).rev
    Host.objects.update(product="Podman Engine", revision=host.revision + 1)
    assert card(actor, host).rev != before
