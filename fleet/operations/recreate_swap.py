"""A new container takes the place of an old one, or the old one comes back.

Each step can be seen on the engine itself by the names of the two (`Aside`): after a worker was
killed in the middle, the next try reads there how far it came. The old one is removed last.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from django.utils.translation import gettext as _

from fleet.engine.containers import (
    Neighbour,
    connect_network,
    create_container,
    disconnect_network,
    last_lines,
)
from fleet.engine.errors import Aborted, EngineError, NotFound
from fleet.engine.raw import ALIVE, Json, as_dict, as_int, as_str
from fleet.engine.recreate import SHORT, Again, Aside, aside_of, name_of
from fleet.engine.types import ContainerFacts
from fleet.selectors.masking import mask_text
from fleet.stats.heirs import inherit

if TYPE_CHECKING:
    from fleet.jobs.work import Work

ALIVE_SECONDS = 5.0  # without a health check: so long it has to stay up
HEALTH_SECONDS = 300.0  # with one: waited for at most so long
LOOK_EVERY = 0.5
TOLD_LINES = 10  # of what a new one wrote that failed


@dataclass
class Swap:
    """One exchange, as far as it is."""

    name: str
    old: str  # engine ids
    was: str  # running, paused, stopped
    new: str = ""
    was_unhealthy: bool = False
    stopping: bool = False  # the engine was told so, and may still be at it
    has_lived: bool = False  # the new one was another job's, and in use since
    restarts: int = 0  # of the new one, before it was looked at

    @property
    def making(self) -> str:
        """What the new one is called until it takes the place."""
        return str(Aside(self.name, "new", self.old, self.was))

    @property
    def kept(self) -> str:
        """What the old one is called from then on."""
        return str(Aside(self.name, "old", self.new, self.was))


def swap(work: Work, old: Json, again: Again) -> None:
    """Put a container made as `again` says in the place of `old`.

    Raises Failed or Cancelled with words that say that the old one is back.
    """
    from fleet.jobs.reporter import ClaimLost

    state = as_dict(old.get("State"))
    health = as_str(as_dict(state.get("Health")).get("Status"))
    this = Swap(
        name_of(old), as_str(old.get("Id")), _was(state), was_unhealthy=health == "unhealthy"
    )
    try:
        _make(work, this, again)
        work.report.check()
        _exchange(work, this)
        _watch(work, this)
        work.report.check()
    except ClaimLost:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the old one comes back
        wrong = error
    else:
        _finish(work, this)
        return
    # Not above: there an engine's answers would count as further words of this error.
    _go_back(work, this, wrong)


def settle(work: Work, old: Json, around: list[Neighbour]) -> Json:
    """Finish or take back what an earlier try left; return the old one as it is then.

    Raises NothingToDo when finishing was all that was left, Failed when it cannot be done or is
    for people to decide.
    """
    found = _left(old, around)
    if found is None:
        return old
    new = next((one for one in around if one.engine_id == found.new), None)
    if new is not None and _has_started(work, found, new):
        _judge(work, found, new)
    _insist_back(work, found)
    work.report.line(_("What an earlier try had begun was taken back."))
    return work.engine.inspect(found.old)


def _judge(work: Work, this: Swap, new: Neighbour) -> None:
    """Finish when the new one, which has started, is well; return when it is to be taken back.

    That is for the job that made it alone. For any other it may be weeks old, with what was
    written in it since: then neither of the two is removed.
    """
    from fleet.jobs.work import Failed

    this.has_lived = not _made_by(work, this, new)
    if this.has_lived:
        this.restarts = work.engine.container(this.new).restart_count
    try:
        if aside_of(new.name):
            raise Failed(_("The new one was started as %(name)s.") % {"name": new.name})
        _watch(work, this)
    except Failed as error:
        if this.has_lived:
            said = _("%(why)s It has run since it was made, so Quayside removes neither. Look at"
                     " %(new)s yourself; then remove %(kept)s, or remove %(new)s and update"
                     " %(kept)s, which brings that back.")  # fmt: skip
            told = {"why": error, "new": new.name, "kept": this.kept}
            raise Failed(said % told, error.raw) from error
        work.report.line(str(error), level="error")
    else:
        _finish(work, this)
        end_settled(new.name, this.new)


def _made_by(work: Work, this: Swap, new: Neighbour) -> bool:
    """Whether this job made the new one: it was asked for before there was one, and is repeated."""
    asked_before = aside_of(work.job.target_name) is None
    return work.job.attempt > 1 and asked_before and new.name == this.name


def end_settled(name: str, new: str) -> NoReturn:
    """Raise NothingToDo: the earlier try has made it again, which is told with the new id."""
    from fleet.jobs.work import NothingToDo

    told = {"name": name, "id": new[:SHORT]}
    raise NothingToDo(_("%(name)s was made again by the earlier try (%(id)s).") % told)


def _left(old: Json, around: list[Neighbour]) -> Swap | None:
    """Return how far an earlier try with this old one came; None without any."""
    name, ident = name_of(old), as_str(old.get("Id"))
    mine = aside_of(name)
    if mine is not None and mine.kind == "old":
        new = next((one.engine_id for one in around if one.engine_id.startswith(mine.other)), "")
        return Swap(mine.name, ident, mine.was, new)
    for one in around:
        beside = aside_of(one.name)
        if beside and beside.kind == "new" and ident.startswith(beside.other):
            return Swap(name, ident, beside.was, one.engine_id)
    return None


def _has_started(work: Work, this: Swap, new: Neighbour) -> bool:
    """Whether it did; of one that was not to, whether it has got its name, which comes last."""
    if this.was == "stopped" and new.name == this.name:
        return True
    facts = work.engine.container(this.new)
    return facts.state != "created" and facts.started_at is not None


# --- Steps -----------------------------------------------------------------------------------


def _make(work: Work, this: Swap, again: Again) -> None:
    """Make the new one beside the old one: what is refused is refused while that still runs."""
    from fleet.jobs.engines import insisting

    with insisting(work) as sure:
        this.new = create_container(sure.engine, this.making, again.body)
        if again.disconnect:
            disconnect_network(sure.engine, again.disconnect, this.new)
        for network, endpoint in again.connect:
            connect_network(sure.engine, network, this.new, endpoint)
    work.report.line(_("The new one is made (%(id)s).") % {"id": this.new[:SHORT]})


def _exchange(work: Work, this: Swap) -> None:
    """Stop, rename, start: without a pause in which a cancellation would leave it half done."""
    from fleet.jobs.engines import insisting

    with insisting(work) as sure:
        if this.was != "stopped":
            sure.report.line(_("Stopping the old one …"))
            this.stopping = True
            sure.engine.stop(this.old)
        sure.engine.rename(this.old, this.kept)
        sure.engine.rename(this.new, this.name)
        if this.was != "stopped":
            sure.engine.start(this.new)
            sure.report.line(_("The new one is started."))


def _finish(work: Work, this: Swap) -> None:
    """Remove the old one: the new one is proven, so it is too late for a cancellation."""
    from fleet.jobs.engines import insisting
    from fleet.jobs.work import Failed

    try:
        with insisting(work) as sure:
            if this.was == "paused" and not this.has_lived:
                with suppress(EngineError):
                    sure.engine.pause(this.new)
            inherit(work.host.pk, this.old, this.new)  # the row of what is removed goes with it
            with suppress(NotFound):
                sure.engine.remove(this.old)
            sure.report.line(_("The old one is removed; its volumes stay."))
    except EngineError as error:
        said = _("The new one runs, but the old one could not be removed: %(why)s It is still there"
                 " as %(kept)s.")  # fmt: skip
        raise Failed(said % {"why": error, "kept": this.kept}, error.raw) from error


# --- Back ------------------------------------------------------------------------------------


def _go_back(work: Work, this: Swap, error: Exception) -> NoReturn:
    """Put the old one back and raise why, with words that say so."""
    from fleet.jobs.reporter import Cancelled
    from fleet.jobs.work import Failed

    _insist_back(work, this, error)
    runs = this.was == "running"
    if isinstance(error, (Cancelled, Aborted)):
        told = (
            _("Cancelled. The old one runs as before.")
            if runs
            else _("Cancelled. The old one is as before.")
        )
        raise Cancelled(told) from error
    if isinstance(error, (Failed, EngineError)):
        back = _("The old one runs as before.") if runs else _("The old one is as before.")
        raise Failed(f"{error} {back}", error.raw) from error
    raise error


def _insist_back(work: Work, this: Swap, why: Exception | None = None) -> None:
    """Put the old one back. Raises Failed in words that say what is where."""
    from fleet.jobs.engines import insisting
    from fleet.jobs.settling import patiently
    from fleet.jobs.work import Failed

    def back() -> None:
        with insisting(work) as sure:
            _back(sure, this)

    try:
        patiently(back)
    except EngineError as error:
        said = _("The old one could not be put back: %(error)s It may be stopped. It is kept, as"
                 " %(kept)s or under its own name: update it once that can be done, which puts it"
                 " back.")  # fmt: skip
        reason = f"{why} " if why is not None else ""
        told = {"error": error, "kept": this.kept if this.new else this.name}
        raise Failed(reason + said % told, error.raw) from error


def _back(sure: Work, this: Swap) -> None:
    """Put it back; its name comes last, as it tells who may have to go on what the old one did."""
    engine = sure.engine
    found = engine.inspect(this.old)  # first: the new one goes only while the old one is there
    is_aside = name_of(found) != this.name
    sure.report.line(_("Going back to the old one."), level="error")
    if is_aside:  # the new one may have what the old one needs to start
        _remove_new(sure, this)
    if this.was != "stopped":
        _start_old(sure, this, as_str(as_dict(found.get("State")).get("Status")) in ALIVE)
    if is_aside:
        engine.rename(this.old, this.name)
    else:
        _remove_new(sure, this)


def _remove_new(sure: Work, this: Swap) -> None:
    with suppress(NotFound):
        sure.engine.remove(this.new or this.making, force=True)


def _start_old(sure: Work, this: Swap, up: bool) -> None:
    if up and this.stopping:  # it would end in a moment: let it, then start it
        sure.engine.stop(this.old)
    if not up or this.stopping:
        sure.engine.start(this.old)
        if this.was == "paused":
            sure.engine.pause(this.old)


# --- Is it well ------------------------------------------------------------------------------


def _watch(work: Work, this: Swap) -> None:
    """Wait until the new one is well. Raises Failed when it is not."""
    from fleet.jobs.work import Failed

    if this.was == "stopped":
        return
    said = work.engine.inspect(this.new)
    patience = patience_of(said)
    until = time.monotonic() + patience
    work.report.line(_("Looking whether it stays up …"))
    while True:
        facts = work.engine.container(this.new)
        if wrong := _what_is_wrong(facts, this):
            _tell_last_words(work, this.new, tty=facts.tty)
            raise Failed(wrong)
        over = time.monotonic() >= until
        if facts.state == "exited" or facts.health in ("healthy", "unhealthy") or over:
            break
        time.sleep(LOOK_EVERY)
    if facts.health == "starting":
        work.report.line(_("Its health check has not said anything yet; it is kept."))


def _what_is_wrong(facts: ContainerFacts, this: Swap) -> str:
    """Return why it cannot stay, in words; "" while nothing is wrong."""
    if facts.state == "restarting" or facts.restart_count > this.restarts:
        return _("The new one ends again and again.")
    if facts.state in ("exited", "dead") and (facts.exit_code or facts.oom_killed):
        return _("The new one ended with code %(code)d.") % {"code": facts.exit_code or 0}
    if facts.health == "unhealthy" and not this.was_unhealthy:
        return _("The health check of the new one says that it is unhealthy.")
    return ""


def patience_of(said: Json) -> float:
    """Return for how many seconds a new container is looked at, at most."""
    check = as_dict(as_dict(said.get("Config")).get("Healthcheck"))
    if not check.get("Test") or check["Test"] == ["NONE"]:
        return ALIVE_SECONDS
    every = as_int(check.get("Interval")) or 30 * 10**9
    takes = as_int(check.get("Timeout")) or 30 * 10**9
    tries = as_int(check.get("Retries")) or 3
    whole = as_int(check.get("StartPeriod")) + (every + takes) * (tries + 1)
    return min(HEALTH_SECONDS, max(ALIVE_SECONDS, whole / 10**9))


def _tell_last_words(work: Work, ident: str, *, tty: bool) -> None:
    """Keep what it wrote, as it goes with its container."""
    with suppress(EngineError):
        for line in last_lines(work.engine, ident, TOLD_LINES, tty=tty):
            work.report.line(mask_text(line), level="engine")


def _was(state: Json) -> str:
    status = as_str(state.get("Status"))
    if status == "paused":
        return "paused"
    return "running" if status in ALIVE else "stopped"
