"""What a build is made of, checked before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath
from typing import Any

from django.utils.translation import gettext_lazy as _

from fleet.builds.dockerfile import SIZE_LIMIT
from fleet.builds.errors import ContextRefused
from fleet.builds.git import BAD_REF
from fleet.builds.git_url import parse_git_url
from fleet.builds.tags import BadTag, check_template
from fleet.crypto import SecretLost
from fleet.models import Build, BuildSource
from fleet.operations.inputs import Reader

PLATFORM = re.compile(r"[a-z0-9]{1,20}/[a-z0-9_]{1,20}(/[a-z0-9]{1,10})?\Z")
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}\Z")
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}\Z")
NETWORKS = ("", "none", "host")
PAIRS_LIMIT, VALUE_LIMIT = 100, 4000
FILES_LIMIT, FILE_LIMIT, FILES_TOTAL = 50, SIZE_LIMIT, 1024 * 1024
TAGS_LIMIT, SECRETS_LIMIT, SECRET_LIMIT = 20, 50, 64 * 1024
CREDENTIAL_LIMIT = 64 * 1024
MEMORY_LEAST = 4 * 1024**2
OF_SOURCE = {
    BuildSource.DOCKERFILE: ("dockerfile_text", "files"),
    BuildSource.GIT: (
        "git_url", "git_ref", "git_folder", "git_submodules", "git_username", "git_token",
        "git_ssh_key", "git_ca", "dockerfile",
    ),
    BuildSource.ARCHIVE: ("dockerfile",),
}  # fmt: skip
CREDENTIALS = ("git_token", "git_ssh_key", "secrets")


@dataclass(frozen=True)
class BuildInput:
    """A build's checked fields; secrets are in clear here, so its repr leaves them out."""

    name: str
    source: str
    dockerfile_text: str = ""
    files: dict[str, str] = field(default_factory=dict)
    git_url: str = ""
    git_ref: str = ""
    git_folder: str = ""
    git_submodules: bool = False
    git_username: str = ""
    git_token: str = field(default="", repr=False)
    git_ssh_key: str = field(default="", repr=False)
    git_ca: str = ""
    dockerfile: str = "Dockerfile"
    target: str = ""
    args: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    platform: str = ""
    no_cache: bool = False
    pull: bool = False
    network: str = ""
    memory: int = 0
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    tags: list[str] = field(default_factory=list)

    @property
    def site(self) -> tuple[str, str, int] | None:
        """To where the credentials of Git are sent; None without Git."""
        return parse_git_url(self.git_url).site if self.git_url else None

    def write(self, build: Build) -> None:
        """Put the fields into a row, without saving it."""
        for one in fields(self):
            setattr(build, one.name, getattr(self, one.name))


FIELDS = (*(one.name for one in fields(BuildInput)), "host")


def read_build(data: Mapping[str, Any], current: Build | None = None) -> BuildInput:
    """Return the checked fields of a new build, or of `current` with `data` laid over it.

    A field that `data` lacks keeps its value. `secrets` names values; one of null keeps the stored
    value, and those that it does not name are taken away. Raises Invalid.
    """
    reader = BuildReader(data, current)
    found = reader.read()
    reader.finish()
    return found


