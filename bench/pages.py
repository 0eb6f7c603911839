"""Five hundred open pages on one web process, one change a second."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from bench.figures import Figure, spread
from bench.stage import Stage
from tests.stack import PASSWORD

PAGES = 500
CHANGES = 20


def session(url: str) -> str:
    """Sign in without a browser; return the Cookie header."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with opener.open(f"{url}/accounts/login/") as response:
        response.read()
    token = next(cookie.value for cookie in jar if "csrf" in cookie.name) or ""
    form = {"login": "root", "password": PASSWORD, "csrfmiddlewaretoken": token}
    with opener.open(f"{url}/accounts/login/", urllib.parse.urlencode(form).encode()) as response:
        response.read()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


async def listen(socket: ClientConnection, name: str, seen: dict[str, list[float]]) -> None:
    """Note when each change of the row of `name` arrives."""
    async for text in socket:
        message = json.loads(text)
        for html in message.get("set", {}).values():
            if name in html:
                state = "exited" if 'data-state="exited"' in html else "running"
                seen.setdefault(state, []).append(time.time())


async def many(stage: Stage, cookie: str, name: str) -> list[float]:
    """Open PAGES sockets, make CHANGES changes, return the delay (ms) of each page's update."""
    url = stage.stack.url.replace("http://", "ws://") + "/ws/live/"
    subscribe = json.dumps(
        {
            "type": "subscribe",
            "topics": [
                {"topic": "containers", "args": "size=50&q=" + name, "have": {}, "lists": {}}
            ],
        }
    )
    seen: dict[str, list[float]] = {}
    sockets, tasks, delays = [], [], []
    for _ in range(PAGES):
        socket = await connect(
            url,
            origin=Origin(stage.stack.url),
            additional_headers={"Cookie": cookie},
            max_size=None,
        )
        await socket.send(subscribe)
        sockets.append(socket)
        tasks.append(asyncio.create_task(listen(socket, name, seen)))
    await asyncio.sleep(3)
    host = stage.lab.hosts[0]
    for number in range(CHANGES):
        seen.clear()
        verb, state = (
            (("stop", "-t", "0"), "exited") if number % 2 == 0 else (("start",), "running")
        )
        await asyncio.to_thread(host.docker, *verb, name)
        ended = time.time()
        await asyncio.sleep(1.5)
        delays += [(at - ended) * 1000 for at in seen.get(state, [])]
        delays += [10_000.0] * max(0, PAGES - len(seen.get(state, [])))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*(socket.close() for socket in sockets), return_exceptions=True)
    return delays


def open_pages(stage: Stage) -> list[Figure]:
    """Measure the change's way to every one of the open pages."""
    name = "bench-open-pages"
    host = stage.lab.hosts[0]
    host.docker("run", "-d", "--name", name, "lab/busybox:1", "sleep", "100000")
    try:
        cookie = session(stage.stack.url)
        with ThreadPoolExecutor(1) as pool:  # this thread's loop is the browser's
            delays = pool.submit(lambda: asyncio.run(many(stage, cookie, name))).result()
    finally:
        host.docker("rm", "-f", name)
    return spread(f"change -> each of {PAGES} open pages", delays, "ms", median=None, p95=1000)
