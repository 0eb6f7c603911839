"""What happened to a container or on a host, as marks on the charts of what it used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from fleet.access import visible_events
from fleet.actor import Actor
from fleet.engine.recreate import Aside, aside_of
from fleet.models import Container, Event, Host
from fleet.selectors.event_folds import act_said, act_tone, acts_of
from fleet.selectors.event_words import event_words

KINDS: Final = ("create", "start", "stop", "restart", "die", "oom", "destroy")
HOST_KINDS: Final = ("reachable", "unreachable", "disabled")
RARE: Final = ("restart", "oom")  # of containers: told however much else happens on the host
OFTEN: Final = ("create", "start", "die")
RUNS: Final = ("running", "paused", "stopped")  # what an old one may have done
EVENTS = 200  # that are looked at, the newest
EVENTS_OFTEN = 600
MOST = 50  # marks; of more, those that are near each other become one
FINEST = 200  # part of the chart that two marks may be apart then, to become one
NAMED = 3  # of what one mark tells together
FORMERS = 20  # a container was updated so often, at most, while events are kept
TONES: Final = ("bad", "warn", "idle", "ok")  # the worst first


@dataclass(frozen=True)
class Mark:
    """Something that happened: when (Unix ms), in words, and how bad it is."""

    at: int
    words: str
    tone: str


def container_marks(actor: Actor, row: Container, since: datetime, seconds: int) -> list[Mark]:
    """Return what happened to a container, and to those of which updates made it."""
    events = visible_events(actor).filter(host=row.host, object_kind="container")
    former = Q(object_id__in=former_ids(events, row.engine_id)) & ~Q(kind="destroy")
    its = events.filter(former | Q(object_id=row.engine_id), kind__in=KINDS, at__gte=since)
    return few([_mark(act, _said(act)) for act in _acts(_newest(its, EVENTS))], seconds)


def host_marks(actor: Actor, host: Host, since: datetime, seconds: int) -> list[Mark]:
    """Return restarts, deploys and ends for want of memory of its containers, and its own state."""
    events = visible_events(actor).filter(host=host, at__gte=since)
    of_container = Q(object_kind="container")
    its_own = Q(object_kind="host", kind__in=HOST_KINDS)
    found = _newest(events.filter(its_own | of_container & Q(kind__in=RARE)), EVENTS)
    found += _newest(events.filter(of_container, kind__in=OFTEN), EVENTS_OFTEN)
    found.sort(key=lambda event: (event.at, event.pk), reverse=True)
    acts = [act for act in _acts(found) if _counts_for_a_host(act)]
    return few([_mark(act, _with_name(act)) for act in acts], seconds)


def former_ids(events: QuerySet[Event], engine_id: str) -> list[str]:
    """Return the engine's ids of the containers of which updates made one, the newest first.

    An update names the new one after the old one at first, and the old one after the new one.
    """
    found: list[str] = []
    while len(found) < FORMERS:
        made = events.filter(object_id=engine_id, kind__in=("create", "rename"))
        names = made.order_by("at").values_list("object_name", "detail__old_name")
        asides = (aside_of(name or "") for pair in names for name in pair)
        mine = next((one for one in asides if one is not None and one.kind == "new"), None)
        if mine is None:
            break
        kept = [str(Aside(mine.name, "old", engine_id, was)) for was in RUNS]
        before = events.filter(kind="rename", object_name__in=kept)
        ids = before.filter(object_id__startswith=mine.other).values_list("object_id", flat=True)
        engine_id = ids.first() or ""
        if not engine_id or engine_id in found:
            break
        found.append(engine_id)
    return found


def few(marks: list[Mark], seconds: int) -> list[Mark]:
    """Return at most so many marks of a chart of some seconds: near ones are told together."""
    apart = seconds * 1000 / FINEST
    together = [[mark] for mark in marks]
    while len(together) > MOST:
        together = _near(marks, apart)
        apart *= 2
    return [_one(group) for group in together]


def _near(marks: list[Mark], apart: float) -> list[list[Mark]]:
    groups: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.at):
        if groups and mark.at - groups[-1][0].at <= apart:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def _one(group: list[Mark]) -> Mark:
    if len(group) == 1:
        return group[0]
    worst = sorted(group, key=lambda mark: TONES.index(mark.tone))
    told = Counter(mark.words for mark in worst)
    words = [_times(one, count) for one, count in list(told.items())[:NAMED]]
    if len(told) > NAMED:
        words.append(_("%(n)d more") % {"n": len(told) - NAMED})
    return Mark(worst[0].at, "; ".join(words), worst[0].tone)


def _times(words: str, count: int) -> str:
    return words if count == 1 else _("%(words)s (%(n)d times)") % {"words": words, "n": count}


def _newest(events: QuerySet[Event], count: int) -> list[Event]:
    return list(events.select_related(None).order_by("-at", "-id")[:count])


def _acts(found: list[Event]) -> list[list[Event]]:
    """Return acts, the oldest first."""
    return [[found[place] for place in act] for act in reversed(acts_of(found))]


def _mark(act: list[Event], words: str) -> Mark:
    return Mark(round(act[-1].at.timestamp() * 1000), words, act_tone(act))


def _counts_for_a_host(act: list[Event]) -> bool:
    """Whether it is more than that a container ended, or was started by somebody."""
    kinds = {event.kind for event in act}
    return not kinds <= {"start", "die"} or kinds == {"start", "die"}


def _made_by_update(act: Sequence[Event]) -> Aside | None:
    asides = (aside_of(event.object_name) for event in act if event.kind == "create")
    return next((one for one in asides if one is not None and one.kind == "new"), None)


def _said(act: Sequence[Event]) -> str:
    said, created = act_said(act), str(_("created"))
    if _made_by_update(act):
        said = [_("updated") if one == created else one for one in said]
    return ", ".join(said or [event_words(act[-1])])


def _with_name(act: Sequence[Event]) -> str:
    aside = aside_of(act[-1].object_name)
    name = aside.name if aside else act[-1].object_name
    return _("%(name)s %(what)s") % {"name": name, "what": _said(act)}
