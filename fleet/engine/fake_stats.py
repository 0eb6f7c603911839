"""What a fake engine's containers use: counters that rise as real ones do."""

from __future__ import annotations

import asyncio
import json
import time

from aiohttp import web

from fleet.engine.fake_state import ZERO_TIME, FakeContainer, Json, time_text

CPU = 0.25  # of one processor
MEMORY, IDLE, LIMIT = 48 * 2**20, 8 * 2**20, 256 * 2**20
RATE = 1000  # bytes a second, in and out and to the disk


def reading(it: FakeContainer, ns: int) -> Json:
    """``GET /containers/{id}/stats`` at a time."""
    if not it.is_up:
        return {"read": ZERO_TIME, "cpu_stats": {}, "memory_stats": {}, "pids_stats": {}}
    moved = ns * RATE // 10**9
    return {
        "read": time_text(ns),
        "cpu_stats": {"cpu_usage": {"total_usage": int(ns * CPU)}, "online_cpus": 2},
        "memory_stats": {
            "usage": MEMORY + IDLE,
            "limit": LIMIT,
            "stats": {"inactive_file": IDLE},
        },
        "networks": {"eth0": {"rx_bytes": moved, "tx_bytes": 2 * moved}},
        "blkio_stats": {
            "io_service_bytes_recursive": [
                {"op": "read", "value": moved},
                {"op": "write", "value": 0},
            ]
        },
        "pids_stats": {"current": 3},
    }


async def write_stats(request: web.Request, it: FakeContainer, every: float) -> web.StreamResponse:
    """Answer with a reading every so many seconds, until the container is removed.

    With `stream=false` there is one.
    """
    if request.query.get("stream") in ("0", "false"):
        return web.json_response(reading(it, time.time_ns()))
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    it.measured += 1
    try:
        while not it.removed:
            await response.write(json.dumps(reading(it, time.time_ns())).encode() + b"\n")
            await asyncio.sleep(every)
    finally:
        it.measured -= 1
    return response
