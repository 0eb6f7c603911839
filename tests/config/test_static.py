"""Static files are collected when they changed, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from config.static import prepare_static


@pytest.fixture
def source(settings: Settings, tmp_path: Path) -> Path:
    """A folder with one file, to be collected into another."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.css").write_text("p { color: red }")
    settings.STATICFILES_DIRS = [folder]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "build" / "static"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "dashboard.staticfiles.ModuleStorage"},
    }
    settings.STATIC_ROOT.mkdir(parents=True)
    return folder


def collected(settings: Settings) -> list[str]:
    """Return the hashed names of the collected sheet."""
    return sorted(path.name for path in Path(settings.STATIC_ROOT).glob("a.*.css"))


def test_it_collects_once(source: Path, settings: Settings) -> None:
    assert prepare_static() is True
    assert len(collected(settings)) == 1
    assert prepare_static() is False


def test_it_collects_what_changed(source: Path, settings: Settings) -> None:
    prepare_static()
    (source / "a.css").write_text("p { color: green }")
    assert prepare_static() is True
    assert len(collected(settings)) == 2


def test_it_collects_again_after_a_start_that_was_broken_off(
    source: Path, settings: Settings
) -> None:
    prepare_static()
    (settings.STATIC_ROOT / "staticfiles.json").unlink()
    assert prepare_static() is True