class BuildReader(Reader):
    """Reads a build field by field, gathering what is wrong."""

    def __init__(self, data: Mapping[str, Any], current: Build | None) -> None:
        super().__init__(data, FIELDS)
        self.current = current

    def read(self) -> BuildInput:
        """Return what was read; nothing of it counts when there are problems."""
        source = self._source()
        own = OF_SOURCE.get(BuildSource(source), ()) if source else ()
        values: dict[str, Any] = {
            name: read() for name, read in self._readers(source).items()
            if name in own or not any(name in others for others in OF_SOURCE.values())
        }  # fmt: skip
        self._refuse_others(own)
        return BuildInput(source=source, **values)

    def _readers(self, source: str) -> dict[str, Any]:
        return {
            "name": lambda: self.name("name", self._held("name", "")),
            "dockerfile_text": self._dockerfile_text,
            "files": self._files,
            "git_url": self._git_url,
            "git_ref": self._git_ref,
            "git_folder": lambda: self._path("git_folder", needed=False),
            "git_submodules": lambda: self._switch("git_submodules"),
            "git_username": lambda: self._line("git_username", 200),
            "git_token": lambda: self._credential("git_token"),
            "git_ssh_key": lambda: self._credential("git_ssh_key"),
            "git_ca": lambda: self.text("git_ca", self._held("git_ca", ""), limit=CREDENTIAL_LIMIT),
            "dockerfile": lambda: self._path("dockerfile", needed=True),
            "target": lambda: self._line("target", 100),
            "args": lambda: self._pairs("args", KEY),
            "labels": lambda: self._pairs("labels", LABEL),
            "platform": self._platform,
            "no_cache": lambda: self._switch("no_cache"),
            "pull": lambda: self._switch("pull"),
            "network": self._network,
            "memory": self._memory,
            "secrets": self._secrets,
            "tags": lambda: self._tags(git=source == BuildSource.GIT),
        }

    def _refuse_others(self, own: tuple[str, ...]) -> None:
        for names in OF_SOURCE.values():
            for name in set(names) - set(own):
                if self.data.get(name):
                    self.refuse(name, _("A build from this source does not use this."))

    def _held(self, name: str, default: Any) -> Any:
        return getattr(self.current, name) if self.current else default

    def _source(self) -> str:
        value = self.data.get("source", self._held("source", BuildSource.DOCKERFILE))
        if value not in BuildSource.values:
            known = ", ".join(BuildSource.values)
            self.refuse("source", _("Choose one of %(names)s.") % {"names": known})
            return ""
        return str(value)

    def _switch(self, name: str) -> bool:
        return self.switch(name, self._held(name, False))

    def _line(self, name: str, limit: int) -> str:
        value = self.text(name, self._held(name, ""), limit=limit)
        if not value.isprintable() or value.startswith("-"):
            self.refuse(name, _("Use printable characters on one line; do not begin with a dash."))
        return value

    # --- Files -----------------------------------------------------------------------------

    def _dockerfile_text(self) -> str:
        value = self.data.get("dockerfile_text", self._held("dockerfile_text", ""))
        problem = _text_problem(value, SIZE_LIMIT)
        if problem is not None:
            self.refuse("dockerfile_text", problem)
            return ""
        text = str(value).replace("\r\n", "\n")
        if not text.strip():
            self.refuse(
                "dockerfile_text", _("Write a Dockerfile. It begins with FROM and an image.")
            )
        return text

    def _files(self) -> dict[str, str]:
        given = self.data.get("files", self._held("files", {}))
        if not isinstance(given, Mapping):
            self.refuse("files", _("Files are paths, each with its text."))
            return {}
        if len(given) > FILES_LIMIT:
            self.refuse("files", _("These are too many files: at most %(limit)d. Use an archive.")
                        % {"limit": FILES_LIMIT})  # fmt: skip
            return {}
        found: dict[str, str] = {}
        for path, text in given.items():
            name = str(path).strip()
            problem = _path_problem(name) or _text_problem(text, FILE_LIMIT)
            if problem is not None:
                self.refuse("files", f"{name[:80]}: {problem}")
            elif name.lower() == "dockerfile":
                self.refuse("files", _("The Dockerfile has its own field."))
            else:
                found[name] = str(text).replace("\r\n", "\n")
        if sum(map(len, found.values())) > FILES_TOTAL:
            self.refuse("files", _("Together these files are too large. Use an archive."))
        return found

    def _path(self, name: str, *, needed: bool) -> str:
        value = self.text(name, self._held(name, "Dockerfile" if needed else ""), limit=300)
        value = value.strip("/") if not needed else value
        if not value:
            return "Dockerfile" if needed else ""
        problem = _path_problem(value)
        if problem is not None:
            self.refuse(name, problem)
        return value

    # --- Git -------------------------------------------------------------------------------

    def _git_url(self) -> str:
        value = self.text("git_url", self._held("git_url", ""), limit=1000)
        try:
            parse_git_url(value)
        except ContextRefused as refused:
            if "git_url" not in self.problems:
                self.refuse("git_url", str(refused))
        return value

    def _git_ref(self) -> str:
        value = self.text("git_ref", self._held("git_ref", ""), limit=200)
        if value and BAD_REF.search(value):
            self.refuse("git_ref", str(ContextRefused("git_ref", name=value)))
        return value

    def _credential(self, name: str) -> str:
        if not self.has(name):
            return str(self._stored(name))
        return self.text(name, limit=CREDENTIAL_LIMIT).replace("\r\n", "\n")

    def _stored(self, name: str) -> Any:
        try:
            return self._held(name, "")
        except SecretLost as error:
            self.refuse(name, str(error))
            return ""

    # --- Options ---------------------------------------------------------------------------

    def _pairs(self, name: str, key: re.Pattern[str]) -> dict[str, str]:
        given = self.data.get(name, self._held(name, {}))
        if isinstance(given, str):
            given = self._label_lines(name, given)
        problem = _pairs_problem(given, key)
        if problem is not None:
            self.refuse(name, problem)
            return {}
        return dict(given)

    def _platform(self) -> str:
        value = self.text("platform", self._held("platform", ""), limit=255)
        found = list(dict.fromkeys(one.strip() for one in value.split(","))) if value else []
        if not all(map(PLATFORM.match, found)):
            self.refuse(
                "platform",
                _("A platform is written like linux/amd64 or linux/arm64/v8, several with commas."),
            )
        return ",".join(found)

    def _network(self) -> str:
        value = self.data.get("network", self._held("network", ""))
        if value not in NETWORKS:
            self.refuse("network", _("Choose none, host, or leave it empty."))
            return ""
        return str(value)

    def _memory(self) -> int:
        value = self.data.get("memory", self._held("memory", 0)) or 0
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse("memory", _("Enter a whole number of bytes."))
            return 0
        if value and not MEMORY_LEAST <= value < 2**53:
            self.refuse("memory", _("Enter at least 4 MB, or nothing."))
        return value

    def _secrets(self) -> dict[str, str]:
        if not self.has("secrets"):
            return dict(self._stored("secrets") or {})
        given = self.data["secrets"]
        if not isinstance(given, Mapping) or len(given) > SECRETS_LIMIT:
            self.refuse("secrets", _("Secrets are names, each with its value; at most %(limit)d.")
                        % {"limit": SECRETS_LIMIT})  # fmt: skip
            return {}
        kept = self._stored("secrets") or {} if None in given.values() else {}
        found: dict[str, str] = {}
        for name, value in given.items():
            value = kept.get(name) if value is None else value
            if not isinstance(name, str) or not KEY.match(name):
                self.refuse("secrets", _("A secret's name has letters, digits, _, - and dots."))
            elif not isinstance(value, str) or not 0 < len(value) <= SECRET_LIMIT:
                self.refuse("secrets", _("Give the value of the secret “%(name)s”: at most 64 KB.")
                            % {"name": name})  # fmt: skip
            else:
                found[name] = value
        return found

    def _tags(self, *, git: bool) -> list[str]:
        given = self.data.get("tags", self._held("tags", []))
        if isinstance(given, str):
            given = given[:20_000].splitlines()
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            self.refuse("tags", _("Tags are a list of texts."))
            return []
        templates = list(dict.fromkeys(one.strip() for one in given if one.strip()))
        if len(templates) > TAGS_LIMIT:
            sentence = _("These are too many tags: at most %(limit)d.") % {"limit": TAGS_LIMIT}
            self.refuse("tags", sentence)
            return []
        for template in templates:
            try:
                check_template(template, git=git)
            except BadTag as error:
                self.refuse("tags", str(error))
        return templates


