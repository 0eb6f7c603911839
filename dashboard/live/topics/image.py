"""One image's page, live: its head, the hosts that have it, and the containers that use it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import QueryDict
from django.template.loader import render_to_string

from dashboard.live.moments import ago_mark
from dashboard.live.topics.args import id_of
from dashboard.live.topics.base import Part, Snapshot, Topic, register
from dashboard.live.topics.container_rows import state_words
from dashboard.live.topics.images import (
    LOOKS,
    host_facts,
    name_of,
    places_signature,
    users_address,
)
from dashboard.update_words import lines_of, signature, update_mark
from fleet.actor import Actor
from fleet.operations import operations_on
from fleet.operations.image_scan import SCAN_NAME
from fleet.publish import ContainersChanged, Hint, HostsChanged, ImagesChanged, UpdatesChanged
from fleet.selectors.hosts import revision_of
from fleet.selectors.image import CONTAINERS_SHOWN, ImageOverview, image_overview
from fleet.selectors.image_query import DANGLING, UNUSED, USED

CARDS = ("hosts", "users", "updates", "names")


class ImageTopic(Topic):
    """Follows one image: any host may come to have it, any container to use it."""

    renders_per_second = 1.0

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Hints name rows, and the same image has others elsewhere."""
        kinds = ImagesChanged | ContainersChanged | HostsChanged | UpdatesChanged
        return isinstance(hint, kinds)


@register
class ImageHead(ImageTopic):
    """`image`, with `id=7`: name, marks and sizes on top of an image's pages."""

    name = "image"

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the head. Raises Unknown once the image is gone."""
        overview = image_overview(actor, id_of(args))
        return Snapshot(parts={f"image-head-{overview.image.pk}": head_part(overview)})


@register
class ImageCards(ImageTopic):
    """`image-overview`, with `id=7`: the cards of an image's first page."""

    name = "image-overview"

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the cards. Raises Unknown once the image is gone."""
        return Snapshot(parts=card_parts(image_overview(actor, id_of(args))))


def head_part(overview: ImageOverview) -> Part:
    """Return the head of an image's pages."""
    line = overview.line
    marks = [LOOKS[USED if line.used else UNUSED]]
    acts = [
        operation
        for operation in operations_on("image")
        if operation.run is not None
        and operation.name != SCAN_NAME  # has a tab of its own
        and operation.permission in overview.permissions
    ]
    context = {
        "image": overview.image,
        "acts": acts,
        "may_copy": "image.copy" in overview.permissions,
        "may_save": "image.save" in overview.permissions,
        "line": line,
        "name": name_of(line),
        "created": ago_mark(overview.image.created_at),
        "update": update_mark(line.update),
        "marks": [*marks, LOOKS[DANGLING]] if not line.tags else marks,
    }
    shown = (
        places_signature(line.places),
        signature(line.update),
        [operation.name for operation in acts],
        sorted(overview.permissions & {"image.copy", "image.save"}),
    )
    return _part("image/head.html", shown, context)


def card_parts(overview: ImageOverview) -> dict[str, Part]:
    """Return the cards by their element ids."""
    image, line = overview.image, overview.line
    may_check = bool(line.tags) and "image.pull" in overview.permissions
    contexts: dict[str, dict[str, Any]] = {
        "hosts": {
            "differ": any(place.image.tags != line.tags for place in line.places),
            "places": [
                {
                    "place": place,
                    "users": users_address(line.engine_id, place.host),
                    "seen": ago_mark(place.host.last_seen),
                }
                for place in line.places
            ],
        },
        "users": {
            "users": [{"container": one, "state": state_words(one)} for one in overview.users],
            "total": line.containers,
            "all_users": users_address(line.engine_id),
            "more": line.containers > CONTAINERS_SHOWN,
        },
        "updates": {
            "lines": lines_of(line.updates),
            "tags": line.tags,
            "may_check": may_check,
        },
        "names": {"digests": overview.digests, "tags": line.tags},
    }
    places = places_signature(line.places)
    users = [
        (one.pk, one.revision, one.name, one.state, one.health, *host_facts(one.host))
        for one in overview.users
    ]
    shown = {"hosts": places, "users": (users, line.containers), "names": places}
    told = [(signature(one), one.checked_at) for one in line.updates]
    shown["updates"] = (told, bool(line.tags), may_check)
    return {
        f"image-{name}-{image.pk}": _part(
            f"image/{name}_card.html", shown[name], {**contexts[name], "image": image}
        )
        for name in CARDS
    }


def _part(template: str, shown: object, context: dict[str, Any]) -> Part:
    rev = revision_of(template, shown)
    return Part(rev, partial(render_to_string, template, {**context, "rev": rev}))
