"""`make test`: every test of the project, phase by phase, on whatever this machine can do.

As root on Debian it installs what is missing, starts a lab of real Docker hosts and a private
PostgreSQL, and ends them however the run ends. Elsewhere it runs what needs none of that and says
what it left out. Standard library only: it runs before `.venv` exists.

Phases can be named: `make test PHASES="unit lab"`.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from scripts import services

ROOT = services.ROOT
PYTHON = str(ROOT / ".venv" / "bin" / "python")
NO_DATABASE = tuple(f"--ignore=tests/{part}" for part in ("engine", "lab", "run", "scripts"))
NO_TESTS = 5  # pytest's exit code when a phase has no tests
GRACE_SECONDS = 20  # for pytest to tear down and report after a time-out
NOT_INHERITED = {"QUAYSIDE_REDIS_URL", "QUAYSIDE_DATABASE_URL", "PORT", "BIND"}
# Who has nothing left takes over from the other: some tests take as long as a hundred.
ON_TWO = ("-n", "2", "--dist", "worksteal")
UNIT = "not lab and not browser and not compose"


@dataclass(frozen=True)
class Phase:
    """One part of the run. `needs` names what must be there: lab, postgresql, chromium."""

    name: str
    title: str
    argv: tuple[str, ...]
    needs: tuple[str, ...] = ()
    minutes: int = 20  # a guard against hanging, for machines half as quick as ours too
    beside: str = ""  # the phase that it runs at the same time as: both wait more than they work


def pytest(*arguments: str) -> tuple[str, ...]:
    return (PYTHON, "-m", "pytest", "-q", *arguments)


PHASES = (
    Phase("check", "Lint, types, import arrows, migrations", (PYTHON, "-m", "scripts.check")),
    Phase("unit", "Unit tests on SQLite", pytest(*ON_TWO, "-m", UNIT)),
    Phase(
        "postgresql",
        "The same on PostgreSQL",
        pytest(*ON_TWO, "-m", UNIT, "--only-database", *NO_DATABASE),
        ("postgresql",),
    ),
    Phase(
        "lab",
        "Real engines, watchers and faults",
        pytest("-m", "lab and not browser and not compose"),
        ("lab",),
    ),
    Phase(
        "browser",
        "The pages in Chromium",
        pytest("-m", "browser and not compose"),
        ("chromium",),
    ),
    Phase(
        "compose",
        "The production images and docker-compose.yml",
        pytest("-m", "compose"),
        ("lab",),
        beside="unit",
    ),
)


@dataclass
class Result:
    """What one phase came to."""

    phase: Phase
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    left_out: str = ""


@dataclass
class Machine:
    """What there is to test with: settings for every test, and the reason for each missing part."""

    env: dict[str, str]
    postgresql_url: str = ""
    missing: dict[str, str] = field(default_factory=dict)


# -- What a phase needs ---------------------------------------------------------------------------


def why_no_packages() -> str:
    """Why Debian packages cannot be installed here; empty when they can."""
    if os.geteuid() != 0:
        return "it needs root"
    if not shutil.which("apt-get"):
        return "it needs Debian's apt-get"
    return ""


def install() -> str:
    """Install the Debian packages if we may, and the Python ones; why there can be no lab."""
    reason = why_no_packages()
    if (
        not reason
        and subprocess.run([ROOT / "scripts/install-test-packages"], check=False).returncode
    ):
        reason = "its Debian packages could not be installed"
    argv = [sys.executable, str(ROOT / "scripts/bootstrap.py"), "--dev"]
    if subprocess.run(argv, check=False).returncode:
        raise services.ServiceError("The Python packages could not be installed.")
    return reason


def base_environment(folder: Path) -> dict[str, str]:
    key = base64.urlsafe_b64encode(os.urandom(32)).decode()
    return {
        **os.environ,
        "QUAYSIDE_DATA_DIR": str(folder / "data"),
        "QUAYSIDE_SECRET_KEY": key,
        "QUAYSIDE_ENCRYPTION_KEYS": key,
    }


def lab_settings() -> dict[str, str]:
    """Names that differ from those of `make lab`, so that both can run at once."""
    defaults = {
        "LAB": f"{tempfile.gettempdir()}/quayside-test-lab",
        "LAB_PREFIX": "qtest",
        "LAB_NET": "10.213.1",
    }
    return {key: os.environ.get(key, value) for key, value in defaults.items()}


@contextlib.contextmanager
def machine(folder: Path, wanted: set[str], no_lab: str) -> Iterator[Machine]:
    """Start what the wanted phases need, as far as this machine can."""
    made = Machine(base_environment(folder))
    (folder / "data").mkdir()
    with contextlib.ExitStack() as stack:

        def try_to(part: str, start: Callable[[], None]) -> None:
            try:
                start()
            except services.ServiceError as error:
                made.missing[part] = str(error)

        def start_postgresql() -> None:
            made.postgresql_url = stack.enter_context(services.postgresql(folder / "postgresql"))

        def start_lab() -> None:
            if no_lab:
                raise services.ServiceError(no_lab)
            if "QUAYSIDE_LAB" not in os.environ:
                made.env.update(stack.enter_context(services.lab(lab_settings())))

        if "postgresql" in wanted:
            try_to("postgresql", start_postgresql)
        if "lab" in wanted or "chromium" in wanted:
            try_to("lab", start_lab)
        if not shutil.which("chromium"):
            made.missing["chromium"] = "it needs Chromium"
        yield made


# -- Running --------------------------------------------------------------------------------------


def run_phase(phase: Phase, have: Machine, folder: Path) -> Result:
    """Run one phase; a phase whose needs are missing is left out, with the reason."""
    with Run(phase, have, folder) as running:
        return running.finish()


class Run:
    """A phase that runs; `quietly` keeps what it prints until it has finished."""

    def __init__(self, phase: Phase, have: Machine, folder: Path, *, quietly: bool = False) -> None:
        self.phase = phase
        self.report = folder / f"{phase.name}.xml"
        self.output = folder / f"{phase.name}.txt" if quietly else None
        reasons = [have.missing[need] for need in phase.needs if need in have.missing]
        self.left_out = "; ".join(reasons)
        self.began = time.time()
        self.process: subprocess.Popen[bytes] | None = None
        if not quietly:
            self._head()
        if not self.left_out:
            self.process = start(phase, have, self.report, self.output)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            end_group(self.process)

    def _head(self) -> None:
        print(f"\n== {self.phase.name}: {self.phase.title}", flush=True)

    def finish(self) -> Result:
        """Wait for its end, or end it when its time is over; return what came of it."""
        result = Result(self.phase, left_out=self.left_out)
        if self.process is None:
            result.skipped = 1
        else:
            code = self._wait(self.process)
            result.seconds = self._ended() - self.began
            count(result, self.report, code)
        if self.output is not None:
            self._head()
            if self.output.exists():
                print(self.output.read_text("utf-8", "replace"), flush=True)
        told = f"took {result.seconds:.0f} s" if self.process else f"skipped: {self.left_out}"
        print(f"== {self.phase.name} {told}", flush=True)
        return result

    def _ended(self) -> float:
        """When it ended, which for a phase beside another was before anybody waited for it."""
        return self.report.stat().st_mtime if self.report.exists() else time.time()

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        left = self.began + self.phase.minutes * 60 - time.time()
        try:
            return process.wait(max(left, 0))
        except subprocess.TimeoutExpired:
            minutes = self.phase.minutes
            print(f"{self.phase.name} took more than {minutes} minutes and was ended", flush=True)
            return 1
        finally:
            end_group(process)


def phase_environment(phase: Phase, have: Machine) -> dict[str, str]:
    """The tests' own settings count, not those of the person who runs them."""
    env = {key: value for key, value in have.env.items() if key not in NOT_INHERITED}
    if phase.name == "postgresql":
        env["QUAYSIDE_DATABASE_URL"] = have.postgresql_url
    return env


