"""scripts/services.py: private servers that start, answer and leave nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
import pytest
import redis as redis_client

from scripts import services


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path that other users may enter: PostgreSQL does not run as root."""
    path = Path(tempfile.mkdtemp(prefix="qsvc-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.skipif(not services.find_redis(), reason="No redis-server on this machine.")
def test_it_starts_a_redis_and_ends_it(folder: Path) -> None:
    with services.redis(folder / "redis") as url:
        client = redis_client.Redis.from_url(url)
        assert client.ping()
        port: Any = client.config_get("port")
        assert port in ({"port": "0"}, {b"port": b"0"})
    with pytest.raises(redis_client.ConnectionError):
        client.ping()


@pytest.mark.skipif(not services.find_postgresql(), reason="No PostgreSQL on this machine.")
def test_it_starts_a_postgresql_that_django_can_name(folder: Path) -> None:
    with services.postgresql(folder / "postgresql") as url:
        settings = dj_database_url.parse(url)
        where = {"host": settings["HOST"], "dbname": settings["NAME"], "user": settings["USER"]}
        with psycopg.connect(**where) as connection:  # type: ignore[arg-type]
            row = connection.execute("SHOW listen_addresses").fetchone()
        assert row == ("",)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**where)  # type: ignore[arg-type]


def test_it_says_what_a_server_said_that_did_not_start(folder: Path) -> None:
    log = folder / "log"
    log.write_text("no space left")
    with pytest.raises(services.ServiceError, match=r"The server did not start.*no space left"):
        services.wait_until(lambda: False, "The server", log, seconds=0.1)
