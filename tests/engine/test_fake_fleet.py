"""The fake engine as a program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fleet.engine.client import open_engine
from fleet.engine.endpoint import Endpoint
from tests.waiting import eventually


def test_it_runs_a_fleet(tmp_path: Path) -> None:
    arguments = ["--hosts", "3", "--containers", "7", "--churn", "50", "--dir", str(tmp_path)]
    program = subprocess.Popen(
        [sys.executable, "-m", "fleet.engine.fake_fleet", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("3 engines with 7 containers each")
        for number in (1, 2, 3):
            with open_engine(Endpoint(f"unix://{tmp_path}/h{number}.sock")) as engine:
                facts = engine.facts()
                assert (facts.name, facts.containers) == (f"h{number}", 7)
        with open_engine(Endpoint(f"unix://{tmp_path}/h1.sock")) as engine:
            before = engine.container("h1-app1-web-5").started_at
            eventually(
                lambda: engine.container("h1-app1-web-5").started_at != before, "it restarts"
            )
    finally:
        program.terminate()
    assert program.wait(10) == 0
