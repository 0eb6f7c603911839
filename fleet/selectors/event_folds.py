"""What one act tells in several events: kill, die, stop, start and restart of one restart.

Engines tell each step. Lists show an act as one line with its outcome; see docs/concepts/event.md
for the rule. Events are given and returned as they are: nothing is stored or left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.utils.translation import gettext as _

from fleet.models import Event
from fleet.models.events import TOLD_TO_END
from fleet.selectors.event_words import (
    KINDS,
    event_tone,
    event_words,
    exit_code_of,
)
from fleet.selectors.exit_codes import exit_words

# The steps of an act in their order. Only signals may follow each other.
STEPS: Final[dict[str, int]] = {
    "create": 0, "kill": 1, "oom": 1, "die": 2, "stop": 3, "start": 4, "restart": 5, "destroy": 6,
}  # fmt: skip
SIGNALS = STEPS["kill"]
APART = timedelta(seconds=5)
# A stop sends a signal, waits for ten seconds and sends another.
APART_AFTER_SIGNAL = timedelta(seconds=15)
ON_PURPOSE = frozenset({"kill", "stop", "restart"})
# What a job did, where the engine tells of no signal (Podman).
ENDS = {"container.stop": "stop", "container.kill": "kill", "container.restart": "restart"}
# How long after the last time the same may come, to count as once more: a policy waits a minute
# between two starts at most.
AGAIN = timedelta(minutes=5)
LEAST = 3  # fewer are told one by one


def acts_of(events: Sequence[Event]) -> list[list[int]]:
    """Return the places in `events` (newest first) of each act, its oldest event first.

    The acts come in the order of their newest events, newest first.
    """
    acts: list[list[int]] = []
    open_acts: dict[tuple[int, str], list[int]] = {}
    for place in reversed(range(len(events))):
        event = events[place]
        of = (event.host_id, event.object_id if event.object_kind == "container" else "")
        if event.kind == "job":  # ours, not a step of what the engine does
            acts.append([place])
            continue
        act = open_acts.get(of) if of[1] else None
        if act and _goes_on(events[act[-1]], event):
            act.append(place)
        else:
            acts.append([place])
            open_acts[of] = acts[-1]
    return sorted(acts, key=lambda act: act[-1])


def _goes_on(last: Event, event: Event) -> bool:
    before, now = STEPS.get(last.kind), STEPS.get(event.kind)
    if before is None or now is None:
        return False
    apart = APART_AFTER_SIGNAL if last.kind == "kill" else APART
    return (now > before or now == before == SIGNALS) and event.at - last.at <= apart


def repeats_of(acts: Sequence[tuple[list[Event], str]]) -> list[list[int]]:
    """Return the places in `acts` (with their words, newest first) of what comes again and again.

    Those are at least three ends of the same container that say the same, with nothing else of it
    between. The oldest place comes first in each; acts without words stand alone.
    """
    found: list[list[int]] = []
    last: dict[tuple[int, str], list[int]] = {}
    for place in reversed(range(len(acts))):
        events, _words = acts[place]
        newest = events[-1]
        if newest.object_kind != "container" or newest.kind == "job":
            found.append([place])
            continue
        of = (newest.host_id, newest.object_id)
        run = last.get(of)
        if run and _once_more(acts[run[-1]], acts[place]):
            run.append(place)
        else:
            found.append([place])
            last[of] = found[-1]
    told: list[list[int]] = []
    for run in found:
        told += [run] if len(run) >= LEAST else [[place] for place in run]
    return sorted(told, key=lambda run: run[-1])


def _once_more(before: tuple[list[Event], str], act: tuple[list[Event], str]) -> bool:
    same = bool(act[1]) and before[1] == act[1]
    ended = any(event.kind == "die" for event in act[0])
    return same and ended and act[0][0].at - before[0][-1].at <= AGAIN


def act_said(events: Sequence[Event], operation: str = "") -> list[str]:
    """Return the outcome of an act, its oldest event first, to follow the object's name.

    `operation` is that of the job that did it.
    """
    kinds = {event.kind for event in events}
    if "die" in kinds and operation in ENDS:
        kinds.add(ENDS[operation])
    said = []
    if "restart" in kinds and (operation != "container.restart" or "start" in kinds):
        said.append(_("restarted"))
    else:
        said += [_("created")] if "create" in kinds else []
        said += _end_words(events, kinds)
        if "start" in kinds:
            said.append(_("started") if "create" in kinds else _("started again"))
    return said + ([_("removed")] if "destroy" in kinds else [])


def _end_words(events: Sequence[Event], kinds: set[str]) -> list[str]:
    code = next((exit_code_of(event) for event in events if event.kind == "die"), None)
    if kinds & {"stop", "restart"}:
        how = _("stopped")
    elif "oom" in kinds:
        how = _("ran out of memory")
    elif "die" in kinds and "kill" in kinds:
        how = _("killed")
    elif "die" in kinds:
        return [_("exited") if code is None else _("exited with %(code)s") % _worded(code)]
    else:
        return [event_words(event) for event in events if event.kind == "kill"][-1:]
    return [how] if code is None else [how, _("exit %(code)s") % {"code": code}]


def _worded(code: int) -> dict[str, str]:
    return {"code": exit_words(code)}


def act_icon(events: Sequence[Event]) -> str:
    """Return the icon of what went wrong in an act, else of its outcome."""
    return KINDS[_telling(events).kind][0]


def act_tone(events: Sequence[Event]) -> str:
    """Return ok, bad, warn or idle."""
    return event_tone(_telling(events))


def _telling(events: Sequence[Event]) -> Event:
    """Return what went wrong first, else the last; a signal that was wanted is not wrong."""
    kinds = {event.kind for event in events}
    codes = {exit_code_of(event) for event in events if event.kind == "die"}
    if kinds & ON_PURPOSE and codes <= TOLD_TO_END and "oom" not in kinds:
        return events[-1]
    return next((event for event in events if event_tone(event) == "bad"), events[-1])
