"""Who watches which host: one lease per host in Redis, shared fairly by all live watchers.

1. Every watcher beats: its entry in the roster lives as long as a lease does.
2. With one call it renews all leases it holds (compare-and-set: only if they are still its own)
   and takes free ones, up to its fair share: hosts / watchers, rounded up.
3. Who holds more than that (a watcher joined) gives the rest back. Below it nothing ever moves.
4. A watcher that dies stops beating; its leases run out and its share falls to the others.
5. Each taking has a number, higher than every one before, for the fence before the rows
   (`fence.py`). It is the time in microseconds, or one more than the highest number known to Redis
   or the database: a Redis that lost everything, or whose clock was set back, locks nobody out.

Redis's own clock decides when a lease ends. Here it is taken to end earlier, counted from before
the call that renewed it: two watchers never believe at once that a host is theirs.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping

from redis.asyncio import Redis

ROSTER = "quayside:watchers"
NUMBER = "quayside:lease:number"
BEAT_AND_COUNT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""
RENEW_AND_CLAIM = """
local kept, free, taken = {}, {}, {}
for place, key in ipairs(KEYS) do
  local owner = redis.call('GET', key)
  if owner == ARGV[1] and ARGV[place + 5] == '1' then
    redis.call('PEXPIRE', key, ARGV[2])
    kept[#kept + 1] = place
  elseif not owner or owner == ARGV[1] then
    free[#free + 1] = place
  end
end
local clock = redis.call('TIME')
local number = math.max(
  clock[1] * 1000000 + clock[2], (redis.call('GET', ARGV[5]) or 0) + 1, ARGV[4] + 1)
for _, place in ipairs(free) do
  if #kept + #taken >= tonumber(ARGV[3]) then break end
  redis.call('SET', KEYS[place], ARGV[1], 'PX', ARGV[2])
  redis.call('SET', ARGV[5], string.format('%.0f', number))
  taken[#taken + 1] = place
end
return {number, kept, taken}
"""
RELEASE = """
local count = 0
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then count = count + redis.call('DEL', key) end
end
return count
"""


def lease_key(host_id: int) -> str:
    """Return the Redis key of a host's lease; its value is the watcher's id."""
    return f"quayside:lease:host:{host_id}"


def watcher_key(watcher_id: str) -> str:
    """Return the Redis key of a watcher's entry in the roster."""
    return f"quayside:watcher:{watcher_id}"


def fair_share(hosts: int, watchers: int) -> int:
    """Return how many hosts one watcher may hold."""
    return -(-hosts // max(watchers, 1))


class Leases:
    """The leases of one watcher. `seconds` is how long a lease lives without renewal."""

    def __init__(self, redis: Redis, watcher_id: str, seconds: float) -> None:
        self.redis, self.watcher_id, self.seconds = redis, watcher_id, seconds
        self._held: dict[int, int] = {}  # host -> number of the taking
        self._until = 0.0
        self._beat = redis.register_script(BEAT_AND_COUNT)
        self._renew = redis.register_script(RENEW_AND_CLAIM)
        self._release = redis.register_script(RELEASE)

    @property
    def held(self) -> frozenset[int]:
        """The hosts whose leases certainly are ours now."""
        return frozenset(self._held) if time.monotonic() < self._until else frozenset()

    def holds(self, host_id: int) -> bool:
        """Tell whether a host's lease certainly is ours now."""
        return host_id in self._held and time.monotonic() < self._until

    def number(self, host_id: int) -> int:
        """Return the number under which we took a host; 0 when it is not ours."""
        return self._held.get(host_id, 0)

    async def renew(
        self, wanted: Mapping[int, int], beat: Mapping[str, str | int | float]
    ) -> set[int]:
        """Beat, renew, claim. Return the hosts that are ours beyond our share, to be given back.

        `wanted` are all hosts that somebody should watch, with the numbers on their rows: who holds
        a lease under a lower one takes it anew. Raises redis.RedisError or OSError when Redis does
        not answer; what we hold stays ours until it runs out.
        """
        began = time.monotonic()
        share = fair_share(len(hosts := self._ordered(wanted)), await self._count(beat))
        self._held = await self._claim(hosts, wanted, share) if hosts else {}
        self._until = began + self.seconds
        return set(sorted(self._held)[share:])

    async def release(self, host_ids: Iterable[int]) -> None:
        """Give leases back, those that still are ours. Raises as `renew` does."""
        keys = [lease_key(host) for host in host_ids]
        for host in host_ids:
            self._held.pop(host, None)
        if keys:
            await self._release(keys, [self.watcher_id])

    async def leave(self) -> None:
        """Give everything back and leave the roster. Raises as `renew` does."""
        await self.release(list(self._held))
        await self.redis.zrem(ROSTER, self.watcher_id)
        await self.redis.delete(watcher_key(self.watcher_id))

    @property
    def _ttl(self) -> int:
        return int(self.seconds * 1000)

    async def _claim(
        self, hosts: list[int], wanted: Mapping[int, int], share: int
    ) -> dict[int, int]:
        keys = [lease_key(host) for host in hosts]
        may_keep = [int(self.number(host) >= max(wanted[host], 1)) for host in hosts]
        highest = max(wanted.values())
        argv: list[str | int] = [self.watcher_id, self._ttl, share, highest, NUMBER, *may_keep]
        number, kept, taken = await self._renew(keys, argv)
        held = {hosts[place - 1]: self.number(hosts[place - 1]) for place in kept}
        return held | {hosts[place - 1]: number for place in taken}

    async def _count(self, beat: Mapping[str, str | int | float]) -> int:
        fields = [part for item in beat.items() for part in item]
        keys = [ROSTER, watcher_key(self.watcher_id)]
        return int(await self._beat(keys, [self.watcher_id, self._ttl, *fields]))

    def _ordered(self, wanted: Iterable[int]) -> list[int]:
        """Return ours first, so that a Redis that lost everything changes nothing; then any."""
        hosts = list(wanted)
        random.shuffle(hosts)
        return sorted(hosts, key=lambda host: host not in self._held)
