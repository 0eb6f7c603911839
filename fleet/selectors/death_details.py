"""What only the engine can tell of an end: policy, limit, its own words, the last lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet.access import Refused
from fleet.actor import Actor
from fleet.engine.raw import as_dict, as_int, as_str
from fleet.logs.lines import Line
from fleet.logs.target import LOGS
from fleet.logs.text import Span, container_log
from fleet.selectors.deaths import Death
from fleet.selectors.engine_calls import Answer, ask
from fleet.selectors.masking import mask_text

LINES = 50
# Engines tell of an end when its last line is written; the next run may begin right then.
LATE = timedelta(milliseconds=10)
# Most of what is asked for is in the last minutes; only a quiet container's log is read whole.
SOON = timedelta(minutes=2)
CONTROL = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")


@dataclass(frozen=True)
class Settings:
    """How the engine was told to treat the container."""

    policy: str  # the engine's word: no, always, unless-stopped, on-failure
    retries: int
    memory_limit: int | None
    error: str  # why the engine could not start it, in its own words

    @property
    def policy_words(self) -> str:
        """The restart policy as a sentence."""
        if self.policy == "on-failure" and self.retries:
            words = ngettext(
                "On failure, at most %(n)d time", "On failure, at most %(n)d times", self.retries
            )
            return words % {"n": self.retries}
        known = {
            "always": _("Always"),
            "unless-stopped": _("Unless somebody stopped it"),
            "on-failure": _("On failure"),
        }
        return known.get(self.policy, _("Never: it stays ended until somebody starts it"))


@dataclass(frozen=True)
class DeathDetails:
    """The engine's answers; `log` is None for who may not read it."""

    settings: Answer[Settings]
    log: Answer[list[Line]] | None


def death_details(actor: Actor, death: Death, lines: int = LINES) -> DeathDetails:
    """Ask the engine, within some seconds, for its settings and the last lines before the end."""
    row = death.container
    settings = ask(row.host, lambda engine: _settings(engine.inspect(row.engine_id)))
    if not lines:
        return DeathDetails(settings, Answer([]))
    if settings.value is None and not settings.lasting:  # it would not answer the next one either
        problem = Answer[list[Line]](problem=settings.problem)
        return DeathDetails(settings, problem if actor.access.may(LOGS, row.host) else None)
    try:
        return DeathDetails(settings, _last_lines(actor, death, lines))
    except Refused:
        return DeathDetails(settings, None)


def _settings(inspected: object) -> Settings:
    said = as_dict(inspected)
    host = as_dict(said.get("HostConfig"))
    policy: dict[str, Any] = as_dict(host.get("RestartPolicy"))
    error = as_str(as_dict(said.get("State")).get("Error"))
    return Settings(
        policy=as_str(policy.get("Name")) or "no",
        retries=as_int(policy.get("MaximumRetryCount")),
        memory_limit=as_int(host.get("Memory")) or None,
        error=mask_text(error),
    )


def _last_lines(actor: Actor, death: Death, lines: int) -> Answer[list[Line]]:
    pk = death.container.pk
    if not death.runs_again:
        return container_log(actor, pk, Span(lines))
    until = death.at + LATE
    near = container_log(actor, pk, Span(lines, death.at - SOON, until))
    if near.value is None or len(near.value) >= lines:
        return near
    began = death.began or death.at - timedelta(days=1)
    if began >= death.at - SOON:
        began = death.at - timedelta(hours=1)  # runs before it tell more than none
    whole = container_log(actor, pk, Span(lines, began, until))
    return whole if whole.value is not None else near


def plain(text: str) -> str:
    """Return a line without what is meant for terminals."""
    return CONTROL.sub("", text)
