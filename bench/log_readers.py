"""`python -m bench.log_readers URL COOKIE CONTAINER READERS SECONDS`: pages that follow one log.

They take what comes and look at nothing, in a process of their own. Prints the bytes of each.
"""

from __future__ import annotations

import asyncio
import json
import sys

from websockets.asyncio.client import connect


async def read(url: str, cookie: str, container: str, seconds: float) -> int:
    """Follow for some seconds; return how many bytes of lines came."""
    headers = {"Cookie": cookie, "Origin": url}
    size = 0
    address = f"{url.replace('http', 'ws')}/ws/live/"
    async with connect(address, additional_headers=headers, max_size=None) as socket:
        wanted = {"type": "stream.open", "topic": "logs", "args": f"container={container}"}
        await socket.send(json.dumps(wanted))
        try:
            async with asyncio.timeout(seconds):
                async for message in socket:
                    size += len(message) if isinstance(message, bytes) else 0
        except TimeoutError:
            return size
    raise ConnectionError("the socket was closed")


async def main() -> None:
    """Read with all of them at once."""
    url, cookie, container, readers, seconds = sys.argv[1:]
    works = [read(url, cookie, container, float(seconds)) for _ in range(int(readers))]
    print(*await asyncio.gather(*works))


if __name__ == "__main__":
    asyncio.run(main())