def start(
    phase: Phase, have: Machine, report: Path, output: Path | None
) -> subprocess.Popen[bytes]:
    """Start the phase's command in a process group, so that a time-out ends all of it."""
    argv = list(phase.argv)
    if "pytest" in argv:
        argv += [f"--junitxml={report}", "-p", "no:cacheprovider"]
    with contextlib.ExitStack() as stack:
        to = stack.enter_context(output.open("wb")) if output else None
        return subprocess.Popen(
            argv,
            cwd=ROOT,
            env=phase_environment(phase, have),
            start_new_session=True,
            stdout=to,
            stderr=subprocess.STDOUT if to else None,
        )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started; pytest gets the time to tear down and report."""
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def count(result: Result, report: Path, code: int) -> None:
    """Add up pytest's own report; a phase that failed without one counts as one failure."""
    if report.exists():
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314 - our own file
            total, *bad = (int(suite.get(k, 0)) for k in ("tests", "failures", "errors", "skipped"))
            failures, errors, skipped = bad
            result.failed += failures + errors
            result.skipped += skipped
            result.passed += total - failures - errors - skipped
    if code not in (0, NO_TESTS) and not result.failed:
        result.failed = 1


def summary(results: list[Result]) -> str:
    lines = ["\n== Summary"]
    for r in results:
        counts = f"{r.passed:4} passed {r.failed:3} failed {r.skipped:3} skipped {r.seconds:5.0f} s"
        lines.append(
            f"  {r.phase.name:<11}" + (f" left out: {r.left_out}" if r.left_out else counts)
        )
    passed, failed, skipped = (
        sum(getattr(r, key) for r in results) for key in ("passed", "failed", "skipped")
    )
    return "\n".join([*lines, f"{passed} passed, {failed} failed, {skipped} skipped"])


def chosen_phases(names: list[str]) -> list[Phase]:
    known = {phase.name: phase for phase in PHASES}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"No such phase: {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [phase for phase in PHASES if not names or phase.name in names]


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two runs on one machine would fight for the lab's names."""
    with Path(lab_settings()["LAB"] + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(
                "Another make test runs on this machine. Wait for it, or give this one names of its"
                " own: LAB=/tmp/lab2 LAB_PREFIX=lab2 LAB_NET=10.213.2 make test"
            )
        yield


def run(phases: list[Phase]) -> int:
    wanted = {need for phase in phases for need in phase.needs}
    with only_one(), tempfile.TemporaryDirectory(prefix="quayside-run-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        no_lab = install()
        with machine(folder, wanted, no_lab) as have:
            results = run_phases(phases, have, folder)
    print(summary(results), flush=True)
    return 1 if any(r.failed for r in results) else 0


def run_phases(phases: list[Phase], have: Machine, folder: Path) -> list[Result]:
    """Run the phases one after the other, those `beside` a chosen one together with it."""
    names = {phase.name for phase in phases}
    results = []
    for phase in phases:
        if phase.beside in names:
            continue
        with contextlib.ExitStack() as stack:
            others = [
                stack.enter_context(Run(other, have, folder, quietly=True))
                for other in phases
                if other.beside == phase.name
            ]
            results.append(run_phase(phase, have, folder))
            results += [other.finish() for other in others]
    return results


def main() -> int:
    # A polite kill ends everything as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run(chosen_phases(sys.argv[1:]))
    except services.ServiceError as error:
        print(f"\n{error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