def _text_problem(value: Any, limit: int) -> Any:
    if not isinstance(value, str):
        return _("This must be a text.")
    if len(value) > limit:
        return _(
            "This is too long: at most %(limit)d KB. Put large files into an archive or Git."
        ) % {"limit": limit // 1024}
    if "\x00" in value:
        return _("This contains a character that is not allowed.")
    return None


def _path_problem(path: str) -> Any:
    parts = PurePosixPath(path).parts
    if not path or not path.isprintable() or len(path) > 300 or "\\" in path:
        return _("Enter the path of a file, such as conf/nginx.conf.")
    if path.startswith(("/", "-")) or ".." in parts or not parts:
        return _("The path must stay inside of the context: without .. and without / in front.")
    return None


def _pairs_problem(given: Any, key: re.Pattern[str]) -> Any:
    if not isinstance(given, Mapping):
        return _("These must be pairs of a name and a value.")
    if len(given) > PAIRS_LIMIT:
        return _("These are too many: at most %(limit)d.") % {"limit": PAIRS_LIMIT}
    for name, value in given.items():
        if not isinstance(name, str) or not key.match(name):
            return _("“%(name)s” cannot be a name here.") % {"name": str(name)[:60]}
        if not isinstance(value, str) or len(value) > VALUE_LIMIT or "\x00" in value:
            return _("The value of “%(name)s” must be a text of at most %(limit)d characters.") % {
                "name": name, "limit": VALUE_LIMIT,
            }  # fmt: skip
    return None
