"""`make run` for real: processes, address, set-up link, Ctrl-C, and carrying on."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest

from config.redis import find_server
from tests.stack import ROOT, Stack
from tests.waiting import eventually

PROCESSES = ("config.web", "-Q control", "-Q transfer", "manage.py watch", "manage.py beat")
pytestmark = pytest.mark.skipif(find_server() is None, reason="no redis-server on this machine")


def test_it_runs_carries_on_and_ends_cleanly(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    with stack:
        assert stack.get("/healthz") == 200
        assert stack.setup_link().startswith(stack.url)
        for words in PROCESSES:
            assert stack.pid(words), words
        everything = stack.children()
        stack.make_administrator()
        assert stack.stop() == 0
    eventually(lambda: not still_there(everything), "all end")

    with stack:
        assert stack.output().count("/setup/") == 1
        with sqlite3.connect(tmp_path / "data" / "quayside.sqlite3") as database:
            assert database.execute("SELECT username FROM fleet_user").fetchall() == [("root",)]
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        for name in ("secret.key", "encryption.key"):
            assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One that runs, for tests that leave it well: to start takes seconds."""
    with Stack(tmp_path_factory.mktemp("running")) as stack:
        yield stack


def test_it_starts_a_killed_process_again(running: Stack) -> None:
    for words in ("config.web", "manage.py watch"):
        running.kill(words)
    eventually(lambda: answers(running), "the web process answers again")


def test_it_says_that_the_port_is_taken(running: Stack, tmp_path: Path) -> None:
    environment = {**running.environment, "QUAYSIDE_DATA_DIR": str(tmp_path)}
    message = refused(environment)
    assert f"Cannot listen on 127.0.0.1:{running.port}" in message
    assert "running already" in refused(running.environment)


def test_nothing_stays_behind_what_is_killed(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    with stack:
        everything, worker = stack.children(), stack.pid("-Q transfer")
        assert all(stack.pid(words) for words in ("redis", *PROCESSES))
        assert stack.process is not None
        os.kill(worker, signal.SIGSTOP)  # so that the end takes a while
        stack.process.kill()
        stack.process.wait()
        assert "running already" in refused(stack.environment)
        os.kill(worker, signal.SIGCONT)
        eventually(lambda: not still_there(everything), "all end")

    with stack:
        assert stack.get("/healthz") == 200
        everything = stack.children()
        os.kill(stack.pid("config/supervisor.py"), signal.SIGKILL)
        eventually(lambda: not still_there(everything), "all end")


def still_there(pids: Iterable[int]) -> list[int]:
    """Return which of the processes have not ended."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def answers(stack: Stack) -> bool:
    """Return whether the web process is well."""
    try:
        return stack.get("/healthz") == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("QUAYSIDE_REDIS_URL", "redis://:hush@127.0.0.1:1/0", "Redis does not answer"),
        ("QUAYSIDE_REDIS_URL", "memory://", "for tests"),
        ("QUAYSIDE_DATABASE_URL", "postgres://me:hush@127.0.0.1:1/x", "database cannot be used"),
        ("QUAYSIDE_DATA_DIR", "/proc/quayside", "QUAYSIDE_DATA_DIR"),
        ("QUAYSIDE_TIME_ZONE", "Mars/Base", "QUAYSIDE_TIME_ZONE"),
    ],
)
def test_it_names_the_setting_that_keeps_it_from_running(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    message = refused({**Stack(tmp_path).environment, name: value})
    assert said in message
    assert name in message
    assert "hush" not in message


def test_it_names_the_file_that_is_no_database(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    path = tmp_path / "data" / "quayside.sqlite3"
    path.parent.mkdir()
    path.write_text("no database " * 500)
    message = refused(stack.environment)
    assert str(path) in message
    assert "backup" in message
    assert "QUAYSIDE_DATABASE_URL" not in message


@pytest.mark.parametrize("ignored", [False, True])
def test_ctrl_c_before_it_runs_ends_it_in_words(tmp_path: Path, ignored: bool) -> None:
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL
    process = subprocess.Popen(
        [sys.executable, "-m", "config.run"],
        cwd=ROOT, env=Stack(tmp_path).environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, handler),
    )  # fmt: skip
    assert process.stdout is not None
    assert "Preparing" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _said, wrong = process.communicate(timeout=40)
    assert process.returncode == 130
    assert "Traceback" not in wrong
    assert "Stopped before it ran" in wrong


def refused(environment: dict[str, str]) -> str:
    """Start another one, which must end at once; return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "config.run"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr
