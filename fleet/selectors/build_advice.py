"""Advice on a Dockerfile while it is typed: our own checks, and hadolint's where it is there.

The web process runs hadolint, so it is bounded: in time, in memory, two at once, one for each
person; what it has said of a text is kept for a while.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from fleet.access import Refused
from fleet.actor import Actor
from fleet.builds import lint
from fleet.builds.checks import check
from fleet.builds.lint import Advice
from fleet.programs import find_program
from fleet.selectors.kept import NOTHING, Kept
from fleet.selectors.places import NotAsked, Places

__all__ = ["Advice", "Advised", "build_advice"]

NEEDS = ("build.create", "build.update")
SECONDS = lint.SECONDS + 1
PLACES = Places(threads=2, each=1, name="lint")
KEPT = Kept(seconds=300, room=4 * 1024 * 1024)
SYNTAX = "DL1000"  # hadolint's, for what it cannot read


@dataclass(frozen=True)
class Advised:
    """What could be better; `note` says in a sentence why hadolint was not asked, if it was not."""

    advice: list[Advice]
    note: str = ""


def build_advice(actor: Actor, text: str) -> Advised:
    """Return advice on a Dockerfile. Raises Refused for who may write none anywhere."""
    if not any(actor.access.reach(name) for name in NEEDS):
        raise Refused(NEEDS[0])
    # JSON may have halves of characters, which no file takes.
    text = text.encode(errors="replace").decode().replace("\r\n", "\n")
    if not text.strip():
        return Advised([])
    if len(text) > lint.SIZE_LIMIT:
        limit = lint.SIZE_LIMIT // 1024
        return Advised([], _("Advice is given on up to %(limit)d KB.") % {"limit": limit})
    own = check(text)
    if not find_program("hadolint", settings.HADOLINT):
        return Advised(own, _("For more advice, an administrator installs hadolint, or says in"
                              " QUAYSIDE_HADOLINT where it is."))  # fmt: skip
    said = _asked(actor, text)
    if said is None:
        return Advised(own, _("hadolint did not answer in time. Its advice comes with the next"
                              " change."))  # fmt: skip
    return Advised(_together(own, said))


def _asked(actor: Actor, text: str) -> list[Advice] | None:
    key = hashlib.sha256(text.encode()).hexdigest()
    kept = KEPT.get(key)
    if kept is not NOTHING:
        return list(kept)
    person = actor.user.pk if actor.user else 0
    try:
        said = PLACES.call(person, lambda: lint.lint(text), SECONDS)
    except (NotAsked, TimeoutError):
        return None
    if said is not None:
        KEPT.put(key, said)
    return said


def _together(own: list[Advice], said: list[Advice]) -> list[Advice]:
    """Our sentences stand for hadolint's about the same: it stops at the first that it cannot
    read, and lists all that it would have liked better."""
    rest = [one for one in said if not own or one.code != SYNTAX]
    return sorted([*own, *rest], key=lambda one: (one.line, lint.LEVELS.index(one.level)))
