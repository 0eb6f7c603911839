"""What a log's page says: its script's words, and the choices of its forms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

WORDS: dict[str, str | Promise] = {
    "follow": _("Following"),
    "paused": _("Paused"),
    "scrolled": _("Scrolled back"),
    "opening": _("Opening …"),
    "lost": _("Connection lost"),
    "away": _("Host unreachable: the log goes on when it is back."),
    "ended": _("Ended"),
    "none": _("No output yet."),
    "nomatch": _("No line matches."),
    "new": _("{n} new lines"),
    "one": _("1 new line"),
    "end": _("Go to the end"),
    "gap": _("{n} lines were left out: they came faster than they could be shown."),
    "hole": _("Lines are missing here: more was written while the connection was lost."),
    "fetch": _("Fetch them"),
    "all": _("show all {n} characters"),
    "err": _("err"),
    "pause": _("Pause"),
    "resume": _("Resume"),
    "lines": _("{n} lines"),
    "shown": _("{n} of {all} lines"),
    "loading": _("Fetching: {n} lines …"),
    "loadingof": _("Fetching {name} ({at} of {all}): {n} lines …"),
    "edge": _("Above this, lines of {names} are missing."),
    "partial": _("Lines of {names} are missing here: fetch them"),
    "others": _(" and {n} more"),
    "full": _(
        "This view is full: older lines do not fit. Download the log to have all of it, or choose"
        " fewer containers."
    ),
    "nomore": _("full: older lines do not fit"),
    "rotated": _("The engine has these lines no more: their files were rotated away."),
    "nothing": _("The engine has no line there that is not shown here."),
    "some": _("{n} lines were fetched. The engine has the others no more: they were rotated away."),
    "searched": _("Only the {n} lines that are fetched were searched."),
    "searchednow": _("The whole log is fetched and searched …"),
    "searchedall": _("Search the whole log"),
    "searchedfull": _(
        "The newest {n} lines were searched: no more fit into this view. Download the log to"
        " search all of it."
    ),
    "looked": _("Only the {n} lines that are fetched were looked at."),
    "lookednow": _("The whole log is fetched and looked through …"),
    "lookedall": _("Look through the whole log"),
    "lookedfull": _(
        "The newest {n} lines were looked at: no more fit into this view. Download the log to"
        " look through all of it."
    ),
    "unloaded": _(
        "This log could not be opened: a part of the page could not be loaded. Reload the page."
    ),
    "early": _("The host stopped in the middle of them. Try again."),
    "beginning": _("from the beginning"),
    "hit": _("{n} of {all}"),
    "hits": _("{n} hits"),
    "nohits": _("no hit"),
    "mistake": _("This is no regular expression: {text}"),
    "slow": _("This expression takes too long, so it is not used. Make it simpler."),
    "unmatched": _(
        "This expression is not used: what it needs could not be loaded. Press Enter in its field"
        " to try again."
    ),
    "copied": _("The line was copied."),
    "time": _("“{text}” is no time. Write 14:05, 14:05:30 or 2026-11-28 14:05."),
    "copy": _("Copy"),
    "link": _("Copy link"),
    "context": _("Show among all lines"),
    "close": _("Close"),
    "linked": _("The link to this line was copied."),
}
TIMES = (("local", _("Local time")), ("utc", _("UTC")), ("age", _("Age")), ("off", _("None")))
LEVELS = (
    ("error", _("error")),
    ("warn", _("warning")),
    ("info", _("info")),
    ("debug", _("debug")),
    ("trace", _("trace")),
    ("", _("no level")),
)
SWITCHES = ("wrap", "levels")
FIELD = "field:"
FIELDS_SHOWN = 12


def log_context(user: Any) -> dict[str, Any]:
    """Return what the panel needs, as the user wants it."""
    kept = getattr(user, "preferences", None)
    columns = kept.get("columns") if isinstance(kept, dict) else None
    chosen = columns.get("logs") if isinstance(columns, dict) else None
    wanted = [key for key in chosen if isinstance(key, str)] if isinstance(chosen, list) else None
    return {
        "log_words": {key: str(word) for key, word in WORDS.items()},
        "log_times": TIMES,
        "log_levels": LEVELS,
        **_settings(SWITCHES if wanted is None else wanted),
    }


def _settings(wanted: Iterable[str]) -> dict[str, Any]:
    known = [key for key, _label in TIMES]
    times = [key for key in known if f"times-{key}" in wanted]
    fields = [key.removeprefix(FIELD) for key in wanted if key.startswith(FIELD)]
    return {
        "shown": frozenset(wanted) & frozenset(SWITCHES),
        "log_time": times[0] if times else known[0],
        "log_fields": fields[:FIELDS_SHOWN],
    }
