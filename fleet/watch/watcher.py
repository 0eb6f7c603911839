"""The watcher: reads the table of hosts, holds leases, keeps one follower per leased host."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import Error as DatabaseError
from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from fleet.cancel import cancel
from fleet.models import Host, HostState
from fleet.publish import GROUP, HostsChanged
from fleet.stats.keeping import Packed, save_usage
from fleet.watch.database import Database
from fleet.watch.follow import Follower
from fleet.watch.hints import tell_host
from fleet.watch.hosts import read_hosts, same_way, save_last_seen, save_let_go
from fleet.watch.lag import keep_lags
from fleet.watch.leases import Leases
from fleet.watch.sampling import Ledger, keep_books
from fleet.watch.session import Timing

log = structlog.get_logger(__name__)

TABLE_SECONDS = 5.0
SEEN_SECONDS = 5.0
USAGE_SECONDS = 5.0
LAG_SECONDS = 5.0
NUDGE_PAUSE = 0.2  # hints come in crowds; one reading answers all of them
RETRY_SECONDS = 1.0
REDIS_PATIENCE = 2.0
STOP_PATIENCE = 3.0


class Watcher:
    """One process that watches its fair share of all hosts."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.id = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
        self.timing = timing or Timing(
            relist=settings.RELIST_SECONDS, sample=settings.SAMPLE_SECONDS
        )
        self.ledger = Ledger()
        self.database = Database()
        redis = Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=REDIS_PATIENCE,
            socket_connect_timeout=REDIS_PATIENCE,
            retry=Retry(NoBackoff(), 0),  # the next round is the retry
        )
        self.leases = Leases(redis, self.id, settings.LEASE_SECONDS)
        self.followers: dict[int, tuple[Follower, asyncio.Task[None]]] = {}
        self._hosts: dict[int, Host] = {}
        self._read_at = 0.0
        self._started = time.time()
        self._table_nudge, self._lease_nudge = asyncio.Event(), asyncio.Event()
        self._background: set[asyncio.Task[object]] = set()
        self._redis_away = False

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set; then let go of everything, so that others take over."""
        loops = (
            self._read_table, self._keep_leases, self._hear_hints, self._write_seen,
            self._write_usage, self._keep_lags,
        )  # fmt: skip
        tasks = [asyncio.create_task(_forever(loop)) for loop in loops]
        log.info("watcher_started", watcher=self.id)
        try:
            await stop.wait()
        finally:
            await cancel(*tasks)
            await self._leave()
            log.info("watcher_stopped", watcher=self.id)

    async def _leave(self) -> None:
        self._let_go(list(self.followers))
        if self._background:
            await asyncio.wait(self._background, timeout=STOP_PATIENCE)
        with contextlib.suppress(RedisError, OSError):
            await self.leases.leave()
        with contextlib.suppress(RedisError, OSError):
            await self.leases.redis.aclose()
        await self.database.close()

    # -- the table of hosts ---------------------------------------------------------------------

    async def _read_table(self) -> None:
        """Read all hosts: every few seconds, and soon after somebody changed one."""
        while True:
            began = time.monotonic()
            self._hosts = await self.database.run(read_hosts)
            self._read_at = began
            self._lease_nudge.set()
            await asyncio.sleep(NUDGE_PAUSE)
            await _wait(self._table_nudge, TABLE_SECONDS - NUDGE_PAUSE)

    async def _hear_hints(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        while True:
            message = await layer.receive(channel)
            if message.get("kind") == HostsChanged.kind:
                self._table_nudge.set()

    # -- leases ---------------------------------------------------------------------------------

    async def _keep_leases(self) -> None:
        """Renew, claim and give back; then follow exactly what is ours."""
        while True:
            extra = await self._renew()
            self._reconcile(self.leases.held - extra)
            await self._release(extra)
            await _wait(self._lease_nudge, settings.LEASE_SECONDS / 3)

    async def _renew(self) -> set[int]:
        wanted = {host.id: host.lease_number for host in self._hosts.values() if host.enabled}
        beat: dict[str, str | int | float] = {
            "pid": os.getpid(),
            "hostname": socket.gethostname(),
            "version": settings.VERSION,
            "hosts": len(self.followers),
            "started": self._started,
            "beat": time.time(),
        }
        before = self.leases.held
        try:
            extra = await self.leases.renew(wanted, beat)
        except (RedisError, OSError) as error:
            if not self._redis_away:
                log.warning("redis_away", error=str(error))
            self._redis_away = True
            return set()
        self._redis_away = False
        await self._release(before - wanted.keys())
        return extra

    async def _release(self, host_ids: Iterable[int]) -> None:
        # What cannot be given back runs out by itself.
        with contextlib.suppress(RedisError, OSError):
            await self.leases.release(list(host_ids))

    # -- followers ------------------------------------------------------------------------------

    def _reconcile(self, ours: frozenset[int]) -> None:
        """Start and stop followers until they are the ones of `ours`."""
        hosts = {host.id: host for host in self._hosts.values() if host.enabled and host.id in ours}
        leaving = [
            host_id
            for host_id, (follower, task) in self.followers.items()
            if host_id not in hosts or task.done() or self._is_other(follower, hosts[host_id])
        ]
        self._let_go(leaving)
        for host_id in hosts.keys() - self.followers.keys():
            self._follow(hosts[host_id])

    def _is_other(self, follower: Follower, host: Host) -> bool:
        """Tell whether a host must be met anew.

        It is reached otherwise, was switched on, or its lease is another than it was.
        """
        if follower.lease != self.leases.number(host.id):
            return True
        forgotten = host.state == HostState.UNKNOWN and 0 < follower.met_at < self._read_at
        return forgotten or not same_way(follower.host, host)

    def _follow(self, host: Host) -> None:
        lease = self.leases.number(host.id)
        may_write = partial(self.leases.holds, host.id)
        follower = Follower(host, lease, self.database, may_write, self.timing, ledger=self.ledger)
        self.followers[host.id] = follower, asyncio.create_task(follower.run())

    def _let_go(self, host_ids: Iterable[int]) -> None:
        for host_id in host_ids:
            _, task = self.followers.pop(host_id)
            self._keep(cancel(task))  # once: a second one would disturb it while it cleans up
            host = self._hosts.get(host_id)
            if host and host.state == HostState.DISABLED:
                self._keep(self._tell_disabled(host_id))

    async def _tell_disabled(self, host_id: int) -> None:
        saved = await self.database.run(save_let_go, host_id)
        await tell_host(host_id, saved)

    async def _write_seen(self) -> None:
        """Write when the reachable hosts were last seen, all in one statement."""
        while True:
            await asyncio.sleep(SEEN_SECONDS)
            recent = time.monotonic() - SEEN_SECONDS - self.timing.pulse
            followers = [one for one, _ in self.followers.values()]
            seen = {one.host.id: one.lease for one in followers if one.alive_at > recent}
            if seen:
                await self.database.run(save_last_seen, seen)

    async def _write_usage(self) -> None:
        """Write what was read of containers, of all hosts together."""

        async def write(rows: list[Packed]) -> None:
            await self.database.run(save_usage, rows)

        await keep_books(self.ledger, write, USAGE_SECONDS)

    async def _keep_lags(self) -> None:
        """Tell how far the rows of our hosts are behind."""
        while True:
            await asyncio.sleep(LAG_SECONDS)
            lags = {host: one.lag for host, (one, _) in self.followers.items() if one.alive_at}
            if lags:
                await keep_lags(self.leases.redis, lags)

    def _keep(self, work: Awaitable[object]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _wait(nudge: asyncio.Event, seconds: float) -> None:
    """Wait for a nudge, but no longer than `seconds`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await nudge.wait()
    nudge.clear()


async def _forever(loop: Callable[[], Awaitable[None]]) -> None:
    """Run a loop again whenever it fails: the watcher outlives its database and its Redis."""
    while True:
        try:
            await loop()
        except (DatabaseError, RedisError, OSError) as error:
            log.warning("watcher_waits", what=loop.__name__.strip("_"), error=str(error))
        except Exception:
            log.exception("watcher_failed", what=loop.__name__.strip("_"))
        await asyncio.sleep(RETRY_SECONDS)
