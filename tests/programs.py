"""Programs that came as wheels beside the Python that runs the tests, or are on PATH."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def program(name: str) -> str:
    """Return where a program is; "" when this machine has none."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name) or ""
