"""Searching Docker Hub: the one registry that has so many images that nobody lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from fleet.outbound.client import Answer, Limits, OutboundClient
from fleet.outbound.errors import OutboundError
from fleet.outbound.urls import parse_url
from fleet.registries import values
from fleet.registries.answers import check
from fleet.registries.errors import from_outbound
from fleet.registries.reference import HUB, InvalidReference, parse_reference

PATH = "/v2/search/repositories/"
QUERY_LIMIT = 200
MOST_PER_PAGE = 100
MOST_PAGES = 100
BODY_LIMIT = 1024 * 1024
LIMITS = Limits(connect=4, read=8, total=10, body=BODY_LIMIT)


@dataclass(frozen=True)
class HubImage:
    """An image that was found. ``name`` is as one pulls it: nginx, or bitnami/redis."""

    name: str
    description: str
    stars: int
    pulls: int
    official: bool


@dataclass(frozen=True)
class HubPage:
    """A page of what was found, and how much there is in all, as the Hub counts."""

    images: tuple[HubImage, ...]
    page: int
    total: int
    more: bool


def search_hub(query: str, page: int = 1, count: int = 25) -> HubPage:
    """Search Docker Hub for images. Raises ``RegistryError``.

    An empty query finds nothing, without asking.
    """
    words = " ".join(query.split())[:QUERY_LIMIT]
    number = max(1, min(page, MOST_PAGES))
    if not words:
        return HubPage((), number, 0, False)
    size = max(1, min(count, MOST_PER_PAGE))
    answer = check(_ask(urlencode({"query": words, "page": number, "page_size": size})))
    data = values.load(answer.body)
    rows = values.objects(data.get("results"), size)
    found = tuple(image for image in map(_image, rows) if image is not None)
    more = bool(values.text(data.get("next"))) and number < MOST_PAGES
    return HubPage(found, number, values.size(data.get("count")), more)


def _ask(query: str) -> Answer:
    base: str = settings.HUB_URL
    # Who runs Quayside wrote the address: it may be a mirror in a private network.
    trusted = {parse_url(base).origin}
    with OutboundClient(
        trusted=trusted, insecure=base.startswith("http://"), limits=LIMITS
    ) as http:
        try:
            return http.request(
                "GET", f"{base}{PATH}?{query}", headers={"Accept": "application/json"}
            )
        except OutboundError as error:
            raise from_outbound(error) from error


def _image(row: dict[str, Any]) -> HubImage | None:
    name = values.text(row.get("repo_name"), 255)
    try:
        reference = parse_reference(name)
    except InvalidReference:
        return None
    shown = reference.familiar_name
    if reference.host != HUB or name not in (shown, reference.repository):
        return None  # a name with a host or a tag is none of the Hub's
    return HubImage(
        name=shown,
        description=values.text(row.get("short_description"), 500).strip(),
        stars=values.size(row.get("star_count")),
        pulls=values.size(row.get("pull_count")),
        official=row.get("is_official") is True,
    )
