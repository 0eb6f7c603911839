"""What is plainly wrong with a Dockerfile, without any program: where it cannot begin to be built.

Builders say the same, but only once there is a host, a context and a run.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from fleet.builds.dockerfile import Instruction, parse
from fleet.builds.lint import Advice

KEYWORDS = frozenset(
    {
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
        "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    }
)  # fmt: skip
BEFORE_FROM = frozenset({"ARG", "FROM"})
NAMED = 40  # letters of a word that a sentence repeats
MOST = 50


def check(text: str) -> list[Advice]:
    """Return what is wrong in the order of lines; nothing for a text that is empty."""
    instructions = parse(text)
    found = [one for instruction in instructions for one in _of(instruction)]
    if instructions and all(one.keyword == "ARG" for one in instructions):
        found.append(_error(instructions[-1], _("FROM and an image are missing.")))
    return found[:MOST]


def _of(one: Instruction) -> Iterator[Advice]:
    if one.keyword not in KEYWORDS:
        said = _("“%(word)s” is no instruction of a Dockerfile.")
        yield _error(one, said % {"word": one.keyword[:NAMED]})
    elif one.stage < 0 and one.keyword not in BEFORE_FROM:
        yield _error(one, _("Only ARG may stand before FROM: it says which image to begin with."))
    elif one.text.upper() == one.keyword:
        said = _("%(word)s needs something after it.") % {"word": one.keyword}
        yield _error(one, said)


def _error(one: Instruction, text: str) -> Advice:
    return Advice(one.line, "error", "", text)
