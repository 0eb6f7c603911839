"""Names of images, by the grammar that Docker itself uses (distribution/reference).

``nginx`` is short for ``docker.io/library/nginx:latest``: parsing fills in what is left out, and
``familiar`` leaves it out again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

Text = str | Promise
HUB = "docker.io"
HUB_LEGACY = "index.docker.io"
OFFICIAL = "library/"
DEFAULT_TAG = "latest"
NAME_LIMIT = 255
TAG_LIMIT = 128
HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?")
_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(
    r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,512}", re.ASCII
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")


class InvalidReference(ValueError):
    """This is not the name of an image; ``message`` says what is wrong with it."""

    def __init__(self, message: Text) -> None:
        self.message = message
        super().__init__(message)

    def __str__(self) -> str:
        return str(self.message)


@dataclass(frozen=True)
class Reference:
    """An image's name taken apart. ``tag`` and ``digest`` are empty when they are not given."""

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Host and repository, without tag and digest."""
        return f"{self.host}/{self.repository}"

    @property
    def full(self) -> str:
        """All of it, nothing left out."""
        return self.name + self._suffix

    @property
    def familiar_name(self) -> str:
        """The name as people write it: without docker.io and library."""
        if self.host != HUB:
            return self.name
        short = self.repository.removeprefix(OFFICIAL)
        return self.repository if "/" in short else short

    @property
    def familiar(self) -> str:
        """All of it as people write it."""
        return self.familiar_name + self._suffix

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest where there is one, else the tag."""
        return self.digest or self.tag

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.full

    def with_tag(self, tag: str) -> Reference:
        """The same image under another tag. Raises ``InvalidReference``."""
        return replace(self, tag=check_tag(tag), digest="")

    def with_digest(self, digest: str) -> Reference:
        """Exactly this content of the image. Raises ``InvalidReference``."""
        return replace(self, digest=check_digest(digest))


def parse_reference(text: str) -> Reference:
    """The image that a text names. Raises ``InvalidReference`` with a sentence that says why not.

    Without tag and digest the tag is ``latest``, as for Docker.
    """
    _check_text(text)
    rest, at, digest = text.partition("@")
    if at:
        check_digest(digest)
    host, rest = _split_host(rest)
    repository, colon, tag = rest.partition(":")
    if colon:
        check_tag(tag)
    elif not digest:
        tag = DEFAULT_TAG
    if host == HUB and "/" not in repository:
        repository = OFFICIAL + repository if repository else ""
    _check_host(host)
    check_repository(repository)
    if len(f"{host}/{repository}") > NAME_LIMIT:
        raise InvalidReference(_("The name of an image has at most 255 characters."))
    return Reference(host, repository, tag, digest)


def check_repository(name: str) -> str:
    """The name of a repository in its registry, as given. Raises ``InvalidReference``."""
    if not name:
        raise InvalidReference(_("The name of the image is missing."))
    if len(name) > NAME_LIMIT:
        raise InvalidReference(_("The name of an image has at most 255 characters."))
    if name != name.lower():
        raise InvalidReference(_("The name of an image must be in lower case letters."))
    for part in name.split("/"):
        if not _PART.fullmatch(part):
            raise InvalidReference(_wrong_part(part))
    return name


def check_tag(tag: str) -> str:
    """A tag, as given. Raises ``InvalidReference``."""
    if not tag:
        raise InvalidReference(_("The tag after the colon is missing."))
    if len(tag) > TAG_LIMIT:
        raise InvalidReference(_("A tag has at most 128 characters."))
    if not _TAG.fullmatch(tag):
        raise InvalidReference(
            _("A tag is made of letters, digits, _, . and -, and does not begin with . or -.")
        )
    return tag


def is_digest(text: str) -> bool:
    """Whether a text is the digest of content."""
    algorithm, _colon, value = text.partition(":")
    if not _DIGEST.fullmatch(text):
        return False
    length = HEX_LENGTHS.get(algorithm)
    return length is None or (len(value) == length and value == value.lower())


def check_digest(digest: str) -> str:
    """A digest, as given. Raises ``InvalidReference``."""
    if not is_digest(digest):
        raise InvalidReference(_("A digest looks like sha256: and 64 digits from 0 to f."))
    return digest


def _check_text(text: str) -> None:
    if not text:
        raise InvalidReference(_("The name of the image is missing."))
    if "://" in text[:12]:
        raise InvalidReference(_("The name of an image begins without https://."))
    if text != text.strip() or not text.isprintable() or " " in text:
        raise InvalidReference(_("The name of an image has no spaces and no control characters."))
    if not text.isascii():
        raise InvalidReference(_("The name of an image has no letters beyond a to z."))
    if _IDENTIFIER.fullmatch(text):
        raise InvalidReference(_("This is the id of an image. Give its name."))


def _split_host(text: str) -> tuple[str, str]:
    """Docker's rule: what comes before the first / is a host when it looks like one."""
    first, slash, rest = text.partition("/")
    hostlike = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not hostlike:
        return HUB, text
    return HUB if first == HUB_LEGACY else first, rest


def _check_host(host: str) -> None:
    if not _HOST.fullmatch(host):
        raise InvalidReference(
            format_lazy(_("{host} is not the name of a registry's host."), host=host[:80])
        )


def _wrong_part(part: str) -> Text:
    if not part:
        return _("The name of an image has no empty part: two / meet, or it ends with one.")
    return format_lazy(
        _(
            "{part} cannot be part of an image's name: lower case letters and digits, with single "
            ". or _, __ or - between them."
        ),
        part=part[:80],
    )
