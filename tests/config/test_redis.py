"""The private redis-server really starts and is private."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
import redis

from config.redis import find_server, private_redis
from tests.waiting import eventually

SERVER = find_server()
pytestmark = pytest.mark.skipif(SERVER is None, reason="no redis-server on this machine")


def pings(url: str) -> bool:
    try:
        return bool(redis.Redis.from_url(url).ping())
    except redis.RedisError:
        return False


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
