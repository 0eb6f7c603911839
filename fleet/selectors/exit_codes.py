"""Exit codes and signals in words: short for lists, a sentence for who asks why.

A shell, and every engine, tells an end by signal n as 128 + n.
"""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Text = str | Promise

SIGNALS: Final[dict[int, str]] = {
    1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL",
    10: "USR1", 11: "SEGV", 12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 16: "STKFLT",
    24: "XCPU", 25: "XFSZ", 31: "SYS",
}  # fmt: skip
# What a signal says of the process that it ended: short, and whole.
SIGNAL_WORDS: Final[dict[int, Text]] = {
    2: gettext_lazy("interrupted"),
    6: gettext_lazy("aborted itself"),
    9: gettext_lazy("killed or out of memory"),
    11: gettext_lazy("memory fault"),
    15: gettext_lazy("told to stop"),
}
SIGNAL_SENTENCES: Final[dict[int, Text]] = {
    1: gettext_lazy("Its terminal was closed, or it was told to hang up (SIGHUP)."),
    2: gettext_lazy("It was interrupted, as by Ctrl-C (SIGINT)."),
    4: gettext_lazy("It ran an instruction that this processor does not know (SIGILL): is the image for another architecture?"),  # noqa: E501
    6: gettext_lazy("It aborted itself (SIGABRT), as programs do that find themselves broken."),
    7: gettext_lazy("It touched memory that is not there (SIGBUS): a file that shrank, or a full /dev/shm."),  # noqa: E501
    8: gettext_lazy("It divided by zero or the like (SIGFPE)."),
    9: gettext_lazy("It was killed (SIGKILL): by somebody, by a stop that took too long, or by the kernel for want of memory."),  # noqa: E501
    11: gettext_lazy("It crashed with a memory fault (SIGSEGV)."),
    13: gettext_lazy("It wrote to something that was closed (SIGPIPE)."),
    15: gettext_lazy("It was told to stop (SIGTERM) and did."),
}  # fmt: skip
MEANINGS: Final[dict[int, Text]] = {
    125: gettext_lazy("the container could not be made"),
    126: gettext_lazy("the command cannot be run"),
    127: gettext_lazy("the command was not found"),
}
SENTENCES: Final[dict[int, Text]] = {
    0: gettext_lazy("It ended without an error."),
    1: gettext_lazy("It ended with the general error: its last lines should say why."),
    2: gettext_lazy("It was called wrongly, or ended with an error of its own kind."),
    125: gettext_lazy("The engine could not make or start the container."),
    126: gettext_lazy(
        "Its command was found but cannot be run: it is not executable, or a folder."
    ),
    127: gettext_lazy("Its command was not found in the image, or a library of it."),
    255: gettext_lazy("It ended with −1: its last lines should say why."),
}
BY_SIGNAL = 128
# Signals that are sent to processes that are to go on: read your settings, write a new log.
HARMLESS: Final = frozenset({"1", "10", "12", "28", "HUP", "USR1", "USR2", "WINCH"})


def signal_of(code: int) -> int:
    """Return the number of the signal that an exit code tells of; 0 for none."""
    return code - BY_SIGNAL if code - BY_SIGNAL in SIGNALS else 0


def is_harmless(signal: str) -> bool:
    """Whether processes are sent such a signal and go on."""
    return signal.removeprefix("SIG") in HARMLESS


def exit_code_by(signal: str) -> int:
    """Return the exit code of a process that a signal ended, by whatever it is called."""
    name = signal_name(signal).removeprefix("SIG")
    return next((BY_SIGNAL + number for number, known in SIGNALS.items() if known == name), -1)


def signal_name(signal: object) -> str:
    """Return a signal's name, of what an engine calls it: 15, TERM or SIGTERM."""
    text = str(signal).upper()
    if text.isdecimal() and int(text) in SIGNALS:
        return f"SIG{SIGNALS[int(text)]}"
    return text if text.startswith("SIG") or text.isdecimal() else f"SIG{text}"


def exit_words(code: int) -> str:
    """Return an exit code with its meaning where it has a common one."""
    if signal := signal_of(code):
        known = SIGNAL_WORDS.get(signal)
        return (
            f"{code} (SIG{SIGNALS[signal]}: {known})" if known else f"{code} (SIG{SIGNALS[signal]})"
        )
    meaning = MEANINGS.get(code)
    return f"{code} ({meaning})" if meaning else str(code)


def exit_sentence(code: int) -> str:
    """Return what an exit code says, for people."""
    if (said := SENTENCES.get(code)) is not None:
        return str(said)
    if signal := signal_of(code):
        name = {"name": f"SIG{SIGNALS[signal]}"}
        known = SIGNAL_SENTENCES.get(signal)
        return str(known) if known else _("It was ended by the signal %(name)s.") % name
    return _("It ended with an error code of its own: its documentation knows what it means.")
