"""How it looks when there is something newer than what runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.live.moments import ago_mark
from dashboard.templatetags.states import Look
from fleet.selectors.container_query import AVAILABLE
from fleet.selectors.updates import CURRENT, NEWER_IMAGE, NEWER_VERSION, UNKNOWN, Update

# The same words on the chips of both lists.
UPDATE_AVAILABLE = Look("busy", "arrow-up", gettext_lazy("update available"))

UPDATE_CHOICES = (
    (AVAILABLE, UPDATE_AVAILABLE.words),
    (NEWER_IMAGE, gettext_lazy("newer image")),
    (NEWER_VERSION, gettext_lazy("newer version")),
    (CURRENT, gettext_lazy("up to date")),
    (UNKNOWN, gettext_lazy("not known")),
)


def update_look(update: Update) -> Look:
    """Return icon, tone and words."""
    if update.state == NEWER_IMAGE:
        return Look("busy", "refresh", _("newer image"))
    if update.state == NEWER_VERSION:
        return Look("busy", "arrow-up", update.version)
    if update.state == CURRENT:
        return Look("ok", "circle-check", _("up to date"))
    return Look("idle", "help", _("not known"))


def update_sentence(update: Update) -> str:
    """Return what it means."""
    if update.state == NEWER_IMAGE:
        said = _("The registry has another image for %(name)s now.")
    elif update.state == NEWER_VERSION:
        said = _("The registry has a newer version than %(name)s: %(version)s.")
    elif update.state == CURRENT:
        said = _("%(name)s is what the registry has.")
    else:
        return update.why
    return said % {"name": update.reference, "version": update.version}


def update_mark(update: Update | None) -> SafeString:
    """Return a small mark for lists: only for what is newer, everything else is no news."""
    return update_badge(update) if update is not None and update.there_is else SafeString("")


def update_badge(update: Update) -> SafeString:
    """Return icon and words."""
    look = update_look(update)
    return format_html(
        '<span class="state update with-icon qi-{} tone-{}" title="{}">{}</span>',
        look.icon, look.tone, update_sentence(update), look.words,
    )  # fmt: skip


def signature(update: Update | None) -> tuple[Any, ...]:
    """Return what changes when a mark does."""
    if update is None:
        return ()
    newer = update.newer
    return (update.state, update.reference, update.why, newer.patch, newer.minor, newer.major)


def lines_of(updates: Iterable[Update]) -> list[dict[str, Any]]:
    """Return what a page tells of each name."""
    steps = {"patch": _("patch"), "minor": _("minor"), "major": _("major")}
    return [
        {
            "name": update.reference,
            "badge": update_badge(update),
            "sentence": update_sentence(update),
            "note": update.why if update.why != update_sentence(update) else "",
            "newer": [
                {"step": word, "tag": tag}
                for step, word in steps.items()
                if (tag := getattr(update.newer, step))
            ],
            "checked": ago_mark(update.checked_at) if update.checked_at else "",
        }
        for update in updates
    ]
