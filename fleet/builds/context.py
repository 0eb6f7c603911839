"""The context of one run: files from where the definition says, in a folder of the worker."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fleet.builds import store
from fleet.builds.archives import unpack
from fleet.builds.errors import ContextRefused
from fleet.builds.git import GitSource, checkout
from fleet.builds.git_run import GitLogin
from fleet.builds.limits import Limits
from fleet.builds.tree import Tree
from fleet.models import Build, BuildSource

TYPED = "Dockerfile"


@dataclass(frozen=True)
class Context:
    """What is built; what of it is known is empty where there is no Git."""

    folder: Path
    dockerfile: str
    commit: str = ""
    branch: str = ""
    subject: str = ""
    host_key: str = ""


def prepare(build: Build, folder: Path, limits: Limits, stopped: Callable[[], bool]) -> Context:
    """Put the files of a build below a folder. Raises ContextRefused or SecretLost."""
    root = folder / "context"
    root.mkdir()
    if build.source == BuildSource.GIT:
        return _from_git(build, root, folder, limits, stopped)
    if build.source == BuildSource.ARCHIVE:
        return _from_archive(build, root, limits)
    return _typed(build, root, limits)


def _typed(build: Build, root: Path, limits: Limits) -> Context:
    tree = Tree(root, limits)
    for name, text in {**build.files, TYPED: build.dockerfile_text}.items():
        tree.file(name, io.BytesIO(text.encode()), executable=text.startswith("#!"))
    return Context(root, TYPED)


def _from_archive(build: Build, root: Path, limits: Limits) -> Context:
    if not build.archive or not store.place_of(build.archive).exists():
        raise ContextRefused("archive_missing")
    unpack(store.place_of(build.archive), root, limits)
    return Context(_only_folder(root, build.dockerfile), build.dockerfile)


def _only_folder(root: Path, dockerfile: str) -> Path:
    """Return the context: many pack the folder itself, and mean what is in it."""
    inside = list(root.iterdir())
    alone = len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink()
    return inside[0] if alone and not (root / dockerfile).exists() else root


def _from_git(
    build: Build, root: Path, folder: Path, limits: Limits, stopped: Callable[[], bool]
) -> Context:
    source = GitSource(
        url=build.git_url,
        ref=build.git_ref,
        folder=build.git_folder,
        submodules=build.git_submodules,
        login=GitLogin(
            username=build.git_username,
            token=build.git_token,
            ssh_key=build.git_ssh_key,
            ssh_host_key=build.git_host_key,
            tls_ca=build.git_ca,
        ),
    )
    found = checkout(source, root, limits, stopped, scratch=folder)
    return Context(
        folder=found.context,
        dockerfile=build.dockerfile,
        commit=found.commit,
        # A tag or a commit was asked for: then that is what stands for the branch.
        branch=found.branch or build.git_ref,
        subject=found.subject,
        host_key=found.host_key,
    )
