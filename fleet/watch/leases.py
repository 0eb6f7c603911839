"""Who watches which host: one lease per host in Redis, shared fairly by all live watchers.

1. Every watcher beats: its entry in the roster lives as long as a lease does.
2. With one call it renews all leases it holds (compare-and-set: only if they are still its own)
   and takes free ones, up to its fair share: hosts / watchers, rounded up.
3. Who holds more than that (a watcher joined) gives the rest back. Below it nothing ever moves.
4. A watcher that dies stops beating; its leases run out and its share falls to the others.

Redis's own clock decides when a lease ends. Here it is taken to end earlier, counted from before
the call that renewed it: two watchers never believe at once that a host is theirs.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping

from redis.asyncio import Redis

ROSTER = "quayside:watchers"
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
local mine, free = {}, {}
for place, key in ipairs(KEYS) do
  local owner = redis.call('GET', key)
  if owner == ARGV[1] then
    redis.call('PEXPIRE', key, ARGV[2])
    mine[#mine + 1] = place
  elseif not owner then
    free[#free + 1] = place
  end
end
for _, place in ipairs(free) do
  if #mine >= tonumber(ARGV[3]) then break end
  redis.call('SET', KEYS[place], ARGV[1], 'PX', ARGV[2])
  mine[#mine + 1] = place
end
return mine
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
        self._held: set[int] = set()
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

    async def renew(self, wanted: Iterable[int], beat: Mapping[str, str | int | float]) -> set[int]:
        """Beat, renew, claim. Return the hosts that are ours beyond our share, to be given back.

        `wanted` are all hosts that somebody should watch. Raises redis.RedisError or OSError when
        Redis does not answer; what we hold stays ours until it runs out.
        """
        began = time.monotonic()
        share = fair_share(len(hosts := self._ordered(wanted)), await self._count(beat))
        keys = [lease_key(host) for host in hosts]
        places = await self._renew(keys, [self.watcher_id, self._ttl, share]) if keys else []
        self._held = {hosts[place - 1] for place in places}
        self._until = began + self.seconds
        return set(sorted(self._held)[share:])

    async def release(self, host_ids: Iterable[int]) -> None:
        """Give leases back, those that still are ours. Raises as `renew` does."""
        keys = [lease_key(host) for host in host_ids]
        self._held.difference_update(host_ids)
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

    async def _count(self, beat: Mapping[str, str | int | float]) -> int:
        fields = [part for item in beat.items() for part in item]
        keys = [ROSTER, watcher_key(self.watcher_id)]
        return int(await self._beat(keys, [self.watcher_id, self._ttl, *fields]))

    def _ordered(self, wanted: Iterable[int]) -> list[int]:
        """Return ours first, so that a Redis that lost everything changes nothing; then any."""
        hosts = list(wanted)
        random.shuffle(hosts)
        return sorted(hosts, key=lambda host: host not in self._held)
