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
    "stopped": _("It was cancelled."),
    "git_none": _("The worker has no git command. Ask an administrator to install it."),
    "git_url": _("This is no address of a Git repository. Use https://host/path or git@host:path."),
    "git_option": _("“%(name)s” would be an option for Git, not an address. Leave it out."),
    "git_protocol": _("“%(name)s” is no way to a repository that is allowed. Use https:// or"
                      " ssh://."),
    "git_password": _("Leave user and password out of the address, and give them as the token."),
    "git_address": _("%(why)s"),
    "git_ref": _("“%(name)s” cannot be the name of a branch, a tag or a commit."),
    "git_ref_missing": _("The repository has no branch, tag or commit “%(name)s”."),
    "git_empty": _("The repository has no commits yet. Push one first."),
    "git_folder": _("The repository has no folder “%(name)s” at that commit."),
    "git_modules": _("There are too many submodules in it: at most %(limit)s."),
    "git_auth": _("The repository wants another token or key: the one here is not accepted, or none"
                  " is given."),
    "git_missing": _("There is no such repository, or the token or key may not see it."),
    "git_host_key": _("The host shows another ssh key than before. If that is right, forget the old"
                      " one and try again."),
    "git_tls": _("The certificate of the host is not trusted. Give the CA that signed it."),
    "git_redirected": _("The host sends on to another address. Give the one that it sends to."),
    "git_unreachable": _("The host of the repository cannot be reached, or hung up. Try again, and"
                         " check the address."),
    "git_slow": _("The repository did not come within %(limit)s minutes. Try again later."),
    "git_large": _("The repository is larger than %(limit)s, and was not fetched further."),
    "git_failed": _("Git could not fetch the repository: its last words say why."),
    "archive_missing": _("No archive was uploaded yet. Upload one, then run the build."),
    "archive_large": _("The archive is larger than %(limit)s. Leave out what the build does not"
                       " need, or ask an administrator to raise QUAYSIDE_BUILD_CONTEXT_BYTES."),
    "no_room": _("There is no room left on the worker's disk. Ask an administrator."),
}  # fmt: skip


class ContextRefused(Exception):
    """A context that cannot be built from. `code` is what code compares; `str()` a sentence."""

    def __init__(self, code: str, *, raw: str = "", **facts: Any) -> None:
        self.code = code
        self.raw = raw  # what a program said: for a line of details
        self.facts: Mapping[str, Any] = {key: _shown(value) for key, value in facts.items()}
        super().__init__(code)

    def __str__(self) -> str:
        return str(SENTENCES[self.code]) % self.facts


def _shown(value: Any) -> str:
    """Return a value as a sentence may repeat it: one line, not too long."""
    if isinstance(value, Promise):  # a sentence of ours
        return str(value)
    text = "".join(letter if letter.isprintable() else "�" for letter in str(value))
    return text if len(text) <= NAME_LIMIT else f"{text[: NAME_LIMIT - 1]}…"
