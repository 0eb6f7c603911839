"""Local stand-ins for the base images: the production files run unchanged without a registry.

A tree of Debian packages (Python, PostgreSQL, Redis) is made once by mmdebstrap, the wheels of
requirements.txt once by pip; both are kept in QUAYSIDE_CACHE (~/.cache/quayside-test) under a name
that changes with what they are made from.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.lab.lab import LabHost

ROOT = Path(__file__).resolve().parent.parent.parent
RECIPES = Path(__file__).with_name("images")
PACKAGES = (
    "python3,python3-venv,python3-pip,ca-certificates,postgresql,redis-server,util-linux,procps"
    ",git,openssh-client"
)
LEAVE_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")
DOCKER = "/usr/bin/docker"  # Debian's, of which the lab is made, too
SYSTEM_PYTHON = "/usr/bin/python3"  # of the same release as the tree's
TREE = "quayside-test/tree:latest"


def why_not() -> str:
    """The reason why stand-ins cannot be made here; empty when they can."""
    if platform.freedesktop_os_release().get("ID") != "debian":
        return "The stand-ins for the base images are made from Debian's packages, on Debian."
    if not shutil.which("mmdebstrap"):
        return "The stand-ins for the base images need the package mmdebstrap."
    return ""


def make(host: LabHost, *, python: str, postgres: str, redis: str, docker: str) -> None:
    """Make the four images on the host under the names given."""
    host.docker("import", str(tree()), TREE, timeout=300)
    with tempfile.TemporaryDirectory() as name:
        context = Path(name)
        shutil.copytree(RECIPES, context, dirs_exist_ok=True)
        shutil.copytree(wheels(), context / "wheels")
        shutil.copy(DOCKER, context / "docker")
        names = {"python": python, "postgres": postgres, "redis": redis, "docker": docker}
        for target, tag in names.items():
            build = ("build", "-q", "--build-arg", f"TREE={TREE}", "--target", target, "-t", tag)
            host.docker(*build, str(context), timeout=300)


def tree() -> Path:
    """A root file system with this machine's Debian release, as a tar archive."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    path = _cached(f"tree-{release}", PACKAGES, *LEAVE_OUT).with_suffix(".tar")
    if not path.exists():
        draft = path.with_suffix(".new.tar")
        leave_out = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEAVE_OUT]
        _run(
            "mmdebstrap",
            "-q",
            "--variant=essential",
            *leave_out,
            f"--include={PACKAGES}",
            release,
            str(draft),
        )
        draft.rename(path)
    return path


def wheels() -> Path:
    """A folder with a wheel of every requirement, for the Python of the tree."""
    requirements = ROOT / "requirements.txt"
    folder = _cached("wheels", requirements.read_text(), platform.freedesktop_os_release()["ID"])
    if not folder.exists():
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix="wheels-new-"))
        _run(SYSTEM_PYTHON, "-m", "venv", str(draft / "venv"))
        pip = (str(draft / "venv/bin/pip"), "download", "-q", "--only-binary", ":all:")
        _run(*pip, "-r", str(requirements), "-d", str(draft / "wheels"))
        (draft / "wheels").rename(folder)
        shutil.rmtree(draft)
    return folder


def _cached(kind: str, *made_from: str) -> Path:
    """The place in the cache for something; older versions of it are thrown away."""
    default = Path.home() / ".cache" / "quayside-test"
    cache = Path(os.environ.get("QUAYSIDE_CACHE") or default)
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256("\n".join(made_from).encode()).hexdigest()[:16]
    for old in cache.glob(f"{kind}-*"):
        if digest not in old.name:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    return cache / f"{kind}-{digest}"


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{argv[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
