"""As whom a registry is asked for an image on a host."""

from __future__ import annotations

from fleet.crypto import SecretLost
from fleet.models import Registry
from fleet.outbound.policy import Origin
from fleet.registries.errors import RegistryError
from fleet.registries.reference import Reference
from fleet.registries.target import RegistryTarget


class Accounts:
    """All registries by the environments that they serve, read once: two queries.

    The order is that of pulls: an account that was given to the environment, then one for
    everybody, by name; and after them a registry without an account, for its address and CA.
    """

    def __init__(self) -> None:
        rows = Registry.objects.defer("password_encrypted").prefetch_related("environments")
        ordered = sorted(rows, key=lambda row: (not row.username, row.everywhere, row.name))
        self._rows = [
            (row, _address_of(row), {one.pk for one in row.environments.all()}) for row in ordered
        ]
        self._found: dict[tuple[int, str], int | None] = {}

    def of(self, environment: int, reference: Reference) -> int | None:
        """Return the id of the registry's row; None when it is asked as nobody."""
        key = environment, reference.host
        if key not in self._found:
            self._found[key] = self._find(environment, reference)
        return self._found[key]

    def _find(self, environment: int, reference: Reference) -> int | None:
        for row, target, served in self._rows:
            if (row.everywhere or environment in served) and target.owns(reference):
                return row.pk
        return None


def _address_of(row: Registry) -> RegistryTarget:
    return RegistryTarget(url=row.url, tls_ca=row.tls_ca, insecure=row.insecure)


class UnknownTarget(RegistryTarget):
    """A registry that only the name of an image tells of: no administrator typed its address."""

    @property
    def trusted(self) -> frozenset[Origin]:
        """Nothing: who may name an image must not choose where we connect inside."""
        return frozenset()


def target_for(registry: Registry | None, place: str) -> RegistryTarget:
    """Return where and as whom to ask. Raises RegistryError."""
    if registry is None:
        return UnknownTarget(url=f"https://{place}")
    try:
        return RegistryTarget(**registry.target_fields())
    except SecretLost as error:
        raise RegistryError("unauthorized", message=str(error)) from error
