"""Advice on Dockerfiles by the real hadolint."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from fleet.builds.lint import Advice, lint
from tests.programs import program

HADOLINT = program("hadolint")
hadolint = pytest.mark.skipif(not HADOLINT, reason="There is no hadolint here.")
ODD = '[{"line": -1, "level": "odd", "message": "m"}, 7]'
DOCKERFILE = "FROM ubuntu\nRUN cd /x; echo $A\nMAINTAINER me\n"


@pytest.fixture(autouse=True)
def found(settings: Settings) -> None:
    """hadolint is the one that came with the tests."""
    settings.HADOLINT = HADOLINT


@hadolint
def test_advice_is_told_by_line() -> None:
    found = lint(DOCKERFILE)
    assert found is not None
    assert [one.line for one in found] == sorted(one.line for one in found)
    assert {(one.line, one.code, one.level) for one in found} >= {
        (1, "DL3006", "warning"), (2, "DL3003", "warning"), (2, "SC2086", "info"),
        (3, "DL4000", "error"),
    }  # fmt: skip
    urls = {one.code: one.url for one in found}
    assert urls["DL3006"] == "https://github.com/hadolint/hadolint/wiki/DL3006"
    assert urls["SC2086"] == "https://www.shellcheck.net/wiki/SC2086"


@hadolint
def test_what_is_no_dockerfile_is_told() -> None:
    (found,) = lint("FRO x\n") or []
    assert (found.line, found.level, found.url) == (1, "error", "")
    assert lint("FROM scratch\nCOPY a /\n") == []


@hadolint
def test_settings_of_others_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hadolint.yaml").write_text("ignored: [DL3006, DL3003, DL4000, SC2086]\n")
    (tmp_path / ".hadolint.yaml").write_text("ignored: [DL3006, DL3003, DL4000, SC2086]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert lint(DOCKERFILE)


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("exit 1", None),
        ("echo '{'", None),
        ("echo '{}'", []),
        (
            'echo \'[{"line": -1, "level": "odd", "message": "m"}, 7]\'',
            [Advice(1, "info", "", "m")],
        ),
    ],
)
def test_a_program_that_fails_gives_no_advice(
    script: str, found: list[Advice] | None, tmp_path: Path, settings: Settings
) -> None:
    place = tmp_path / "hadolint"
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    settings.HADOLINT = str(place)
    assert lint(DOCKERFILE) == found


def test_without_hadolint_there_is_none(settings: Settings) -> None:
    settings.HADOLINT = "/nowhere/hadolint"
    assert lint(DOCKERFILE) is None
