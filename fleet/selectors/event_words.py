"""Events in words: what happened to what, and how bad it is.

`fleet.models.events.PROBLEM` says in SQL which ones are bad or a warning.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.models import Event
from fleet.models.events import BAD_JOBS, CALM_EXITS, TOLD_TO_END
from fleet.operations.registry import REGISTRY
from fleet.selectors.exit_codes import exit_words, signal_name

Text = str | Promise

# kind -> (icon, tone, words); tones: ok, bad, warn, idle.
KINDS: Final[dict[str, tuple[str, str, Text]]] = {
    "create": ("plus", "idle", gettext_lazy("created")),
    "start": ("player-play", "ok", gettext_lazy("started")),
    "restart": ("refresh", "idle", gettext_lazy("restarted")),
    "stop": ("player-stop", "idle", gettext_lazy("stopped")),
    "die": ("player-stop", "idle", gettext_lazy("exited")),
    "kill": ("skull", "idle", gettext_lazy("was sent a signal")),
    "oom": ("flame", "bad", gettext_lazy("ran out of memory")),
    "pause": ("player-pause", "idle", gettext_lazy("paused")),
    "unpause": ("player-play", "idle", gettext_lazy("resumed")),
    "rename": ("pencil", "idle", gettext_lazy("renamed")),
    "update": ("adjustments-horizontal", "idle", gettext_lazy("had its limits changed")),
    "destroy": ("trash", "idle", gettext_lazy("removed")),
    "remove": ("trash", "idle", gettext_lazy("removed")),
    "delete": ("trash", "idle", gettext_lazy("removed")),
    "health_status": ("heartbeat", "idle", gettext_lazy("changed its health")),
    "seen": ("eye", "idle", gettext_lazy("found changed")),
    "pull": ("download", "idle", gettext_lazy("pulled")),
    "push": ("upload", "idle", gettext_lazy("pushed")),
    "tag": ("tag", "idle", gettext_lazy("tagged")),
    "untag": ("tag", "idle", gettext_lazy("untagged")),
    "load": ("download", "idle", gettext_lazy("loaded")),
    "import": ("download", "idle", gettext_lazy("imported")),
    "prune": ("trash", "idle", gettext_lazy("pruned")),
    "connect": ("wifi", "idle", gettext_lazy("got a container connected")),
    "disconnect": ("plug-x", "idle", gettext_lazy("got a container disconnected")),
    "reachable": ("wifi", "ok", gettext_lazy("became reachable")),
    "unreachable": ("plug-x", "bad", gettext_lazy("became unreachable")),
    "disabled": ("circle-off", "idle", gettext_lazy("was switched off")),
    "job": ("list-check", "idle", gettext_lazy("had a job that did not succeed")),
    "reload": ("refresh", "idle", gettext_lazy("reloaded its configuration")),
}
OBJECTS: Final[dict[str, Text]] = {
    "container": gettext_lazy("Containers"),
    "image": gettext_lazy("Images"),
    "volume": gettext_lazy("Volumes"),
    "network": gettext_lazy("Networks"),
    "host": gettext_lazy("Hosts"),
    "daemon": gettext_lazy("Engines"),
}


def exit_code_of(event: Event) -> int | None:
    """Return the exit code that an event tells; None when it tells none."""
    code = event.detail.get("exit_code") if isinstance(event.detail, dict) else None
    return code if isinstance(code, int) else None


def event_words(event: Event) -> str:
    """Return what happened, to follow the object's name."""
    said = _exactly(event)
    if said:
        return said
    known = KINDS.get(event.kind)
    return str(known[2]) if known else event.kind.replace("_", " ")


def _exactly(event: Event) -> str:
    detail = event.detail if isinstance(event.detail, dict) else {}
    if event.kind == "die" and (code := exit_code_of(event)) is not None:
        return _("exited with %(code)s") % {"code": exit_words(code)}
    if event.kind == "kill" and detail.get("signal"):
        return _("was sent %(signal)s") % {"signal": signal_name(detail["signal"])}
    if event.kind == "rename" and detail.get("old_name"):
        return _("renamed, was %(name)s") % {"name": detail["old_name"]}
    if event.kind == "health_status" and event.to_state:
        return _("became %(state)s") % {"state": event.to_state}
    if event.kind == "seen":
        return _seen(event)
    if event.kind == "job":
        return _job(event.to_state, detail)
    if event.object_kind == "host" and detail.get("message"):
        return f"{KINDS[event.kind][2]}: {detail['message']}" if event.kind in KINDS else ""
    return ""


def _seen(event: Event) -> str:
    if not event.to_state:
        return _("was found gone")
    if not event.from_state:
        return _("was found %(state)s") % {"state": event.to_state}
    states = {"state": event.to_state, "before": event.from_state}
    return _("was found %(state)s, was %(before)s") % states


def _job(state: str, detail: dict[str, Any]) -> str:
    operation = REGISTRY.get(str(detail.get("operation", "")))
    said = {"verb": operation.verb if operation else detail.get("operation", "")}
    words = {
        "cancelled": _("had a job that was cancelled: %(verb)s"),
        "lost": _("had a job whose worker died: %(verb)s"),
        "errored": _("had a job that broke off by a fault of Quayside: %(verb)s"),
    }.get(state, _("had a job that failed: %(verb)s"))
    why = detail.get("message") if state != "cancelled" else ""
    return f"{words % said}. {why}" if why else words % said


def event_icon(event: Event) -> str:
    """Return the icon's name."""
    return KINDS.get(event.kind, ("circle-dot", "idle", ""))[0]


def event_tone(event: Event) -> str:
    """Return ok, bad, warn or idle."""
    if event.kind == "health_status" or event.kind == "seen":
        tones = {"unhealthy": "warn", "dead": "bad", "healthy": "ok"}
        return tones.get(event.to_state, "idle")
    if event.kind == "job":
        return "bad" if event.to_state in BAD_JOBS else "idle"
    code = exit_code_of(event)
    if event.kind == "die" and code is not None and code not in CALM_EXITS:
        return "idle" if code in TOLD_TO_END and "signal" in event.detail else "bad"
    return KINDS.get(event.kind, ("", "idle", ""))[1]
