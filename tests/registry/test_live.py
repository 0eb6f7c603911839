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


@pytest.mark.parametrize("topic", ["registries", "registry"])
def test_the_live_picture_is_the_page(
    browser: Client, administrator: User, registry: Registry, host: Host, topic: str
) -> None:
    one = topic == "registry"
    html = browser.get(f"/registries/{registry.pk}/" if one else "/registries/").content.decode()
    shown = dict(TAG.findall(html))
    assert f'data-live-topic="{topic}"' in html
    picture = load(actor_for(administrator), topic, f"id={registry.pk}" if one else "")
    assert len(picture.parts) == (3 if one else 1)
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
    before = load(actor, "registry", f"id={registry.pk}").parts[name].rev
    make_host("stage-2", host.environment)
    assert load(actor, "registry", f"id={registry.pk}").parts[name].rev != before


def test_it_follows_what_concerns_it(registry: Registry) -> None:
    args = QueryDict(f"id={registry.pk}")
    mine, other = RegistriesChanged([registry.pk]), RegistriesChanged([registry.pk + 1])
    listed, one = TOPICS["registries"], TOPICS["registry"]
    for hint, rows, page in (
        (mine, True, True),
        (other, True, False),
        (HostsChanged([1]), True, True),
        (JobsChanged([1]), False, False),
    ):
        assert listed.interested(hint, QueryDict()) is rows
        assert one.interested(hint, args) is page


def test_who_ceases_to_see_it_is_told_so(
    viewer: User, registry: Registry, production: Environment
) -> None:
    registry.environments.set([production])
    with pytest.raises(Unknown):
        load(actor_for(viewer), "registry", f"id={registry.pk}")
    assert load(actor_for(viewer), "registries").parts == {}
