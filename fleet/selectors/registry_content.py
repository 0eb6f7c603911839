"""What is in a registry: its repositories and their tags, a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from fleet.access import access_registry
from fleet.actor import Actor
from fleet.models import Registry
from fleet.registries.abilities import ABILITIES
from fleet.registries.client import MOST, RegistryClient
from fleet.registries.order import by_version
from fleet.registries.reference import (
    OFFICIAL,
    InvalidReference,
    Reference,
    check_repository,
    parse_reference,
)
from fleet.registries.target import RegistryTarget
from fleet.selectors.given import given_number, given_text
from fleet.selectors.registry_asking import Answer, ask, kept_answer

COUNT = 100  # names of a page
LOOKED_AT: Final = 20  # pages of a thousand that a search goes through
PLACE: Final = "~"  # no tag and no registry's cursor begins so: our own place in a whole list
CURSOR_LIMIT, TEXT_LIMIT = 2048, 200


@dataclass(frozen=True)
class Wanted:
    """Which part of a list: what follows `after`, and what has `text` in its name.

    `as_is`: tags in the registry's own order, also where they could be sorted.
    """

    text: str = ""
    after: str = ""
    count: int = COUNT
    as_is: bool = False

    @classmethod
    def parse(
        cls, text: object, after: object, count: int = COUNT, *, as_is: bool = False
    ) -> Wanted:
        """Return what an address asks for, cut to bounds."""
        words = given_text(text, TEXT_LIMIT).lower()
        return cls(words, given_text(after, CURSOR_LIMIT), max(1, min(count, MOST)), as_is)

    @property
    def key(self) -> str:
        """Names the question."""
        return f"{self.count}\n{self.as_is}\n{self.text}\n{self.after}"


@dataclass(frozen=True)
class Names:
    """A part of a list of names. `after` gets the next one, "" is the end.

    A search that did not look at everything is not `complete`. `total` is how many there are,
    where the registry told of all of them at once.
    """

    names: tuple[str, ...]
    after: str = ""
    complete: bool = True
    total: int | None = None


def target_of(registry: Registry) -> RegistryTarget:
    """Return where a registry is, without its account."""
    return RegistryTarget(url=registry.url, tls_ca=registry.tls_ca, insecure=registry.insecure)


def lists_repositories(registry: Registry) -> bool:
    """Return whether registries of this kind list their repositories at all."""
    return ABILITIES[registry.kind].catalog


def reference_of(registry: Registry, name: str, tag: str = "", digest: str = "") -> Reference:
    """Return an image of a registry as engines call it."""
    return Reference(target_of(registry).reference_host, name, tag, digest)


def opened_name(registry: Registry, text: str) -> tuple[str, str]:
    """Return repository and version (or "") of what somebody typed to open it.

    The registry's own address may stand before it. Raises InvalidReference.
    """
    target = target_of(registry)
    given = text.strip()
    for host in (target.reference_host, registry.domain):
        given = given.removeprefix(f"{host}/")
    # Behind a host of our own nothing is taken for a host, and a version is split off.
    found = parse_reference(f"registry.invalid/{given}") if given else parse_reference("")
    name = check_repository(found.repository)
    if target.is_hub and "/" not in name:
        name = OFFICIAL + name
    has_version = bool(found.digest) or given.endswith(f":{found.tag}")
    return name, found.version if has_version else ""


def repositories(actor: Actor, pk: int, wanted: Wanted) -> Answer[Names]:
    """Return a part of the list of repositories. Raises Unknown."""
    registry = access_registry(actor, pk)
    key = f"repositories\n{wanted.key}"
    return ask(registry, key, lambda client: _repositories(client, wanted))


def tags(actor: Actor, pk: int, name: str, wanted: Wanted) -> Answer[Names]:
    """Return a part of the list of a repository's tags; none for a repository without any.

    Where all of them came at once the newest version is first. Raises Unknown.
    """
    registry = access_registry(actor, pk)
    return ask(registry, _tags_key(name, wanted), lambda client: _tags(client, name, wanted))


def tags_kept(registry: Registry, name: str, wanted: Wanted) -> bool:
    """Return whether `tags` would answer without asking anybody."""
    return kept_answer(registry, _tags_key(name, wanted)) is not None


def _tags_key(name: str, wanted: Wanted) -> str:
    return f"tags\n{name}\n{wanted.key}"


def _repositories(client: RegistryClient, wanted: Wanted) -> Names:
    def page(after: str, count: int) -> tuple[tuple[str, ...], str]:
        found = client.repositories(after, count)
        return tuple(name for name in found.names if _is_name(name)), found.after

    return _part(page, wanted)


def _tags(client: RegistryClient, name: str, wanted: Wanted) -> Names:
    if not wanted.after or wanted.after.startswith(PLACE):
        found = client.tags(name, count=MOST)
        if not found.after:
            return _whole(found.tags, wanted)

    def page(after: str, count: int) -> tuple[tuple[str, ...], str]:
        found = client.tags(name, after, count)
        return found.tags, found.after

    # Meanwhile there may be more tags than come at once: then it begins anew.
    begins = wanted.after.startswith(PLACE)
    return _part(page, replace(wanted, after="") if begins else wanted)


def _whole(tags: tuple[str, ...], wanted: Wanted) -> Names:
    """Return a part of tags of which all are known."""
    rows = tuple(tag for tag in tags if wanted.text in tag.lower())
    rows = rows if wanted.as_is else by_version(rows)
    begin = given_number(wanted.after.removeprefix(PLACE)) or 0
    end = begin + wanted.count
    after = f"{PLACE}{end}" if end < len(rows) else ""
    return Names(rows[begin:end], after, total=len(rows))


def _is_name(text: str) -> bool:
    """What is no name of a repository has no page, and cannot be asked for."""
    try:
        return bool(check_repository(text))
    except InvalidReference:
        return False


def _part(page: Callable[[str, int], tuple[tuple[str, ...], str]], wanted: Wanted) -> Names:
    """Return the next names; with a text those that have it, from as many as time allows."""
    if not wanted.text:
        return Names(*page(wanted.after, wanted.count))
    found: list[str] = []
    after = wanted.after
    for _page in range(LOOKED_AT):
        names, after = page(after, MOST)
        found += [name for name in names if wanted.text in name.lower()]
        if len(found) >= wanted.count or not after:
            # A page that is cut short cannot be gone on from: what is too much is left out.
            left_out = len(found) > wanted.count
            return Names(tuple(found[: wanted.count]), "" if left_out else after, not left_out)
    return Names(tuple(found), after, complete=False)
