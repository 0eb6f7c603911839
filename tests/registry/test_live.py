"""Registries' pages, live: the picture is the page, and follows what changes."""

from __future__ import annotations

import re

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from dashboard.live.topics import TOPICS
from dashboard.live.topics.base import Snapshot
from fleet.access import Unknown
from fleet.actor import Actor, actor_for
from fleet.models import Environment, Host, Registry, User
from fleet.publish import HostsChanged, JobsChanged, RegistriesChanged
from tests.conftest import make_host

pytestmark = pytest.mark.django_db
TAG = re.compile(r'<\w+[^>]*\bid="([^"]+)"[^>]*\bdata-rev="([^"]*)"')


def load(actor: Actor, topic: str, args: str = "") -> Snapshot:
    return TOPICS[topic].load(actor, QueryDict(args))


@pytest.mark.parametrize(
    ("topic", "parts"), [("registries", 1), ("registry", 1), ("registry-overview", 2)]
)
def test_the_live_picture_is_the_page(
    browser: Client, administrator: User, registry: Registry, host: Host, topic: str, parts: int
) -> None:
    one = topic != "registries"
    html = browser.get(f"/registries/{registry.pk}/" if one else "/registries/").content.decode()
    shown = dict(TAG.findall(html))
    assert html.count(f'data-live-topic="{topic}"') == 1
    picture = load(actor_for(administrator), topic, f"id={registry.pk}" if one else "")
    assert len(picture.parts) == parts
    for part_id, part in picture.parts.items():
        assert shown.get(part_id) == part.rev, part_id
        assert TAG.findall(part.render())[0] == (part_id, part.rev)


def test_a_row_is_drawn_again_when_what_it_shows_changed(
    actor: Actor, viewer: User, registry: Registry, production: Environment
) -> None:
    def rev(who: Actor) -> str:
        return load(who, "registries").parts[f"registry-{registry.pk}"].rev

    first, seen = rev(actor), actor_for(viewer)
    assert rev(seen) != first  # it shows no user name and no buttons
    before = rev(seen)
    registry.environments.add(production)
    assert rev(actor) != first and rev(seen) == before
    second = rev(actor)
    Registry.objects.update(tested_at=timezone.now(), revision=1)
    assert rev(actor) != second and rev(seen) != before


def test_a_card_counts_the_hosts(actor: Actor, registry: Registry, host: Host) -> None:
    name = f"registry-serves-{registry.pk}"
    before = load(actor, "registry-overview", f"id={registry.pk}").parts[name].rev
    make_host("stage-2", host.environment)
    assert load(actor, "registry-overview", f"id={registry.pk}").parts[name].rev != before


def test_it_follows_what_concerns_it(registry: Registry) -> None:
    args = QueryDict(f"id={registry.pk}")
    mine, other = RegistriesChanged([registry.pk]), RegistriesChanged([registry.pk + 1])
    for hint, rows, head, cards in (
        (mine, True, True, True),
        (other, True, False, False),
        (HostsChanged([1]), True, False, True),
        (JobsChanged([1]), False, False, False),
    ):
        assert TOPICS["registries"].interested(hint, QueryDict()) is rows
        assert TOPICS["registry"].interested(hint, args) is head
        assert TOPICS["registry-overview"].interested(hint, args) is cards


def test_who_ceases_to_see_it_is_told_so(
    viewer: User, registry: Registry, production: Environment
) -> None:
    registry.environments.set([production])
    for topic in ("registry", "registry-overview"):
        with pytest.raises(Unknown):
            load(actor_for(viewer), topic, f"id={registry.pk}")
    assert load(actor_for(viewer), "registries").parts == {}
