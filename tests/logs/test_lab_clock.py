"""A real engine whose clock was set back, told by a line of its future in the log's file."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.logs.hub import LogHub
from fleet.logs.places import Place
from fleet.logs.target import LogTarget
from tests.lab.lab import Lab
from tests.logs.blocks import lines_of, texts
from tests.logs.conftest import read_until
from tests.logs.test_lab import Run, has, run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(60)]
__all__ = ["run"]
SCRIPT = "echo one; while [ ! -e /go ]; do usleep 50000; done; echo two; exec sleep 60"


async def test_no_line_is_lost_behind_one_of_the_future(lab: Lab, run: Run) -> None:
    docker = lab.hosts[0].docker
    ident = await asyncio.to_thread(run, script=SCRIPT)
    target = LogTarget(1, ident, Endpoint(lab.hosts[0].socket_url))
    hub = LogHub()
    with hub.reading(target) as reader:
        await read_until(reader, has("one"))
    future = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}.000000001Z"
    path = Path(await asyncio.to_thread(docker, "inspect", "-f", "{{.LogPath}}", ident))
    with path.open("a") as file:
        file.write(json.dumps({"log": "late\n", "stream": "stdout", "time": future}) + "\n")
    await asyncio.to_thread(docker, "exec", ident, "touch", "/go")
    with LogHub().reading(target) as reader:
        found = await read_until(reader, has("two"))
        assert texts(found) == ["one", "late", "*set_back", "two"]
    place = Place(future)
    hub = LogHub()
    with hub.reading(target, place) as reader:
        found = await read_until(reader, has("two"))
        assert texts(found) == ["*set_back", "two"], "what was read before is not shown again"
        with hub.reading(target, place) as other:
            assert [line.text for line in lines_of(await read_until(other, has("two")))] == ["two"]
        await asyncio.to_thread(docker, "restart", "-t", "0", ident)
        found = await read_until(reader, has("one", "two"))
        assert [line.text for line in lines_of(found)] == ["one", "two"]
