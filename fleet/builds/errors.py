"""Why a context is refused, in sentences for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAME_LIMIT = 120  # letters of a file's name that a sentence repeats

SENTENCES: dict[str, Promise] = {
    "not_an_archive": _("This is no tar, tar.gz or zip file. Pack the folder again and send that."),
    "broken": _("The archive is damaged or ends too early. Pack it again and send it once more."),
    "empty": _("The archive has no files in it."),
    "encrypted": _("“%(name)s” is locked with a password. Pack the files without one."),
    "packing": _("“%(name)s” is packed in a way that cannot be read. Use plain zip or tar.gz."),
    "absolute": _("“%(name)s” names a place outside of the archive. Pack the folder itself."),
    "outside": _("“%(name)s” leads out of the archive. Names may not contain “..”."),
    "bad_name": _("“%(name)s” is no usable file name: it has signs that no file name may have."),
    "long_name": _("“%(name)s” is too long a name: at most %(limit)s bytes for a path."),
    "link_outside": _("The link “%(name)s” points to “%(to)s”, out of the archive."),
    "through_link": _("“%(name)s” would be written through a link. Pack the folder anew."),
    "link_missing": _("“%(name)s” is a hard link to a file that is not in the archive before it."),
    "special": _("“%(name)s” is a device, a pipe or a socket. Only files, folders and links fit."),
    "sparse": _("“%(name)s” is a sparse file. Pack it without --sparse."),
    "twice": _("“%(name)s” is there twice, once as a folder and once as a file."),
    "too_many": _("There are more than %(limit)s files in it. Leave out what the build does not"
                  " need, such as node_modules or .git."),
    "too_large": _("Unpacked it is larger than %(limit)s. Leave out what the build does not need,"
                   " or ask an administrator to raise QUAYSIDE_BUILD_CONTEXT_BYTES."),
    "zip_too_many": _("A zip file may have at most %(limit)s files. Send it as tar.gz."),
    "bad_header": _("The archive's list of files is not credible. Pack it again."),
    "no_room": _("There is no room left on the worker's disk. Ask an administrator."),
}  # fmt: skip


class ContextRefused(Exception):
    """A context that cannot be built from. `code` is what code compares; `str()` a sentence."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code = code
        self.facts: Mapping[str, Any] = {key: _shown(value) for key, value in facts.items()}
        super().__init__(code)

    def __str__(self) -> str:
        return str(SENTENCES[self.code]) % self.facts


def _shown(value: Any) -> str:
    """Return a value as a sentence may repeat it: one line, not too long."""
    text = "".join(letter if letter.isprintable() else "�" for letter in str(value))
    return text if len(text) <= NAME_LIMIT else f"{text[: NAME_LIMIT - 1]}…"
