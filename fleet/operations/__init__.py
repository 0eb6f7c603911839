"""Every change, a file per noun. Importing this package fills the registry."""

from __future__ import annotations

from fleet.operations import (
    build_cache,
    build_run,
    builds,
    containers,
    environments,
    grants,
    host_jobs,
    hosts,
    image_acts,
    image_copy,
    image_updates,
    images,
    prune,
    registries,
    registry_delete,
    roles,
    saved_filters,
    teams,
    tokens,
    users,
)
from fleet.operations.registry import REGISTRY, Operation, operations_on, words

__all__ = [
    "REGISTRY",
    "Operation",
    "build_cache",
    "build_run",
    "builds",
    "containers",
    "environments",
    "grants",
    "host_jobs",
    "hosts",
    "image_acts",
    "image_copy",
    "image_updates",
    "images",
    "operations_on",
    "prune",
    "registries",
    "registry_delete",
    "roles",
    "saved_filters",
    "teams",
    "tokens",
    "users",
    "words",
]
