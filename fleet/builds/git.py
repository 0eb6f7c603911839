"""A context out of a Git repository: the one commit that was asked for, with submodules if wanted.

Nothing is checked out before its names and sizes were counted.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fleet.builds.errors import ContextRefused
from fleet.builds.git_run import Git, GitLogin
from fleet.builds.git_url import GitUrl, parse_git_url, submodule_url
from fleet.builds.limits import Limits, Meter
from fleet.builds.tree import clear
from fleet.outbound.errors import OutboundError
from fleet.outbound.policy import Origin, Pinned, pin_host

COMMIT = re.compile(r"^[0-9a-f]{7,40}\Z")
WHOLE_COMMIT = re.compile(r"^[0-9a-f]{40}\Z")
REF_LIMIT = 200
# What git check-ref-format refuses, and what is an option.
BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|/\.|\.lock(/|\Z)|[/.]\Z")
SUBMODULE = re.compile(r"^submodule\.(.+)\.(path|url)\n(.*)\Z", re.DOTALL)
SUBMODULES = 50
SUBMODULE_DEPTH = 5
GITLINK = "160000"
EVERYTHING = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
SUBJECT_LIMIT = 200


@dataclass(frozen=True)
class GitSource:
    """What to build: `ref` is a branch, a tag or a commit ("": the default branch), `folder` the
    sub-folder that is the context. `trusted` hosts may be private: an administrator named them."""

    url: str
    ref: str = ""
    folder: str = ""
    submodules: bool = False
    login: GitLogin = field(default_factory=GitLogin)
    trusted: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Checkout:
    """What came: `branch` is "" for a tag or a commit; `host_key` was shown by ssh."""

    context: Path
    commit: str
    branch: str
    subject: str
    host_key: str


def checkout(
    source: GitSource,
    root: Path,
    limits: Limits | None = None,
    stopped: Callable[[], bool] = lambda: False,
    scratch: Path | None = None,
) -> Checkout:
    """Put one commit of a repository into the empty folder `root`. Raises ContextRefused.

    Keys and the like are in `scratch` meanwhile (None: where the system has such things).
    """
    with tempfile.TemporaryDirectory(prefix="quayside-git-", dir=scratch) as folder:
        limits = limits or Limits()
        return _Checkout(source, root, Git(Path(folder), limits, stopped), Meter(limits)).run()


class _Checkout:
    def __init__(self, source: GitSource, root: Path, git: Git, meter: Meter) -> None:
        self.source, self.root, self.git, self.meter = source, root, git, meter
        self.url = parse_git_url(source.url)
        self.modules = 0

    def run(self) -> Checkout:
        wanted = self.source.ref.strip()
        if wanted and (len(wanted) > REF_LIMIT or BAD_REF.search(wanted)):
            raise ContextRefused("git_ref", name=wanted)
        self.git.local(self.root, "init", "-q")
        pinned = self._pin(self.url)
        branch = self._fetch_wanted(pinned, wanted)
        commit = self._put(self.root)
        subject = self.git.local(self.root, "log", "-1", "--format=%s").strip()[:SUBJECT_LIMIT]
        if self.source.submodules:
            self._submodules(self.root, self.url, depth=1)
        for place in sorted(self.root.rglob(".git")):
            if place.is_symlink() or not place.is_dir():
                place.unlink()
            else:
                clear(place)
        return Checkout(self._context(), commit, branch, subject, self._host_key())

    def _pin(self, url: GitUrl) -> Pinned:
        try:
            return pin_host(url.host, url.port, trusted=self.source.trusted)
        except OutboundError as error:
            raise ContextRefused("git_address", why=error.message, raw=error.raw) from error

    def _login(self, url: GitUrl) -> GitLogin:
        """Credentials go to the host that they were given for, and to no other."""
        return self.source.login if url.site == self.url.site else GitLogin()

    # --- Fetching --------------------------------------------------------------------------

    def _fetch_wanted(self, pinned: Pinned, wanted: str) -> str:
        """Fetch what was asked for; return the branch, "" for a tag or a commit."""
        heads, tag, default = self._advertised(pinned, wanted)
        if not wanted:
            if not default:
                raise ContextRefused("git_empty")
            self._fetch(self.root, self.url, pinned, f"refs/heads/{default}")
            return default
        if wanted in heads:
            self._fetch(self.root, self.url, pinned, f"refs/heads/{wanted}")
            return wanted
        if tag:
            self._fetch(self.root, self.url, pinned, tag)
            return ""
        if not COMMIT.match(wanted):
            raise ContextRefused("git_ref_missing", name=wanted)
        self._fetch_commit(self.root, self.url, pinned, wanted)
        return ""

    def _advertised(self, pinned: Pinned, wanted: str) -> tuple[set[str], str, str]:
        """Return the branches and the full tag that have the wanted name, and the default."""
        patterns = [f"refs/heads/{wanted}", f"refs/tags/{wanted}"] if wanted else []
        if wanted.startswith("refs/"):
            patterns.append(wanted)
        said = self.git.remote(
            self.root, self.url, pinned, self._login(self.url),
            "ls-remote", "--symref", "--", str(self.url), "HEAD", *patterns,
        )  # fmt: skip
        heads: set[str] = set()
        tag = default = ""
        for line in said.splitlines():
            what, _, name = line.partition("\t")
            if name == "HEAD" and what.startswith("ref: refs/heads/"):
                default = what.removeprefix("ref: refs/heads/")
            elif name.startswith("refs/heads/"):
                heads.add(name.removeprefix("refs/heads/"))
            elif wanted and name in (f"refs/tags/{wanted}", wanted):
                tag = name
        return heads, tag, default

    def _fetch(self, place: Path, url: GitUrl, pinned: Pinned, *refs: str, depth: int = 1) -> None:
        how = [f"--depth={depth}"] if depth else []
        self.git.remote(
            place, url, pinned, self._login(url),
            "fetch", "-q", "--no-tags", "--no-write-fetch-head", *how, "--", str(url),
            *(ref if ":" in ref else f"+{ref}:refs/quayside/wanted" for ref in refs),
        )  # fmt: skip

    def _fetch_commit(self, place: Path, url: GitUrl, pinned: Pinned, commit: str) -> None:
        """A server may give any commit by its whole name; else all is fetched and searched."""
        if WHOLE_COMMIT.match(commit):
            try:
                return self._fetch(place, url, pinned, commit)
            except ContextRefused as refused:
                if refused.code not in ("git_failed", "git_missing"):
                    raise
        self._fetch(place, url, pinned, *EVERYTHING, depth=0)
        try:
            found = self.git.local(place, "rev-parse", "--verify", "-q", f"{commit}^{{commit}}")
        except ContextRefused:
            raise ContextRefused("git_ref_missing", name=commit) from None
        self.git.local(place, "update-ref", "refs/quayside/wanted", found.strip())

    # --- Checking out ----------------------------------------------------------------------

    def _put(self, place: Path) -> str:
        """Check out what was fetched, once it was counted; return the commit."""
        try:
            found = self.git.local(
                place, "rev-parse", "--verify", "-q", "refs/quayside/wanted^{commit}"
            )
        except ContextRefused:
            raise ContextRefused("git_ref_missing", name=self.source.ref) from None
        commit = found.strip()
        for _, size, _ in self._tree(place, commit):
            self.meter.entry()
            self.meter.bytes(size)
        self.git.local(place, "checkout", "-q", "--force", "--detach", commit)
        return commit

    def _tree(self, place: Path, commit: str) -> Iterator[tuple[str, int, tuple[str, str]]]:
        """Yield mode, bytes, and (object, path) of all that a commit has."""
        said = self.git.local(place, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
        for line in said.split("\0"):
            facts, tab, path = line.partition("\t")
            if tab:
                mode, _, name, size = facts.split()
                yield mode, int(size) if size.isdigit() else 0, (name, path)

    def _submodules(self, place: Path, url: GitUrl, depth: int) -> None:
        if not (place / ".gitmodules").is_file() or (place / ".gitmodules").is_symlink():
            return
        if depth > SUBMODULE_DEPTH:
            raise ContextRefused("git_modules", limit=SUBMODULES)
        links = {
            path: name for mode, _, (name, path) in self._tree(place, "HEAD") if mode == GITLINK
        }
        for path, address in self._named(place):
            if path in links:
                self._submodule(place, path, submodule_url(url, address), links[path], depth)

    def _named(self, place: Path) -> Iterator[tuple[str, str]]:
        said = self.git.local(
            place, "config", "-z", "--no-includes", "-f", ".gitmodules",
            "--get-regexp", r"^submodule\..*\.(path|url)$",
        )  # fmt: skip
        found: dict[str, dict[str, str]] = {}
        for entry in said.split("\0"):
            if match := SUBMODULE.match(entry):
                found.setdefault(match[1], {})[match[2]] = match[3]
        for facts in found.values():
            if "path" in facts and "url" in facts:
                yield facts["path"], facts["url"]

    def _submodule(self, above: Path, path: str, url: GitUrl, commit: str, depth: int) -> None:
        self.modules += 1
        if self.modules > SUBMODULES:
            raise ContextRefused("git_modules", limit=SUBMODULES)
        place = _inside(above, path)
        if place is None:
            raise ContextRefused("outside", name=path)
        place.mkdir(parents=True, exist_ok=True)
        self.git.local(place, "init", "-q")
        self._fetch_commit(place, url, self._pin(url), commit)
        self._put(place)
        self._submodules(place, url, depth + 1)

    # --- The result ------------------------------------------------------------------------

    def _context(self) -> Path:
        name = self.source.folder.strip().strip("/")
        if not name or name == ".":
            return self.root
        place = _inside(self.root, name)
        if place is None or not place.is_dir():
            raise ContextRefused("git_folder", name=name)
        return place

    def _host_key(self) -> str:
        if self.url.scheme != "ssh" or not self.git.known_hosts.exists():
            return ""
        for line in self.git.known_hosts.read_text().splitlines():
            host, _, key = line.partition(" ")
            if host == self.url.host:
                return key.strip()
        return ""


def _inside(root: Path, name: str) -> Path | None:
    """Return a place below a folder; None when its letters or a link lead elsewhere."""
    if not name.isprintable() or ".." in PurePosixPath(name).parts or name.startswith("/"):
        return None
    place = (root / name).resolve()
    return place if place.is_relative_to(root.resolve()) else None
