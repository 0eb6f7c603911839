"""Engines for asyncio: lists, events, logs. Straight on aiohttp, one session pair per engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp

from fleet.engine.bulk import SCAN_SECONDS, SILENCE_SECONDS, Bulk
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError, Unreachable, Unsupported
from fleet.engine.hijack import Hijacked, hijack
from fleet.engine.log_blocks import LogBlock, cut
from fleet.engine.protocol import (
    BODY_LIMIT,
    USER_AGENT,
    container_path,
    decode,
    http_error,
    negotiate,
    query_time,
    version_error,
    versions,
)
from fleet.engine.raw import Json, as_dict, as_list
from fleet.engine.sockets import Resolver, tuned_socket
from fleet.engine.stats import Counters, parse_counters
from fleet.engine.stream import Stream
from fleet.engine.translate import HttpError
from fleet.engine.transport import Route, close_route, open_route
from fleet.engine.types import (
    ContainerFacts,
    ContainerSummary,
    EngineEvent,
    EngineFacts,
    parse_container,
    parse_event,
    parse_facts,
    parse_summary,
)
from fleet.engine.usage import DISK_USAGE_TIMEOUT, DiskUsage, parse_disk_usage

CONNECTIONS_PER_HOST = 10
SAMPLES_AT_ONCE = 24
SAMPLES_AT_ONCE_SSH = 3  # each is a session of sshd's, which allows ten
READ_BUFFER = 256 * 1024
# uvloop loses what it still holds of a TLS connection (up to 256 KiB) when that ends and its reader
# pauses twice meanwhile. A reader that has made so much room does not.
LEAN_BUFFER = 1024 * 1024
OBJECT_LIMIT = 4 * 1024 * 1024

Params = Mapping[str, str]


@asynccontextmanager
async def open_async(
    endpoint: Endpoint, connect_timeout: float = 5.0, read_timeout: float = 10.0
) -> AsyncIterator[AsyncEngine]:
    """An engine for this event loop; closed, with all its streams, at the end of the block.

    Only ssh:// connects here; the others at their first call. Timeouts are in seconds: for
    connecting (name, TCP, TLS, SSH each), and for each silence while an answer is awaited.
    Raises ``EngineError``.
    """
    route = await open_route(endpoint, connect_timeout)
    engine = AsyncEngine(endpoint, route, connect_timeout, read_timeout)
    try:
        yield engine
    finally:
        try:
            await engine.close()
        finally:  # also when somebody cancels us while we close
            await close_route(route)


class AsyncEngine:
    """One engine; see ``open_async``. All methods raise ``EngineError``."""

    def __init__(
        self, endpoint: Endpoint, route: Route, connect_timeout: float, read_timeout: float
    ) -> None:
        self.endpoint = endpoint
        self._route = route
        self._connect_timeout, self._read_timeout = connect_timeout, read_timeout
        self._calls = self._session(CONNECTIONS_PER_HOST)
        self._streams = self._session(0)
        self._lean = self._session(0, aiohttp.HttpVersion10)
        # Connections of their own: readings must not wait before, nor keep waiting, what is urgent.
        ssh = endpoint.url.startswith("ssh:")
        self.samples_at_once = SAMPLES_AT_ONCE_SSH if ssh else SAMPLES_AT_ONCE
        self._samples = self._session(self.samples_at_once)

    @property
    def learned_host_key(self) -> str:
        """The SSH host key to pin, as the host showed it; "" for other ways."""
        return self._route.host_key

    async def close(self) -> None:
        """End all connections."""
        sessions = (self._calls, self._streams, self._lean, self._samples)
        await asyncio.gather(*(session.close() for session in sessions))

    # -- calls ----------------------------------------------------------------------------------

    async def ping(self) -> None:
        """Return when the engine answers."""
        await self._call("/_ping", parse=False)

    async def facts(self) -> EngineFacts:
        """What the engine is; also negotiates the API version anew.

        Raises ``Unsupported``: not_docker, api_too_old, api_too_new.
        """
        version = await self._ask_version()
        return parse_facts(await self._get("/info"), version)

    async def list_containers(self) -> list[ContainerSummary]:
        """All containers, stopped ones too, in one call."""
        return [parse_summary(item) for item in as_list(await self._get("/containers/json?all=1"))]

    async def inspect(self, ref: str) -> Json:
        """The engine's whole knowledge of a container, by id or name. Raises ``NotFound``."""
        return as_dict(await self._get(container_path(ref, "json")))

    async def container(self, ref: str) -> ContainerFacts:
        """``inspect``, parsed."""
        return parse_container(await self.inspect(ref))

    async def disk_usage(self) -> DiskUsage:
        """Disk usage. Takes seconds on a large host: the engine measures."""
        return parse_disk_usage(await self._get("/system/df", timeout=DISK_USAGE_TIMEOUT))

    async def sample(self, ref: str) -> Counters | None:
        """One reading of what a container uses; None when it does not run. Raises ``NotFound``.

        The engine takes no second reading for it, which would cost as much again. Some answer at
        once, some (Docker 20.10) with the next tick of their own, after up to a second.
        """
        path = container_path(ref, "stats?stream=false&one-shot=true")
        version = versions.get(self.endpoint) or negotiate(await self._ask_version())
        body = await self._call(f"/v{version}{path}", parse=False, session=self._samples)
        if not body.strip():
            return None  # Podman, of what is stopped
        try:
            return parse_counters(decode(body))
        except ValueError as error:
            raise self._explain(error) from error

    # -- streams --------------------------------------------------------------------------------

    def events(
        self, since: float | None = None, *, since_ns: int | None = None
    ) -> Stream[EngineEvent]:
        """Everything that happens, from now or from a time (Unix seconds, or ns) on.

        Never ends by itself: when the engine goes it raises ``Unreachable`` (disconnected). The
        event of exactly that time comes again, and events come from the engine's own clock.
        """
        if since_ns is None and since is not None:
            since_ns = int(since * 1e9)
        params = {} if since_ns is None else {"since": query_time(since_ns)}
        return Stream(
            lambda: self._open_stream("/events", params), self._read_events, self._route.explain
        )

    def logs(
        self,
        ref: str,
        *,
        tail: int | None = None,
        since: float | None = None,
        until: float | None = None,
        follow: bool = False,
        timestamps: bool = False,
        tty: bool | None = None,
        lean: bool = False,
        whole: bool = True,
    ) -> Stream[LogBlock]:
        """A container's output in blocks of frames, as large as they were read.

        Args:
            tail: so many of the last lines; ``None``: all. Give it with ``since`` always: without
                it the engine scans the whole file.
            since, until: Unix seconds by the engine's clock.
            follow: go on with what is written, until the container ends.
            tty: whether the container has a terminal (then each line is made a frame of stdout);
                ``None``: ask, one more call.
            lean: spare half of our work by HTTP/1.0: without chunks (the engine makes one of each
                line), and where nothing is followed also in bursts, with a ``timeout``; but then
                a lost connection without TLS looks like the end of the log.
            whole: cut blocks where a frame ends and count those; else a frame may be torn.
        """
        params = {
            "stdout": "1",
            "stderr": "1",
            "follow": str(int(follow)),
            "timestamps": str(int(timestamps)),
            "tail": "all" if tail is None else str(tail),
        }
        for name, moment in (("since", since), ("until", until)):
            if moment is not None:
                params[name] = query_time(int(moment * 1e9))
        terminal = tty
        silence = SCAN_SECONDS if since is not None and tail is None else SILENCE_SECONDS
        path = container_path(ref, "logs")

        async def opener() -> aiohttp.ClientResponse | Bulk:
            nonlocal terminal
            if terminal is None:
                terminal = (await self.container(ref)).tty
            if lean and not follow:
                return await self._open_bulk(path, params, silence)
            return await self._open_stream(path, params, lean=lean)

        def reader(answer: aiohttp.ClientResponse | Bulk) -> AsyncIterator[LogBlock]:
            if isinstance(answer, Bulk):
                return cut(answer.chunks(), bool(terminal), whole)
            return cut(answer.content.iter_any(), bool(terminal), whole)

        return Stream(opener, reader, self._route.explain)

    def stats(self, ref: str) -> Stream[Counters | None]:
        """What a container uses, about once a second; None while it does not run.

        Ends when the container is removed.
        """

        async def reader(response: aiohttp.ClientResponse) -> AsyncIterator[Counters | None]:
            async for said in _objects(response):
                yield parse_counters(said)

        return Stream(
            lambda: self._open_stream(container_path(ref, "stats"), {"stream": "1"}),
            reader,
            self._route.explain,
        )

    async def _read_events(self, response: aiohttp.ClientResponse) -> AsyncIterator[EngineEvent]:
        async for said in _objects(response):
            yield parse_event(said)
        raise Unreachable("disconnected")

    # -- for terminals.py and images.py ---------------------------------------------------------

    async def get(self, path: str) -> Any:
        """JSON of a path under the negotiated version."""
        return await self._get(path)

    async def post(self, path: str, body: Json | None = None) -> Any:
        """Send a change; the answer's JSON, ``None`` when there is no body."""
        said = await self._call(await self._versioned(path), parse=False, send=body or {})
        return decode(said) if said.strip() else None

    async def hijack(self, path: str, body: Json) -> Hijacked:
        """Send a change and keep the connection for bytes both ways."""
        return await hijack(
            self._route,
            await self._versioned(path),
            body,
            connect_timeout=self._connect_timeout,
            read_timeout=self._read_timeout,
        )

    # -- HTTP -----------------------------------------------------------------------------------

    def _session(
        self, limit: int, version: aiohttp.HttpVersion = aiohttp.HttpVersion11
    ) -> aiohttp.ClientSession:
        route = self._route
        connector: aiohttp.BaseConnector
        once = version == aiohttp.HttpVersion10  # its answers end with their connection
        if route.unix_path:
            connector = aiohttp.UnixConnector(route.unix_path, limit=limit, force_close=once)
        else:
            connector = aiohttp.TCPConnector(
                limit=limit,
                force_close=once,
                ssl=route.context or True,
                resolver=Resolver(self._connect_timeout),
                socket_factory=tuned_socket,
            )
        return aiohttp.ClientSession(
            route.base_url,
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            read_bufsize=LEAN_BUFFER if once else READ_BUFFER,
            version=version,
            trust_env=False,
        )

    async def _get(self, path: str, timeout: float = 0) -> Any:
        """JSON of a path under the negotiated version."""
        return await self._call(await self._versioned(path), timeout)

    async def _versioned(self, path: str) -> str:
        if not versions.get(self.endpoint):
            await self._ask_version()
        return f"/v{versions.get(self.endpoint)}{path}"

    async def _ask_version(self) -> Json:
        try:
            said = as_dict(await self._call("/version"))
        except EngineError as error:
            if isinstance(error.__cause__, HttpError):
                raise version_error(error.__cause__) from error
            raise
        versions.put(self.endpoint, negotiate(said))
        return said

    async def _call(
        self,
        path: str,
        timeout: float = 0,
        parse: bool = True,
        send: Json | None = None,
        session: aiohttp.ClientSession | None = None,
    ) -> Any:
        silence = timeout or self._read_timeout
        limits = aiohttp.ClientTimeout(
            total=self._connect_timeout + 3 * silence,
            sock_connect=self._connect_timeout,
            sock_read=silence,
        )
        try:
            async with (session or self._calls).request(
                "GET" if send is None else "POST",
                path,
                json=send,
                timeout=limits,
                allow_redirects=False,
            ) as response:
                body = await _read_all(response)
                if response.status >= 300:
                    raise http_error(response.status, body)
                return decode(body) if parse else body
        except Exception as error:
            raise self._explain(error) from error

    async def _open_stream(
        self, path: str, params: Params, *, lean: bool = False
    ) -> aiohttp.ClientResponse:
        """The response with its head read; its body may take for ever. The caller closes it."""
        url = await self._versioned(path)
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout)
        try:
            async with asyncio.timeout(self._connect_timeout + self._read_timeout):
                session = self._lean if lean else self._streams
                response = await session.get(
                    url, params=params, timeout=limits, allow_redirects=False
                )
                if response.status >= 300:
                    async with response:
                        raise http_error(response.status, await _read_all(response))
                return response
        except Exception as error:
            raise self._explain(error) from error

    async def _open_bulk(self, path: str, params: Params, silence: float) -> Bulk:
        url = f"{await self._versioned(path)}?{urlencode(params)}"
        bulk = Bulk(self._route, url, self._connect_timeout, self._read_timeout, silence)
        try:
            return await bulk.open()
        except EngineError as error:
            raise self._explain(error) from error

    def _explain(self, error: BaseException) -> EngineError:
        found = self._route.explain(error)
        if isinstance(found, Unsupported) and found.code in ("api_too_old", "api_too_new"):
            versions.drop(self.endpoint)
        return found


async def _objects(response: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    """The JSON objects of a stream that has one a line."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)
        if len(rest) > OBJECT_LIMIT:
            raise EngineError("engine_error", raw="an object of more than 4 MB")


async def _read_all(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        parts.append(chunk)
        size += len(chunk)
        if size > BODY_LIMIT:
            raise Unsupported("not_docker", raw="an answer of more than 64 MB")
    return b"".join(parts)
