"""The REST API under /api/v1/: the same operations and the same access as the pages."""

from __future__ import annotations

from ninja import NinjaAPI

from dashboard.api import (
    audit,
    builds,
    container,
    containers,
    death,
    environments,
    events,
    hosts,
    image_acts,
    image_files,
    images,
    jobs,
    people,
    prune,
    pulls,
    registries,
    registry_content,
    saved_filters,
    scans,
    terminal,
    tokens,
    triggers,
    updates,
    usage,
    users,
)
from dashboard.api.auth import Bearer, Session
from dashboard.api.problems import add_handlers

api = NinjaAPI(
    title="Quayside",
    version="1",
    description=(
        "What the pages can do. Authenticate with a bearer token, or with the session of a browser."
        " Lists are `{items, count}` with `limit`, `offset` and `sort`; a change of an engine"
        " answers 202 with a job to follow; errors are problem+json. What only an engine can tell"
        " is asked while you wait: 503 says why its host cannot be asked now."
    ),
    docs_url=None,  # dashboard.views.api serves the page, inside our own policy
    auth=[Bearer(), Session()],
)
add_handlers(api)
api.add_router("/hosts", hosts.router)
api.add_router("/environments", environments.router)
api.add_router("", updates.router)
api.add_router("/containers", containers.router)
api.add_router("/containers", container.router)
api.add_router("/containers", death.router)
api.add_router("/containers", terminal.router)
api.add_router("/registries", registries.router)
api.add_router("/registries", registry_content.router)
api.add_router("/builds", builds.router)
api.add_router("/builds", triggers.router)
api.add_router("/saved-filters", saved_filters.router)
api.add_router("/usage", usage.router)
api.add_router("/events", events.router)
api.add_router("/images", images.router)
api.add_router("/images", pulls.router)
api.add_router("/images", prune.router)
api.add_router("/builds", prune.cache_router)
api.add_router("/images", image_files.router)
api.add_router("/images", image_acts.router)
api.add_router("/scans", scans.router)
api.add_router("/jobs", jobs.router)
api.add_router("/audit", audit.router)
api.add_router("/users", users.router)
api.add_router("/tokens", tokens.router)
api.add_router("", people.router)
