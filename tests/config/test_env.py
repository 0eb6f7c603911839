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


def test_it_names_a_secret_file_that_is_no_text(
    monkeypatch: pytest.MonkeyPatch, problems: list[str], tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("QUAYSIDE_X_FILE", str(tmp_path / "key"))
    assert env.env_secret("QUAYSIDE_X") == ""
    assert problems == [f"QUAYSIDE_X_FILE names a file that is no text: {tmp_path / 'key'}."]


def test_it_makes_no_new_secret_when_the_named_file_is_empty(
    monkeypatch: pytest.MonkeyPatch, problems: list[str], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(" \n")
    monkeypatch.setenv("QUAYSIDE_X_FILE", str(tmp_path / "key"))
    assert env.env_kept_secret("QUAYSIDE_X", tmp_path / "kept.key") == ""
    assert not (tmp_path / "kept.key").exists()
    assert problems == [f"QUAYSIDE_X_FILE names an empty file: {tmp_path / 'key'}."]


def test_it_names_the_folder_that_cannot_keep_a_secret(problems: list[str]) -> None:
    assert env.env_kept_secret("QUAYSIDE_X", Path("/proc/x/secret.key")) == ""
    assert "QUAYSIDE_DATA_DIR" in problems[0]
    assert "/proc/x/secret.key" in problems[0]


def test_it_keeps_a_made_secret_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret.key"
    first = env.kept_secret(path)
    assert env.kept_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first) > 40


def start(tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start a web process, which must end at once."""
    return subprocess.run(
        [sys.executable, "-m", "config.web"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "QUAYSIDE_DATA_DIR": str(tmp_path), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_stops_the_start_with_every_wrong_setting(tmp_path: Path) -> None:
    wrong = {
        "PORT": "eighty",
        "QUAYSIDE_ALLOWED_HOSTS": "http://x",
        "QUAYSIDE_DATABASE_URL": "mysql://localhost/quayside",
        "QUAYSIDE_ENCRYPTION_KEYS": "short",
        "QUAYSIDE_HTTPS": "perhaps",
        "QUAYSIDE_LANGUAGE": "xx",
        "QUAYSIDE_LOCAL_SOCKET": "relative",
        "QUAYSIDE_REDIS_URL": "http://localhost",
        "QUAYSIDE_SECRET_KEY_FILE": "/bin/ls",
        "QUAYSIDE_TIME_ZONE": "Mars/Base",
    }
    done = start(tmp_path, **wrong, QUAYSIDE_TIME_ZOME="UTC")
    assert done.returncode == 2
    assert [name for name in wrong if name not in done.stderr] == []
    assert "QUAYSIDE_TIME_ZOME is no setting; the nearest is QUAYSIDE_TIME_ZONE." in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "secret.key").exists()


def test_it_stops_the_start_where_nothing_can_be_kept() -> None:
    done = start(Path("/proc/x"))
    assert done.returncode == 2
    assert "QUAYSIDE_DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_knows_the_names_that_others_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "known", {"QUAYSIDE_DEBUG"})
    for name in ("QUAYSIDE_DEBUG", "QUAYSIDE_DEMO_LAB", "QUAYSIDE_DEBUG_FILE"):
        monkeypatch.setenv(name, "1")
    told = [text for text in env.unknown_names() if text.startswith("QUAYSIDE_DE")]
    assert told == ["QUAYSIDE_DEBUG_FILE is no setting; the nearest is QUAYSIDE_DEBUG."]
