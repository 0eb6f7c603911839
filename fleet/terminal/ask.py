"""What somebody wants to run in a container."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fleet.selectors.masking import mask_words

USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?\$?\Z")


def _words(value: Any) -> Any:
    """A command line becomes words as a shell would split it; no shell ever reads it."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError:
        raise ValueError(_("A quote is not closed.")) from None


def _command(words: tuple[str, ...]) -> tuple[str, ...]:
    if any("\0" in word for word in words) or words[:1] == ("",):
        raise ValueError(_("This is no command."))
    return words


def _user(name: str) -> str:
    if name and not USER.match(name):
        raise ValueError(_("Write a user's name or number, with :group if you like."))
    return name


def _directory(path: str) -> str:
    if path and (not path.startswith("/") or "\0" in path):
        raise ValueError(_("Write a path that begins with a slash."))
    return path


Word = Annotated[str, Field(max_length=8192)]


class Ask(BaseModel):
    """`mode` exec runs one more process, the best shell there is without a `command`.

    `attach` looks at the main process; it takes what is typed only with `typing`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    mode: Literal["exec", "attach"] = "exec"
    command: Annotated[
        tuple[Word, ...],
        Field(max_length=200),
        AfterValidator(_command),
        BeforeValidator(_words),
    ] = ()
    user: Annotated[str, Field(max_length=100), AfterValidator(_user)] = ""
    directory: Annotated[str, Field(max_length=1024), AfterValidator(_directory)] = ""
    typing: bool = Field(
        default=True,
        description="Whether it takes what is typed. False for `attach` unless asked for: Ctrl-C"
        " there ends the container, which must have been made with an open input.",
    )

    @model_validator(mode="before")
    @classmethod
    def _only_look(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("mode") == "attach":
            return {"typing": False} | given
        return given

    def told(self) -> dict[str, Any]:
        """Return it for the audit log, secrets masked."""
        found: dict[str, Any] = {"mode": self.mode, "command": shlex.join(mask_words(self.command))}
        found |= {"user": self.user, "directory": self.directory}
        if self.mode == "attach":
            found["typing"] = self.typing
        return {name: value for name, value in found.items() if value != ""}
