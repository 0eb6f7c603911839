"""The list of images, live: lines, counts by state, totals, pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import QueryDict
from django.template.loader import get_template
from django.urls import reverse
from django.utils.translation import gettext_lazy

from dashboard import scan_words
from dashboard.live.moments import ago_mark
from dashboard.live.topics.base import AROUND, Part, Snapshot, Topic, register
from dashboard.live.topics.list_parts import (
    Chip,
    Fragment,
    around,
    chip_of,
    pages_of,
    range_of,
    set_chips,
    why_empty,
    with_all,
)
from dashboard.templatetags.states import Look
from dashboard.update_words import UPDATE_AVAILABLE, signature, update_mark
from fleet.actor import Actor
from fleet.models import Host, HostState
from fleet.publish import (
    ContainersChanged,
    Hint,
    HostsChanged,
    ImagesChanged,
    ScansChanged,
    UpdatesChanged,
)
from fleet.selectors.hosts import revision_of
from fleet.selectors.image_query import DANGLING, OUTDATED, UNUSED, USED
from fleet.selectors.images import ImageLine, ImagePage, ImageQuery, Place, image_page
from fleet.selectors.query_parts import SIZES

LIST = "image-rows"
TAGS_SHOWN = 4
FRAGMENTS = ("image-chips", "image-totals", "image-empty", "image-range", "image-pages")
LOOKS = {
    USED: Look("ok", "circle-filled", gettext_lazy("in use")),
    UNUSED: Look("idle", "circle-dashed", gettext_lazy("unused")),
    DANGLING: Look("warn", "ghost", gettext_lazy("dangling")),
    OUTDATED: UPDATE_AVAILABLE,
}
FILTER_NAMES = {
    "q": gettext_lazy("search"),
    "host": gettext_lazy("host"),
    "environment": gettext_lazy("environment"),
    "label": gettext_lazy("label"),
    "state": gettext_lazy("state"),
}


@register
class Images(Topic):
    """`images`, with the list's query string as arguments."""

    name = "images"
    most = max(SIZES) + AROUND
    # Containers change all the time, and who uses an image is only a part of the picture.
    renders_per_second = 1.0

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Lines tell which containers use them, and totals what no container uses."""
        kinds = ImagesChanged | ContainersChanged | HostsChanged | UpdatesChanged | ScansChanged
        return isinstance(hint, kinds)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the page of the list that the arguments ask for."""
        return snapshot_of(image_page(actor, ImageQuery.parse(args)))


def snapshot_of(page: ImagePage) -> Snapshot:
    """Return the list as the page shows it, at first and live."""
    rows = line_parts(page.rows, page.mixed)
    fragments = around(page, _fragments(page))
    return Snapshot(parts={**fragments, **rows}, lists={LIST: list(rows)})


# --- Lines ---------------------------------------------------------------------------------


def line_parts(lines: Iterable[ImageLine], mixed: bool) -> dict[str, Part]:
    """Return the parts of lines by element id: the same for everybody who sees the same places.

    Where hosts are of `mixed` architectures, each tells its own.
    """
    return {line_id(line): _line_part(line, mixed) for line in lines}


def line_id(line: ImageLine) -> str:
    """Return the id of a line's element; ids of images are `sha256:` and 64 letters."""
    return f"image-{line.engine_id.removeprefix('sha256:')}"


def _line_part(line: ImageLine, mixed: bool) -> Part:
    scanned = scan_words.signature(line.scan)
    rev = revision_of(places_signature(line.places), signature(line.update), scanned, mixed)
    return Part(rev, lambda: _draw_line(rev, line, mixed))


def places_signature(places: Iterable[Place]) -> list[tuple[Any, ...]]:
    """Return what changes when what is shown of an image on its hosts does."""
    return [
        (
            place.image.pk,
            place.image.revision,
            place.used,
            place.containers,
            *host_facts(place.host),
        )
        for place in places
    ]


def host_facts(host: Host) -> tuple[Any, ...]:
    """Return what a line shows of a host."""
    away = host.last_seen if host.state == HostState.UNREACHABLE else None
    return (host.name, host.state, host.environment.name, away, host.arch)


def _draw_line(rev: str, line: ImageLine, mixed: bool) -> str:
    marks = [LOOKS[DANGLING]] if line.first.dangling else []
    return get_template("images/row.html").render(
        {
            "element_id": line_id(line),
            "rev": rev,
            "line": line,
            "platform": line.platform if mixed or line.is_foreign else "",
            "update": update_mark(line.update),
            "places": line.places,
            "name": name_of(line),
            "called": name_of(line) or str(line.first),
            "scan": line.scan,
            "scan_counts": scan_words.counts_badges(line.scan) if line.scan else "",
            "more": line.tags[1:TAGS_SHOWN],
            "left": line.tags[TAGS_SHOWN:],
            "href": reverse("image-detail", args=[line.first.pk]),
            "users": users_address(line.engine_id),
            "created": ago_mark(line.first.created_at),
            "marks": marks if line.used else [*marks, LOOKS[UNUSED]],
        }
    )


def name_of(line: ImageLine) -> str:
    """Return what an image is called: its first tag, else the repository that it came from."""
    if line.tags:
        return line.tags[0]
    return line.digest.partition("@")[0]


def users_address(engine_id: str, host: Host | None = None) -> str:
    """Return the address of the list of containers that use an image."""
    query = QueryDict(mutable=True)
    query["image"] = engine_id
    if host is not None:
        query["host"] = host.name
    return f"{reverse('container-list')}?{query.urlencode(safe=':')}"


# --- Around the lines ----------------------------------------------------------------------


def _fragments(page: ImagePage) -> dict[str, Fragment]:
    return {
        "image-chips": ("containers/chips.html", _chips(page)),
        "image-totals": ("images/totals.html", _totals(page)),
        "image-empty": ("images/empty.html", why_empty(page, "no_images")),
        "image-range": ("containers/range.html", range_of(page)),
        "image-pages": ("containers/pages.html", pages_of(page)),
    }


def _chips(page: ImagePage) -> dict[str, Any]:
    """Counts by state; those that are set or not zero."""
    query, states = page.query, page.states
    chips = [chip_of(query, "state", state, look, states[state]) for state, look in LOOKS.items()]
    return with_all([chip for chip in chips if chip], query.urlencode(state=()), states[""])


def filter_chips(query: ImageQuery) -> list[Chip]:
    """Return a removable chip for each filter that is set but for those shown with counts."""
    return set_chips(query, FILTER_NAMES, lambda name, value: name != "state" or value not in LOOKS)


def _totals(page: ImagePage) -> dict[str, Any]:
    totals = page.totals
    return {
        "lines": totals.lines, "places": totals.places,
        "size": totals.size, "unused": totals.unused_size,
    }  # fmt: skip
