"""scripts/test.py: what it counts, what it leaves out, and that it ends what it started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts import test as runner

REPORT = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest" tests="10" failures="2" errors="1" skipped="3"/></testsuites>
"""


def phase(*argv: str, minutes: float = 1, needs: tuple[str, ...] = ()) -> runner.Phase:
    return runner.Phase("trial", "A trial", argv, needs, minutes)  # type: ignore[arg-type]


def machine(**missing: str) -> runner.Machine:
    return runner.Machine(dict(os.environ), missing=missing)


def test_it_adds_up_what_pytest_reports(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    result = runner.Result(phase())
    runner.count(result, report, 1)
    assert (result.passed, result.failed, result.skipped) == (4, 3, 3)
    assert runner.summary([result, result]).splitlines()[-1] == "8 passed, 6 failed, 6 skipped"


def test_it_counts_a_crash_as_a_failure(tmp_path: Path) -> None:
    result = runner.run_phase(phase(sys.executable, "-c", "exit(3)"), machine(), tmp_path)
    assert result.failed == 1


def test_it_forgives_a_phase_without_tests(tmp_path: Path) -> None:
    code = f"exit({runner.NO_TESTS})"
    result = runner.run_phase(phase(sys.executable, "-c", code), machine(), tmp_path)
    assert (result.passed, result.failed) == (0, 0)


def test_it_leaves_out_what_cannot_run_and_says_why(tmp_path: Path) -> None:
    wanted = phase(sys.executable, "-c", "exit(1)", needs=("lab",))
    result = runner.run_phase(wanted, machine(lab="it needs root"), tmp_path)
    assert (result.failed, result.skipped) == (0, 1)
    assert "trial       left out: it needs root" in runner.summary([result])


def test_it_ends_a_phase_that_hangs_with_all_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GRACE_SECONDS", 0.5)
    note = tmp_path / "child"
    child = "import os, pathlib, signal, subprocess, sys\n"
    child += "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    child += "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    child += f"pathlib.Path({str(note)!r}).write_text(str(p.pid))\n"
    hanging = phase(sys.executable, "-c", child + "p.wait()", minutes=0.02)
    result = runner.run_phase(hanging, machine(), tmp_path)
    assert result.failed == 1
    deadline = time.monotonic() + 10
    while is_running(int(note.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(int(note.read_text()))


def is_running(pid: int) -> bool:
    try:
        state = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_it_runs_a_phase_beside_another_and_prints_it_afterwards(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each waits for the other's sign: one after the other they would never end."""
    wait = "import pathlib, sys, time\nmine, other = map(pathlib.Path, sys.argv[1:])\n"
    wait += "mine.touch()\nwhile not other.exists(): time.sleep(0.01)\nprint('done', mine.name)"
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    first = runner.Phase("first", "First", (sys.executable, "-c", wait, one, two))
    second = runner.Phase("second", "2nd", (sys.executable, "-c", wait, two, one), beside="first")
    results = runner.run_phases([first, second], machine(), tmp_path)
    assert [(r.phase.name, r.failed) for r in results] == [("first", 0), ("second", 0)]
    told = capfd.readouterr().out
    assert told.index("done one") < told.index("== second") < told.index("done two")


def test_it_runs_such_a_phase_alone_when_the_other_is_not_chosen(tmp_path: Path) -> None:
    alone = runner.Phase("second", "2nd", (sys.executable, "-c", "exit(3)"), beside="first")
    (result,) = runner.run_phases([alone], machine(), tmp_path)
    assert result.failed == 1


def test_it_runs_the_phases_that_are_named_in_their_order() -> None:
    assert [p.name for p in runner.chosen_phases(["lab", "unit"])] == ["unit", "lab"]
    assert runner.chosen_phases([]) == list(runner.PHASES)
    with pytest.raises(SystemExit, match="No such phase: labb"):
        runner.chosen_phases(["labb"])


def test_it_hides_the_settings_of_the_person_who_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUAYSIDE_DATABASE_URL", "postgres://mine")
    assert "QUAYSIDE_DATABASE_URL" not in runner.phase_environment(phase(), machine())


def test_it_runs_on_another_database_only_what_uses_one() -> None:
    files = ["tests/watch/test_watcher.py", "tests/watch/test_story.py", "tests/test_access.py"]
    argv = [sys.executable, "-m", "pytest", "-q", "--collect-only", "--only-database", *files]
    done = subprocess.run(argv, cwd=runner.ROOT, capture_output=True, text=True, check=True)
    found = {line.split("::")[0] for line in done.stdout.splitlines() if "::" in line}
    assert found == {"tests/watch/test_watcher.py", "tests/test_access.py"}
