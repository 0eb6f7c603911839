"""The bell: rung when somebody cancels a job, so that workers look at once.

A worker also looks by itself with every beat of its pulse, so a lost ring costs two seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import redis
import structlog

from fleet.jobs.redis import TIMEOUT, redis_client

CHANNEL = "quayside:jobs:bell"
log = structlog.get_logger(__name__)


def ring() -> None:
    """Tell every worker that a running job was asked to stop; never raises."""
    client = redis_client()
    if client is None:
        return
    try:
        client.publish(CHANNEL, "cancel")
    except redis.RedisError as error:
        log.warning("bell_lost", error=str(error))


def listen(heard: Callable[[], None], stop: threading.Event) -> None:
    """Call `heard` for every ring until `stop` is set; waits for Redis while it is away."""
    while not stop.is_set():
        client = redis_client()
        if client is None:
            return
        try:
            with client.pubsub(ignore_subscribe_messages=True) as bell:  # type: ignore[no-untyped-call]
                bell.subscribe(CHANNEL)
                while not stop.is_set():
                    if bell.get_message(timeout=TIMEOUT / 2):
                        heard()
        except redis.RedisError as error:
            log.warning("bell_deaf", error=str(error))
            stop.wait(TIMEOUT)
