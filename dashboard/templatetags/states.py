"""What states look like: tone, icon and words, one table for badges, tiles and bars."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Words = str | Promise

# The order in which a bar shows them: what is wrong first.
TONES = ("bad", "warn", "busy", "paused", "ok", "idle", "away")


@dataclass(frozen=True)
class Look:
    """How one state is shown. `turning` only while something really moves."""

    tone: str
    icon: str
    words: Words
    turning: bool = False


CONTAINER: dict[str, Look] = {
    "created": Look("idle", "circle-dashed", gettext_lazy("created")),
    "running": Look("ok", "circle-filled", gettext_lazy("running")),
    "paused": Look("paused", "player-pause-filled", gettext_lazy("paused")),
    "restarting": Look("busy", "loader-2", gettext_lazy("restarting"), turning=True),
    "removing": Look("busy", "loader-2", gettext_lazy("removing"), turning=True),
    "exited": Look("idle", "circle", gettext_lazy("exited")),
    "dead": Look("bad", "skull", gettext_lazy("dead")),
}
# No state of the engine's: what exited with another code than 0, or without memory.
FAILED = Look("bad", "alert-circle", gettext_lazy("failed"))
HEALTH: dict[str, Look] = {
    "starting": Look("busy", "loader-2", gettext_lazy("starting"), turning=True),
    "healthy": Look("ok", "heart-filled", gettext_lazy("healthy")),
    "unhealthy": Look("warn", "heart-broken", gettext_lazy("unhealthy")),
}
HOST: dict[str, Look] = {
    "reachable": Look("ok", "circle-filled", gettext_lazy("reachable")),
    "unreachable": Look("away", "plug-x", gettext_lazy("unreachable")),
    "disabled": Look("idle", "circle-off", gettext_lazy("disabled")),
    "unknown": Look("idle", "circle-dashed", gettext_lazy("not seen yet")),
}
JOB: dict[str, Look] = {
    "queued": Look("idle", "clock", gettext_lazy("queued")),
    "running": Look("busy", "loader-2", gettext_lazy("running"), turning=True),
    "succeeded": Look("ok", "circle-check", gettext_lazy("succeeded")),
    "failed": Look("bad", "circle-x", gettext_lazy("failed")),
    "errored": Look("bad", "bug", gettext_lazy("errored")),
    "cancelled": Look("idle", "ban", gettext_lazy("cancelled")),
    "lost": Look("warn", "ghost", gettext_lazy("lost")),
}
# Of a stage of a run, beside those of its job.
STAGE: dict[str, Look] = {
    **JOB,
    "waiting": Look("idle", "circle-dashed", gettext_lazy("waiting")),
    "skipped": Look("idle", "circle-off", gettext_lazy("skipped")),
}
EXIT_CODES: dict[int, Words] = {
    125: gettext_lazy("the engine could not run it"),
    126: gettext_lazy("its command cannot be run"),
    127: gettext_lazy("its command was not found"),
    130: gettext_lazy("interrupted"),
    134: gettext_lazy("aborted itself"),
    137: gettext_lazy("killed"),
    139: gettext_lazy("crashed, segmentation fault"),
    143: gettext_lazy("terminated"),
}


def unknown(word: str) -> Look:
    """Return a quiet look for a state that a newer engine may invent."""
    return Look("idle", "circle", word or gettext_lazy("unknown"))


def exit_words(code: int | None, oom: bool = False) -> str:
    """Say how a container ended: `exit 137: killed, out of memory`."""
    known = str(EXIT_CODES.get(code or 0, ""))
    if oom:
        known = _("%(how)s, out of memory") % {"how": known} if known else _("out of memory")
    if not known:
        return _("exit %(code)s") % {"code": code}
    return _("exit %(code)s: %(how)s") % {"code": code, "how": known}


def container_look(
    state: str, health: str = "", exit_code: int | None = None, oom: bool = False
) -> Look:
    """Return how a container's state looks; health counts while it runs, the code once it ended."""
    code = exit_code or 0
    if state == "running" and health in HEALTH:
        return HEALTH[health]
    if state == "exited" and (code or oom):
        return Look("bad", "alert-circle", exit_words(code, oom))
    if state == "restarting" and code:
        words = _("restarting after %(how)s") % {"how": exit_words(code, oom)}
        return Look("warn", "loader-2", words, turning=True)
    return CONTAINER.get(state) or unknown(state)


def look_of(kind: str, state: str) -> Look:
    """Return how a `host`, `job`, `stage`, `container` or `health` state looks."""
    tables = {"host": HOST, "job": JOB, "stage": STAGE, "container": CONTAINER, "health": HEALTH}
    table = tables[kind]
    return table.get(state) or unknown(state)
