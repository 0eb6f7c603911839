"""scripts/make-secrets: random, valid, closed to others, and never overwritten."""

from __future__ import annotations

import subprocess
from pathlib import Path

import dj_database_url
from cryptography.fernet import Fernet

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make-secrets"


def make(folder: Path) -> dict[str, str]:
    subprocess.run([str(SCRIPT), str(folder)], check=True, capture_output=True)
    return {path.name: path.read_text().strip() for path in folder.iterdir()}


def test_it_makes_secrets_that_quayside_accepts(tmp_path: Path) -> None:
    made = make(tmp_path / "secrets")
    Fernet(made["encryption_keys"])
    assert len(made["secret_key"]) >= 50
    url = dj_database_url.parse(made["database_url"])
    assert url["PASSWORD"] == made["postgres_password"]
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0


def test_it_keeps_what_is_there_and_never_repeats_itself(tmp_path: Path) -> None:
    first = make(tmp_path / "one")
    assert make(tmp_path / "one") == first
    other = make(tmp_path / "two")
    assert not set(first.values()) & set(other.values())
