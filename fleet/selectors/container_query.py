"""What a container list is asked for: filters, order and page, read from a query string."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode

from django.db.models import Q
from django.utils.datastructures import MultiValueDict

from fleet.models import ContainerState, Health, HostState
from fleet.reach import Reach
from fleet.selectors.query_parts import ListQuery, any_of
from fleet.selectors.updates import ORDER as UPDATE_STATES
from fleet.selectors.updates import Update

UNREACHABLE = "unreachable"  # not a state of the engine's: its host cannot be asked
NO_HEALTH = "none"
FAILED = "failed"  # nor this one: exited, and not as it should
STATES = (*ContainerState.values, FAILED, UNREACHABLE)
HEALTHS = (*(value for value in Health.values if value), NO_HEALTH)
SORTS: dict[str, tuple[str, ...]] = {
    "name": ("name", "host_id", "pk"),
    "host": ("host__name", "name", "pk"),
    "image": ("image", "name", "host_id", "pk"),
    "state": ("state", "health", "name", "host_id", "pk"),
    "stack": ("compose_project", "swarm_stack", "name", "host_id", "pk"),
    "created": ("created_at", "pk"),
}
HAS_FAILED = Q(state=ContainerState.EXITED) & (
    Q(exit_code__gt=0) | Q(exit_code__lt=0) | Q(oom_killed=True)
)
FILTERS = (
    *("host", "environment", "label", "state", "health", "update", "image", "stack", "service"),
)
AVAILABLE = "yes"  # of updates: a newer image or a newer version
UPDATES = (AVAILABLE, *UPDATE_STATES)


@dataclass(frozen=True)
class ContainerQuery(ListQuery):
    """One list of containers."""

    FILTERS: ClassVar = FILTERS
    SORTS: ClassVar = SORTS
    KNOWN: ClassVar = {"state": STATES, "health": HEALTHS, "update": UPDATES}

    state: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    update: tuple[str, ...] = ()  # whether registries have something newer
    image: tuple[str, ...] = ()  # a part of its name, or sha256:…
    stack: tuple[str, ...] = ()  # Compose projects and swarm stacks
    service: tuple[str, ...] = ()  # of either

    @classmethod
    def from_text(cls, text: str) -> ContainerQuery:
        """Read a query string that is no request's: a saved one."""
        data: MultiValueDict[str, str] = MultiValueDict()
        for name, value in parse_qsl(text, keep_blank_values=True):
            data.appendlist(name, value)
        return cls.parse(data)

    @property
    def ordering(self) -> tuple[str, ...]:
        """Return what `order_by` takes."""
        fields = SORTS[self.sort.removeprefix("-")]
        return tuple(f"-{name}" for name in fields) if self.sort.startswith("-") else fields

    @property
    def filter_text(self) -> str:
        """Return search and filters alone, in one spelling: equal texts find the same."""
        pairs = [("q", " ".join(dict.fromkeys(self.q.split())))] if self.q else []
        for name in FILTERS:
            pairs += [(name, value) for value in sorted(getattr(self, name))]
        return urlencode(pairs)

    def condition(self, secrets: Reach) -> Q:
        """Return the filter on containers, without state, health and update; see there."""
        found = super().condition(secrets) & in_stacks(self.stack)
        if self.service:
            found &= Q(compose_service__in=self.service) | Q(swarm_service__in=self.service)
        return found & any_of(map(_image, self.image))

    def wants(self, update: Update) -> bool:
        """Return whether an update is one of those asked for."""
        return update.state in self.update or (AVAILABLE in self.update and update.there_is)

    def state_condition(self) -> Q:
        """Return the filter by state and health."""
        state = Q(state__in=[value for value in self.state if value in ContainerState.values])
        if FAILED in self.state:
            state |= HAS_FAILED
        if UNREACHABLE in self.state:
            state |= Q(host__state=HostState.UNREACHABLE)
        health = Q(health__in=[value for value in self.health if value != NO_HEALTH])
        health &= Q(state=ContainerState.RUNNING)  # a stopped one's last check says nothing now
        if NO_HEALTH in self.health:
            health |= Q(health="")
        return (state if self.state else Q()) & (health if self.health else Q())

    def matches(self, state: str, health: str, failed: bool, host_state: str) -> bool:
        """Return whether `state_condition` holds, for rows that were counted in groups."""
        away = UNREACHABLE in self.state and host_state == HostState.UNREACHABLE
        wrong = FAILED in self.state and failed
        return (not self.state or state in self.state or away or wrong) and (
            not self.health or health_now(state, health) in self.health
        )


def in_stacks(names: Collection[str]) -> Q:
    """Return the filter by stacks; without a name it narrows nothing."""
    return Q(compose_project__in=names) | Q(swarm_stack__in=names) if names else Q()


def _image(value: str) -> Q:
    """Return the filter for a part of an image's name, or for its id."""
    return Q(image_id=value) if value.startswith("sha256:") else Q(image__icontains=value)


def health_now(state: str, health: str) -> str:
    """Return the health that a container is listed under; "" for a check of one that stopped."""
    if not health:
        return NO_HEALTH
    return health if state == ContainerState.RUNNING else ""


def has_failed(state: str, exit_code: int | None, oom_killed: bool) -> bool:
    """Return whether `HAS_FAILED` holds: it ended with another code than 0, or without memory."""
    return state == ContainerState.EXITED and (bool(exit_code) or oom_killed)
