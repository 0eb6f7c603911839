"""Times, sizes and long names in few letters; and the words that scripts show."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
# (seconds of the unit, from this age on, key of SCRIPT_WORDS), longest first; ago.js has the same.
AGES = (
    (365 * 86400, 730 * 86400, "years"),
    (30 * 86400, 60 * 86400, "months"),
    (86400, 48 * 3600, "days"),
    (3600, 3600, "hours"),
    (60, 60, "minutes"),
    (1, 5, "seconds"),
)


def script_words() -> dict[str, str]:
    """Return what scripts show to people, translated; `{n}` and other names are filled in there."""
    return _script_words(get_language() or "")


@lru_cache(maxsize=32)
def _script_words(_language: str) -> dict[str, str]:
    # Kept by language: a list of 250 rows says hundreds of times how long ago something was.
    return {
        "now": _("just now"),
        "seconds": _("{n} s ago"),
        "minutes": _("{n} min ago"),
        "hours": _("{n} h ago"),
        "days": _("{n} d ago"),
        "months": _("{n} mo ago"),
        "years": _("{n} y ago"),
        "in": _("in {what}"),
        "ago": _(" ago"),
        "copied": _("Copied"),
        "moved": _("{n} rows moved – refresh order"),
        "moved_one": _("1 row moved – refresh order"),
        "close": _("Close"),
        "show_job": _("Show job"),
        "sign_in": _("You are signed out. Sign in again."),
        "no_answer": _("No answer from Quayside. Nothing may have been done; look at the jobs."),
        "sending": _("{done} of {all} · {rate} · {left} s left"),
        "sent": _("{all} are there and looked at …"),
        "refused": _("Quayside refused this (status {status})."),
        "gone": _("You may not see this any more."),
        "act_on": _("{verb} {name} on {host}"),
        "chosen": _("{n} chosen"),
        "all_match": _("all {n} that match"),
        "type_this": _("Type {text} to confirm."),
        "sure": _("This cannot be undone."),
        "back": _("Connected again."),
    }


def ago_text(then: datetime, now: datetime | None = None) -> str:
    """Say how long ago a time was; a clock a little ahead of ours reads as `just now`."""
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    words = script_words()
    for unit, since, key in AGES:
        if abs(seconds) >= since:
            text = words[key].format(n=int(abs(seconds) // unit))
            return text if seconds > 0 else future_text(text)
    return words["now"]


def future_text(text: str) -> str:
    """Turn `3 min ago` into `in 3 min`."""
    return _("in {what}").format(what=text.replace(_(" ago"), ""))


def size_text(count: int | float | None) -> str:
    """Return bytes as IEC with one decimal: 1536 -> `1.5 KiB`."""
    if count is None:
        return "–"
    value = float(count)
    for unit in UNITS:
        if abs(value) < 1024 or unit == UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"


def middle_text(text: str, length: int) -> str:
    """Cut a text in the middle, so that both ends, which tell names apart, stay."""
    if len(text) <= length or length < 3:
        return text
    tail = (length - 1) * 3 // 5
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def short(identifier: str) -> str:
    """Return the twelve letters that engines show of an id."""
    return identifier.removeprefix("sha256:")[:12]


def image_parts(reference: str, length: int = 44) -> tuple[str, str]:
    """Split an image's reference into what may be cut and `name:tag`, without its digest."""
    if reference.startswith("sha256:"):
        return "", short(reference)
    bare = reference.split("@", 1)[0]
    path, slash, name = bare.rpartition("/")
    room = max(length - len(name) - 1, 8)
    return (middle_text(path, room) + slash if path else ""), middle_text(name, length)


def count_words(counts: dict[str, int]) -> str:
    """Say counts by tone in words: `1 in trouble, 12 fine`."""
    names = {
        "bad": _("%d failed"),
        "warn": _("%d unhealthy"),
        "busy": _("%d starting"),
        "paused": _("%d paused"),
        "ok": _("%d running"),
        "idle": _("%d stopped"),
        "away": _("%d not seen"),
    }
    said = [name % counts[tone] for tone, name in names.items() if counts.get(tone)]
    return ", ".join(said) or ngettext("no container", "no containers", 2)
