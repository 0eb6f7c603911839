"""The list of events while there is nothing in it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.http import QueryDict
from django.test import Client

from dashboard.live.topics.base import TOPICS
from fleet.actor import Actor
from fleet.models import Host, User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "args", "said"),
    [
        ("/events/", "", "No events yet"),
        ("/events/?q=web", "q=web", "No event matches"),
        ("/hosts/{pk}/events/", "host={pk}&bare=1", "Nothing has happened here yet"),
    ],
)
def test_it_says_why_there_are_none_at_first_and_live(
    administrator: User,
    sign_in: Callable[[User], Client],
    actor: Actor,
    host: Host,
    path: str,
    args: str,
    said: str,
) -> None:
    html = sign_in(administrator).get(path.format(pk=host.pk)).content.decode()
    rev = re.search(r'id="events-empty"[^>]*data-rev="(\w+)"', html)
    live = TOPICS["events"].load(actor, QueryDict(args.format(pk=host.pk)))
    part = live.parts["events-empty"]
    assert said in html and said in part.render()
    assert rev is not None and rev[1] == part.rev
