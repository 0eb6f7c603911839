"""Why there is no terminal, or why it ended, in sentences."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.engine.errors import Conflict, EngineError, Invalid, NotFound, Unreachable

Text = str | Promise

SENTENCES: dict[str, Text] = {
    "no_shell": gettext_lazy(
        "This image has no shell: neither bash nor ash nor sh. Run a program that it does have:"
        " write its path as the command."
    ),
    "not_started": gettext_lazy("The command could not be started: %(detail)s"),
    "not_running": gettext_lazy("The container does not run, so nothing can be run in it."),
    "paused": gettext_lazy("The container is paused. Unpause it first."),
    "removed": gettext_lazy("The container was removed."),
    "no_input": gettext_lazy(
        "The main process takes no input: the container was made without it (docker run -i)."
        " Attach without typing."
    ),
    "away": gettext_lazy("The host does not answer: %(detail)s"),
    "refused_by_engine": gettext_lazy("The engine does not do this: %(detail)s"),
    "host_gone": gettext_lazy("The host was removed from Quayside or switched off."),
    "secret_lost": gettext_lazy("%(detail)s"),
    "too_many": gettext_lazy("You have too many terminals open. End some of them first."),
    "unknown": gettext_lazy("This session has ended."),
    "ticket": gettext_lazy("This ticket was used, is too old, or never was. Ask for another."),
    "broken": gettext_lazy("This has ended by a mistake of Quayside. Start again."),
    # How sessions end that had begun.
    "exited": gettext_lazy("Ended."),
    "closed": gettext_lazy("You ended it."),
    "left": gettext_lazy("Ended: nobody looked at it any more."),
    "idle": gettext_lazy("Ended: nothing was typed for too long."),
    "rights": gettext_lazy("Ended: %(detail)s"),
    "lost": gettext_lazy("The connection to the host was lost: %(detail)s"),
    "cut": gettext_lazy("The connection to the host was lost."),
    "stopped": gettext_lazy("Ended: Quayside was stopped or restarted."),
}


class Problem(Exception):
    """There will be no terminal. ``code`` says why, ``str()`` says it to people."""

    def __init__(self, code: str, detail: Text = "", raw: str = "") -> None:
        super().__init__(code)
        self.code, self.detail, self.raw = code, detail, raw

    def __str__(self) -> str:
        return sentence(self.code, self.detail)


def sentence(code: str, detail: Text = "") -> str:
    """Return a sentence in the language of now."""
    return str(SENTENCES[code]) % {"detail": detail or _("unknown")}


def problem_of(error: EngineError, state: str) -> Problem:
    """Return why a process could not be started; `state` is the container's, "" if unknown."""
    if isinstance(error, NotFound):
        return Problem("removed", raw=error.raw)
    if isinstance(error, Unreachable):
        return Problem("away", error.message, error.raw)
    if state == "paused":
        return Problem("paused", raw=error.raw)
    if isinstance(error, Conflict) or (state and state != "running"):
        return Problem("not_running", raw=error.raw)
    if isinstance(error, Invalid):  # engines from 29 on look for the user first
        return Problem("not_started", error.raw or error.message, error.raw)
    return Problem("refused_by_engine", error.raw or error.message, error.raw)
