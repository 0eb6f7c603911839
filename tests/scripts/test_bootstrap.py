"""scripts/bootstrap.py: the environment is made once and only touched when it must be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import bootstrap


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that needs nothing from an index, in a folder of its own."""
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\n")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv/bin/python")
    return tmp_path


def test_it_makes_an_environment_that_works(project: Path) -> None:
    bootstrap.bootstrap(dev=False)
    argv = [str(project / ".venv/bin/python"), "-c", "import sys; print(sys.prefix)"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(project / ".venv")
    assert bootstrap.is_current(dev=False)
    assert not bootstrap.is_current(dev=True)


def test_it_does_nothing_when_nothing_changed(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bootstrap.bootstrap(dev=True)
    assert "Installing" in capfd.readouterr().out
    bootstrap.bootstrap(dev=True)
    bootstrap.bootstrap(dev=False)
    assert capfd.readouterr().out == ""


def test_it_installs_again_when_the_requirements_change(project: Path) -> None:
    bootstrap.bootstrap(dev=False)
    (project / "requirements.txt").write_text("# nothing yet\n")
    assert not bootstrap.is_current(dev=False)
    bootstrap.bootstrap(dev=False)
    assert bootstrap.is_current(dev=False)


def test_it_mends_a_broken_environment(project: Path) -> None:
    broken = project / ".venv/bin/python"
    broken.parent.mkdir(parents=True)
    broken.symlink_to("/nowhere/python3")
    bootstrap.bootstrap(dev=False)
    assert bootstrap.works()


def test_it_says_what_to_do_when_pip_fails(project: Path) -> None:
    (project / "requirements.txt").write_text("/nowhere/at/all.whl\n")
    with pytest.raises(bootstrap.BootstrapError, match="pip could not install"):
        bootstrap.bootstrap(dev=False)
    assert not bootstrap.is_current(dev=False)


def test_it_refuses_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    with pytest.raises(bootstrap.BootstrapError, match=r"3\.11 or newer"):
        bootstrap.bootstrap(dev=False)
