"""Credentials of registries, asked for by workers in the moment in which they use them."""

from __future__ import annotations

from fleet.access import registries_for
from fleet.crypto import SecretLost
from fleet.models import Host, Registry
from fleet.registries.reference import Reference, parse_reference
from fleet.registries.target import RegistryTarget


def auth_for(host: Host, reference: str) -> dict[str, str] | None:
    """Return username, password and serveraddress for an image on a host; None without any.

    They are never kept with a job: what is allowed or known may have changed since it was asked.
    Raises Failed when they are known and cannot be read.
    """
    from fleet.jobs.work import Failed

    registry = registry_of(host, parse_reference(reference))
    if registry is None:
        return None
    try:
        password = registry.password
    except SecretLost as error:
        raise Failed(str(error)) from error
    return {
        "username": registry.username,
        "password": password,
        "serveraddress": target_of(registry).reference_host,
    }


def registry_of(host: Host, reference: Reference) -> Registry | None:
    """Return the registry whose account is used for an image on a host.

    One that was given to the host's environment goes before one that serves every environment;
    among several the first by name.
    """
    rows = registries_for(host).exclude(username="").order_by("everywhere", "name")
    return next((row for row in rows if target_of(row).owns(reference)), None)


def target_of(registry: Registry) -> RegistryTarget:
    """Return where a registry is, without its account."""
    return RegistryTarget(url=registry.url, tls_ca=registry.tls_ca, insecure=registry.insecure)
