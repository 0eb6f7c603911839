"""Registries as pages and the API show them: never their passwords."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import QuerySet

from fleet.access import visible_environments, visible_hosts, visible_registries
from fleet.actor import Actor
from fleet.models import Environment, Registry
from fleet.selectors.certificates import Certificate, certificate_of
from fleet.selectors.hosts import revision_of

UPDATE = "registry.update"
VERBS = ("create", "update", "test", "remove", "delete")


@dataclass(frozen=True)
class RegistryRow:
    """A registry with the environments that it serves, as far as the actor sees them."""

    registry: Registry
    environments: list[Environment]
    username: str | None  # for who may change it
    may: frozenset[str] = field(default_factory=frozenset)  # of VERBS

    @property
    def has_account(self) -> bool:
        """Whether it is asked as somebody."""
        return bool(self.registry.username)

    @property
    def test_message(self) -> str:
        """What the last test found, in words: these may name the user."""
        return self.registry.test_message if self.may & {"update", "test"} else ""

    @property
    def certificate(self) -> Certificate | None:
        """The authority that signs its certificate, where it is not one that all know."""
        return certificate_of("tls_ca", self.registry.tls_ca)

    @property
    def rev(self) -> str:
        """Changes with everything that a row shows."""
        named = [environment.name for environment in self.environments]
        row = self.registry
        return revision_of("registry", row.pk, row.revision, named, self.username, sorted(self.may))


def may_of(actor: Actor) -> frozenset[str]:
    """Return which of VERBS the actor may do to registries."""
    return frozenset(verb for verb in VERBS if actor.access.may(f"registry.{verb}"))


def shown_registries(actor: Actor) -> QuerySet[Registry]:
    """Return the registries that the actor sees, with what lists show of them."""
    return visible_registries(actor).defer("password_encrypted").prefetch_related("environments")


def registry_rows(actor: Actor, registries: Iterable[Registry]) -> list[RegistryRow]:
    """Return rows for registries that the actor sees; two queries for all of them."""
    seen = set(visible_environments(actor).values_list("pk", flat=True))
    may = may_of(actor)
    return [
        RegistryRow(
            registry=row,
            environments=[one for one in row.environments.all() if one.pk in seen],
            username=row.username if "update" in may else None,
            may=may,
        )
        for row in registries
    ]


def registry_row(actor: Actor, registry: Registry) -> RegistryRow:
    """Return the row of one registry that the actor sees."""
    return registry_rows(actor, [registry])[0]


def registry_list(actor: Actor) -> list[RegistryRow]:
    """Return all that the actor sees, by name; a constant number of queries."""
    return registry_rows(actor, shown_registries(actor).order_by("name"))


@dataclass(frozen=True)
class RegistryPage:
    """One registry with the environments that it serves, and the hosts there that are seen."""

    row: RegistryRow
    serves: list[tuple[Environment, int]]

    @property
    def rev(self) -> str:
        """Changes with everything that the card of environments shows."""
        counted = [(environment.name, count) for environment, count in self.serves]
        return revision_of("serves", self.row.rev, counted)

    @property
    def hosts(self) -> int:
        """How many hosts that the actor sees may use it."""
        return sum(count for _environment, count in self.serves)


def registry_page(actor: Actor, registry: Registry) -> RegistryPage:
    """Return what the page of a registry shows, which the actor sees."""
    row = registry_row(actor, registry)
    served = list(visible_environments(actor)) if registry.everywhere else row.environments
    hosts = visible_hosts(actor).filter(environment__in=served).order_by()
    counted = Counter(hosts.values_list("environment", flat=True))
    return RegistryPage(row, [(environment, counted[environment.pk]) for environment in served])
