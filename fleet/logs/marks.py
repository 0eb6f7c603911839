"""What stands between the lines of a log: the container ended, the host went away."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.engine.errors import EngineError, NotFound, Unsupported

Text = str | Promise

SENTENCES: dict[str, Text] = {
    "ended": gettext_lazy("The container has ended with exit code %(detail)s."),
    "unborn": gettext_lazy("The container was never started."),
    "started": gettext_lazy("The container has started."),
    "restarted": gettext_lazy("The container was restarted."),
    "away": gettext_lazy("The host does not answer: %(detail)s Trying again."),
    "back": gettext_lazy("The host answers again."),
    "hole": gettext_lazy("Lines are missing here: more was written than the engine gave back."),
    "lost": gettext_lazy(
        "The engine has left out %(detail)s lines of the last seconds: their file was rotated while"
        " it was read. A higher max-size of the logging driver keeps them."
    ),
    "unsure": gettext_lazy(
        "Lines of the last seconds may be missing: the log is rotated faster than it can be"
        " compared. A higher max-size of the logging driver keeps them."
    ),
    "set_back": gettext_lazy(
        "The clock of this host was set back: what follows was written later, with earlier times."
    ),
    "removed": gettext_lazy("The container was removed."),
    "unreadable": gettext_lazy(
        "The logging driver of this container keeps nothing that could be read. Look where it"
        " sends its logs, or create the container with the driver json-file, local or journald."
    ),
    "refused": gettext_lazy("The engine does not give the logs of this container: %(detail)s"),
    "secret_lost": gettext_lazy("%(detail)s"),
    "host_gone": gettext_lazy("The host was removed from Quayside or switched off."),
    "broken": gettext_lazy("This has ended by a mistake of Quayside. Reload the page."),
}


class Mark(NamedTuple):
    """Something that happened, told among the lines; said in words only at the viewer.

    `since` and `until`: times of the engine, between which it may have lines that are missing.
    """

    code: str
    detail: Text = ""
    raw: str = ""
    since: str = ""
    until: str = ""

    def __str__(self) -> str:
        return str(SENTENCES[self.code]) % {"detail": self.detail or _("unknown")}


def end_of(error: EngineError) -> Mark | None:
    """Return why a log is over for good, None when it is worth trying again."""
    if "does not support reading" in error.raw.lower():
        return Mark("unreadable", raw=error.raw)
    if isinstance(error, NotFound):
        return Mark("removed", raw=error.raw)
    if isinstance(error, Unsupported) and error.code == "not_supported":
        return Mark("refused", error.message, error.raw)
    return None
