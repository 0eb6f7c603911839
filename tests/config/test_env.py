"""The readers of the environment: wrong values are kept and named, never raised."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config import env

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def problems(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(env, "problems", found)
    return found


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("off", False)])
def test_it_reads_switches(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("QUAYSIDE_X", text)
    assert env.env_bool("QUAYSIDE_X", not value) is value


def test_it_names_a_switch_that_is_none(
    monkeypatch: pytest.MonkeyPatch, problems: list[str]
) -> None:
    monkeypatch.setenv("QUAYSIDE_X", "perhaps")
    assert env.env_bool("QUAYSIDE_X", True) is False
    assert "QUAYSIDE_X" in problems[0]


@pytest.mark.parametrize("text", ["0", "70000", "many", "1.5", "9" * 400])
def test_it_names_a_number_out_of_range(
    monkeypatch: pytest.MonkeyPatch, problems: list[str], text: str
) -> None:
    monkeypatch.setenv("PORT", text)
    assert env.env_int("PORT", 8000, low=1, high=65535) == 8000
    assert problems == ["PORT must be a whole number from 1 to 65535."]


def test_it_reads_a_secret_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hidden\n")
    monkeypatch.setenv("QUAYSIDE_X_FILE", str(tmp_path / "key"))
    assert env.env_secret("QUAYSIDE_X") == "hidden"


def test_it_names_a_secret_file_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, problems: list[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("QUAYSIDE_X_FILE", str(tmp_path / "nothing"))
    assert env.env_secret("QUAYSIDE_X") == ""
    assert "QUAYSIDE_X_FILE" in problems[0]


def test_it_keeps_a_made_secret_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret.key"
    first = env.kept_secret(path)
    assert env.kept_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first) > 40


def test_it_stops_the_start_with_every_wrong_setting(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "config.web"],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "PORT": "eighty",
            "QUAYSIDE_HTTPS": "perhaps",
            "QUAYSIDE_REDIS_URL": "http://localhost",
            "QUAYSIDE_ENCRYPTION_KEYS": "short",
            "QUAYSIDE_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    for name in ("PORT", "QUAYSIDE_HTTPS", "QUAYSIDE_REDIS_URL", "QUAYSIDE_ENCRYPTION_KEYS"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr
