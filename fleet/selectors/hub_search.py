"""Searching Docker Hub on behalf of a page that waits."""

from __future__ import annotations

import hashlib

from django.utils.translation import gettext as _

from fleet.access import Refused, visible_registries
from fleet.actor import Actor
from fleet.models import Registry, RegistryKind
from fleet.registries.errors import RegistryError
from fleet.registries.hub import HubPage, search_hub
from fleet.selectors.given import given_text
from fleet.selectors.kept import NOTHING
from fleet.selectors.places import NotAsked, Places
from fleet.selectors.registry_asking import KEPT, Answer

VIEW = "registry.view"
SECONDS = 8.0
PLACES = Places(threads=4, each=4, name="hub")
HUB = 0  # there is but one
QUERY_LIMIT = 200


def require_search(actor: Actor) -> None:
    """Raise Refused for who may see no registry anywhere."""
    if not actor.access.reach(VIEW):
        raise Refused(VIEW)


def hub_registry(actor: Actor, wanted: int | None = None) -> Registry | None:
    """Return Docker Hub among the actor's registries: the wanted one, else the first by name."""
    rows = visible_registries(actor).filter(kind=RegistryKind.HUB).order_by("name")
    return (rows.filter(pk=wanted).first() if wanted else None) or rows.first()


def search(actor: Actor, query: str, page: int = 1) -> Answer[HubPage]:
    """Return what Docker Hub finds, or a sentence after some seconds at most. Raises Refused."""
    require_search(actor)
    words = given_text(query, QUERY_LIMIT)
    key = f"hub-search:{page}:{hashlib.sha256(words.encode()).hexdigest()}"
    kept = KEPT.get(key)
    if kept is not NOTHING:
        return Answer(kept)
    answer = _asked(words, page)
    if answer.value is not None:
        KEPT.put(key, answer.value)
    return answer


def _asked(words: str, page: int) -> Answer[HubPage]:
    try:
        return Answer(PLACES.call(HUB, lambda: search_hub(words, page), SECONDS))
    except NotAsked:
        busy = _("Docker Hub has yet to answer earlier searches. Try again.")
        return Answer(problem=busy, code="busy")
    except TimeoutError:
        silent = _("Docker Hub did not answer within %(seconds)d s.") % {"seconds": SECONDS}
        return Answer(problem=f"{silent} {_no_way_out()}", code="timeout")
    except RegistryError as error:
        return Answer(problem=_words(error), code=error.code, raw=error.raw)


def _words(error: RegistryError) -> str:
    if error.code in ("dns", "dns_timeout", "refused", "unreachable", "timeout", "address_refused"):
        return f"{_('Docker Hub could not be reached.')} {_no_way_out()}"
    said = {"why": str(error)}
    return _("Docker Hub did not answer the search. %(why)s") % said


def _no_way_out() -> str:
    return _(
        "Is there a way from Quayside to the internet? The setting QUAYSIDE_HUB_URL can name a"
        " mirror. An image can be pulled by its name all the same."
    )
