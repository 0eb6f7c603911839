"""From what an engine says of a container to the values of its row, and what differs.

Names, labels and commands are whatever somebody typed on a host: they are cut to what a column
holds and freed of what a database refuses, never rejected.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import CharField

from fleet.engine.types import ContainerFacts
from fleet.models import Container, ContainerState
from fleet.selectors.masking import mask_value

SWARM_STACK = "com.docker.stack.namespace"
SEARCH_LIMIT = 2048
# Labels of the tools themselves are on every container: searching for them finds everything.
TOOL_LABELS = ("com.docker.", "io.podman.", "io.buildah.")
LABEL_LIMIT = 200
COMMAND_LIMIT = 8192
INT_LIMIT = 2**31 - 1

Values = dict[str, Any]

# Every column that an engine decides; all of them are shown, so a change of any counts.
FIELDS = (
    "name", "names", "image", "image_id", "command", "state", "health", "exit_code", "oom_killed",
    "restart_count", "ports", "mounts", "networks", "labels", "compose_project", "compose_service",
    "swarm_stack", "swarm_service", "swarm_task", "created_at", "started_at", "finished_at",
    "search",
)  # fmt: skip
_LENGTHS = {
    field.name: field.max_length
    for field in Container._meta.get_fields()
    if isinstance(field, CharField) and field.max_length
}


def clean(text: str) -> str:
    """Return `text` without what a database refuses: NUL and halves of surrogate pairs."""
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def clean_all(value: Any) -> Any:
    """Return `value` with every text in it clean."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): clean_all(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_all(item) for item in value]
    return value


def _whole(number: int) -> int:
    """Return a number that fits the column; Windows ends processes with 3221225786."""
    return max(-INT_LIMIT, min(INT_LIMIT, number))


def search_text(facts: ContainerFacts, host_name: str) -> str:
    """Return what the search looks through: lower case, the names first, at most 2 KB."""
    stack = facts.labels.get(SWARM_STACK, "")
    words = [
        facts.name, facts.image, facts.engine_id[:12], facts.compose_project,
        facts.compose_service, stack, facts.swarm_service, host_name,
    ]  # fmt: skip
    words += [
        f"{key}={value}"
        for key, value in sorted(facts.labels.items())
        if not key.startswith(TOOL_LABELS)
        and len(key) + len(value) < LABEL_LIMIT
        and not is_masked(key, value)
    ]
    return clean(" ".join(dict.fromkeys(word for word in words if word)).lower()[:SEARCH_LIMIT])


@lru_cache(maxsize=4096)
def is_masked(key: str, value: str) -> bool:
    """Tell whether pages hide the value: a search could guess it letter by letter."""
    return mask_value(key, value) != value


def row_values(facts: ContainerFacts, host_name: str) -> Values:
    """Return the value of every column in `FIELDS`."""
    values: Values = {
        "name": facts.name or facts.engine_id[:12],
        "names": list(facts.names),
        "image": facts.image,
        "image_id": facts.image_id,
        "command": facts.command[:COMMAND_LIMIT],
        "state": facts.state or ContainerState.DEAD.value,
        "health": facts.health,
        "exit_code": None if facts.exit_code is None else _whole(facts.exit_code),
        "oom_killed": facts.oom_killed,
        "restart_count": max(0, _whole(facts.restart_count)),
        "ports": [asdict(port) for port in facts.ports],
        "mounts": [asdict(mount) for mount in facts.mounts],
        "networks": [asdict(network) for network in facts.networks],
        "labels": dict(facts.labels),
        "compose_project": facts.compose_project,
        "compose_service": facts.compose_service,
        "swarm_stack": facts.labels.get(SWARM_STACK, ""),
        "swarm_service": facts.swarm_service,
        "swarm_task": facts.swarm_task,
        "created_at": facts.created_at,
        "started_at": facts.started_at,
        "finished_at": facts.finished_at,
        "search": search_text(facts, host_name),
    }
    return {name: _fitting(name, value) for name, value in values.items()}


def _fitting(name: str, value: Any) -> Any:
    value = clean_all(value)
    return value[: _LENGTHS[name]] if name in _LENGTHS and isinstance(value, str) else value


def differs(row: Container, values: Values) -> bool:
    """Tell whether a row shows something else than `values`."""
    return any(getattr(row, name) != values[name] for name in FIELDS)


def new_row(host_id: int, engine_id: str, values: Values, now: datetime) -> Container:
    """Return an unsaved row."""
    return Container(host_id=host_id, engine_id=engine_id, seen_at=now, **values)
