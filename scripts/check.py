"""`make check`: everything that can be said about the code without running its tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
MANAGE = (sys.executable, "manage.py")
STEPS: dict[str, tuple[str, ...]] = {
    "lint": (str(BIN / "ruff"), "check", "."),
    "format": (str(BIN / "ruff"), "format", "--check", "."),
    "types": (str(BIN / "mypy"), "--strict"),
    "system checks": (*MANAGE, "check"),
    "migrations": (*MANAGE, "makemigrations", "--check", "--dry-run"),
    "import arrows": (str(BIN / "pytest"), "-q", "-p", "no:cacheprovider", "tests/test_imports.py"),
}


def step(name: str, argv: tuple[str, ...], env: dict[str, str]) -> bool:
    """Run one check and print a line for it, and what it said if it found something."""
    began = time.monotonic()
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    word = "FAILED" if done.returncode else "ok"
    print(f"  {name:<14} {word:<7} {time.monotonic() - began:5.1f} s", flush=True)
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode == 0


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="quayside-check-") as data:
        env = {**os.environ, "QUAYSIDE_DATA_DIR": data}
        env.setdefault("QUAYSIDE_REDIS_URL", "memory://")
        results = [step(name, argv, env) for name, argv in STEPS.items()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
