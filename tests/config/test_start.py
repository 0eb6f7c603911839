"""What every process does first."""

from __future__ import annotations

import subprocess
import sys

import pytest

RAISED = """
import resource
from config import start

start.FILES = 300
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
start.raise_files_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "found"),
    [(100, 400, "300 400"), (100, 200, "200 200"), (350, 400, "350 400"), (100, 100, "100 100")],
)
def test_a_process_takes_as_many_files_as_it_may(soft: int, hard: int, found: str) -> None:
    code = RAISED.format(soft=soft, hard=hard)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == found
