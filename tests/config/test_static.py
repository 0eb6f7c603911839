"""Static files are collected when they changed, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
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


def test_what_is_stale_stays_for_the_pages_that_are_open_and_then_goes(
    source: Path, settings: Settings
) -> None:
    root = Path(settings.STATIC_ROOT)
    (source / "old").mkdir()
    (source / "old" / "b.js").write_text("let a;" * 100)
    prepare_static()
    first = collected(settings)
    assert list(root.glob("old/b.*.js.gz"))

    (source / "a.css").write_text("p { color: green }")
    (source / "old" / "b.js").unlink()
    prepare_static()
    assert set(first) < set(collected(settings))
    assert list(root.glob("old/b.*.js.gz"))
    second = collected(settings)

    (source / "a.css").write_text("p { color: blue }")
    prepare_static()
    assert not set(first) & set(collected(settings))
    assert len(set(second) & set(collected(settings))) == 1
    assert not (root / "old").exists()
    assert (root / "staticfiles.json").exists()


def test_it_leaves_source_maps_and_their_names_alone(source: Path, settings: Settings) -> None:
    script = "let a;\n//# sourceMappingURL=b.js.map\n"
    (source / "b.js").write_text(script)
    (source / "b.js.map").write_text("{}")
    prepare_static()
    root = Path(settings.STATIC_ROOT)
    assert [path.read_text() for path in root.glob("b.*.js")] == [script]
    assert not list(root.glob("*.map"))
    (source / "b.js.map").write_text("{ }")
    assert prepare_static() is False


def test_a_collection_by_hand_leaves_out_the_same(source: Path, settings: Settings) -> None:
    for name in ("redoc.js", "b.css.map"):
        (source / name).write_text("x")
    call_command("collectstatic", interactive=False, verbosity=0)
    names = {path.name for path in Path(settings.STATIC_ROOT).iterdir()}
    assert "a.css" in names
    assert not {name for name in names if "redoc" in name or ".map" in name}


def test_it_collects_again_after_a_start_that_was_broken_off(
    source: Path, settings: Settings
) -> None:
    prepare_static()
    (settings.STATIC_ROOT / "staticfiles.json").unlink()
    assert prepare_static() is True
