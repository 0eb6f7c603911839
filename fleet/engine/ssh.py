"""Docker over SSH without an agent on the host: one ``docker system dial-stdio`` per connection.

``SshRelay`` listens on a Unix socket that only we can open (in a 0700 folder) and joins every
connection to it with a command on the host. So the HTTP clients above need to know nothing of SSH.
Neither the user's ~/.ssh nor our environment play a part: what counts is in the ``Endpoint``.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import logging
import os
import shlex
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh

from fleet.engine.endpoint import Address, Endpoint, load_host_key
from fleet.engine.errors import Denied, EngineError, Unreachable, Unsupported, Untrusted
from fleet.engine.sockets import connect_async
from fleet.engine.translate import translate

# asyncssh tells every login at INFO; ours says what matters itself.
logging.getLogger("asyncssh").setLevel(logging.WARNING)

# sshd allows 10 sessions per connection by default (MaxSessions).
SESSIONS_PER_CONNECTION = 8
CONNECTIONS_LIMIT = 16
_CHUNK = 128 * 1024
_STDERR_LIMIT = 4096


class SshRelay:
    """Connections to one host over SSH. ``path`` is the socket to speak HTTP to.

    ``host_key`` is the key of the host, learned at first use unless it was pinned; ``failure`` is
    why the latest attempt to reach the engine failed, which HTTP alone cannot tell.
    """

    def __init__(self, endpoint: Endpoint, address: Address, timeout: float) -> None:
        self._endpoint, self._address, self._timeout = endpoint, address, timeout
        self._links: dict[asyncssh.SSHClientConnection, int] = {}
        self._connecting = asyncio.Lock()
        self._free = asyncio.Semaphore(SESSIONS_PER_CONNECTION * CONNECTIONS_LIMIT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._folder = ""
        self.path = ""
        self.host_key = endpoint.ssh_host_key
        self.failure: EngineError | None = None

    async def start(self) -> None:
        """Sign in and listen. Raises ``EngineError``; leaves nothing behind then."""
        try:
            await self._link()
            self._folder = tempfile.mkdtemp(prefix="quayside-ssh-", dir=_short_folder())
            self.path = str(Path(self._folder, "docker.sock"))
            self._server = await asyncio.start_unix_server(self._accept, self.path)
        except BaseException as error:
            await self.close()
            if isinstance(error, Exception):
                raise await self._diagnose(translate(error)) from error
            raise

    async def _diagnose(self, error: EngineError) -> EngineError:
        """A server that just hangs up while we greet: is it SSH at all, and has it our key?"""
        if error.code != "disconnected":
            return error
        with contextlib.suppress(OSError, EngineError, TimeoutError):
            async with asyncio.timeout(2):
                if not await _greets(self._address):
                    return Unsupported("not_ssh", raw=error.raw)
                offered = await offered_host_key(self._address)
                if offered and self.host_key and not _same_key(offered, self.host_key):
                    return Untrusted("host_key_changed", raw=error.raw)
        return error

    async def close(self) -> None:
        """End every connection and remove the socket."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        links, self._links = list(self._links), {}
        for link in links:
            link.abort()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def is_lost(self) -> bool:
        """Whether no SSH connection is left of those that there were."""
        return bool(self._links) and all(link.is_closed() for link in self._links)

    # -- the SSH side ---------------------------------------------------------------------------

    async def _link(self) -> asyncssh.SSHClientConnection:
        """A connection with room for one more session, counted as taken."""
        async with self._connecting:
            for link, used in self._links.items():
                if used < SESSIONS_PER_CONNECTION and not link.is_closed():
                    self._links[link] = used + 1
                    return link
            self._links = {link: n for link, n in self._links.items() if not link.is_closed()}
            async with asyncio.timeout(self._timeout):
                link = await self._sign_in()
            # The first one comes from start(), before there is a session.
            self._links[link] = 1 if self.path else 0
            return link

    async def _sign_in(self) -> asyncssh.SSHClientConnection:
        endpoint = replace(self._endpoint, ssh_host_key=self.host_key)
        sock = await connect_async(self._address.host, self._address.port)
        try:
            link = await asyncssh.connect(sock=sock, **await _options(endpoint, self._address))
        except BaseException:
            sock.close()
            raise
        key = link.get_server_host_key()
        if not self.host_key and key is not None:
            self.host_key = key.export_public_key().decode().strip()
        return link

    def _command(self) -> str:
        words = ["docker", "system", "dial-stdio"]
        if self._address.path:
            words[1:1] = ["--host", f"unix://{self._address.path}"]
        return shlex.join(words)

    # -- the local side -------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except Exception as error:  # noqa: BLE001 - told by way of self.failure
            self.failure = translate(error)
        except asyncio.CancelledError:
            pass  # by close(), which waits for this task and for nothing more
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._free:
            link, process = await self._process()
            try:
                await self._join(process, reader, writer)
            finally:
                # Not waited for: the command may go on until the engine has answered.
                process.close()
                self._give_back(link)

    async def _process(
        self,
    ) -> tuple[asyncssh.SSHClientConnection, asyncssh.SSHClientProcess[bytes]]:
        """One more command on the host, over a connection that allows one more."""
        for last in (False, False, True):
            link = await self._link()
            try:
                return link, await link.create_process(
                    self._command(), encoding=None, bufsize=_CHUNK, env={}, send_env=None
                )
            except asyncssh.ChannelOpenError:
                # The server allows fewer sessions, or counts some that just ended: leave this
                # connection alone for a while.
                self._links[link] = self._links.get(link, 0) + SESSIONS_PER_CONNECTION
                loop = asyncio.get_running_loop()
                loop.call_later(10, self._give_back, link, SESSIONS_PER_CONNECTION + 1)
                if last:
                    raise
            except BaseException:
                self._give_back(link)
                raise
        raise AssertionError("unreachable")

    def _give_back(self, link: asyncssh.SSHClientConnection, sessions: int = 1) -> None:
        if link in self._links:
            self._links[link] -= sessions

    async def _join(
        self,
        process: asyncssh.SSHClientProcess[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Copy both ways until the host ends its side, or our client is gone."""
        upward = asyncio.create_task(_copy_up(reader, process))
        try:
            received = await _copy_down(process, writer)
            if received:
                self.failure = None
            else:
                await self._note_exit(process)
        finally:
            upward.cancel()

    async def _note_exit(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        """Nothing came back: the command's exit status and complaint tell why."""
        words = b""
        with contextlib.suppress(TimeoutError, asyncssh.Error):
            async with asyncio.timeout(2):
                words = await process.stderr.read(_STDERR_LIMIT)
                await process.wait_closed()
        text = words.decode(errors="replace").strip()
        self.failure = explain_exit(process.exit_status, text)


def explain_exit(status: int | None, said: str) -> EngineError | None:
    """Why ``docker system dial-stdio`` ended without a byte; ``None`` when nothing is wrong."""
    low = said.lower()
    if status == 127 or "command not found" in low:
        return Unsupported("no_docker", raw=said)
    if "permission denied" in low:
        return Denied("permission", raw=said)
    if "cannot connect to the docker daemon" in low or "connection refused" in low:
        return Unreachable("docker_down", raw=said)
    if "no such file" in low:
        return Unreachable("docker_down", raw=said)
    if "not a docker command" in low or "unknown command" in low:
        return Unsupported("no_docker", raw=said)
    return Unreachable("disconnected", raw=said) if status else None


async def _copy_up(reader: asyncio.StreamReader, process: asyncssh.SSHClientProcess[bytes]) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await reader.read(_CHUNK):
            process.stdin.write(data)
            await process.stdin.drain()
        process.stdin.write_eof()


async def _copy_down(
    process: asyncssh.SSHClientProcess[bytes], writer: asyncio.StreamWriter
) -> int:
    received = 0
    with contextlib.suppress(ConnectionError):
        while data := await process.stdout.read(_CHUNK):
            received += len(data)
            writer.write(data)
            await writer.drain()
    return received


async def offered_host_key(address: Address) -> str:
    """The key that an SSH server shows now, without signing in; "" when it shows none.

    Raises ``OSError`` and ``EngineError``. The caller bounds the time.
    """
    _name_ourselves()
    sock = await connect_async(address.host, address.port)
    try:
        key = await asyncssh.get_server_host_key(address.host, sock=sock, config=None)
    except asyncssh.Error as error:
        raise translate(error) from error
    return key.export_public_key().decode().strip() if key else ""


async def _greets(address: Address) -> bool:
    """True when the server speaks first and at once, as SSH servers do: "SSH-2.0-…"."""
    start = b""
    sock = await connect_async(address.host, address.port)
    with sock, contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            start = await asyncio.get_running_loop().sock_recv(sock, 255)
    return start.startswith(b"SSH-")


def _same_key(one: str, other: str) -> bool:
    return one.split()[:2] == other.split()[:2]


def _short_folder() -> str | None:
    """A temporary folder whose name leaves room for a socket's 107 bytes; ``None``: the usual."""
    return "/tmp" if len(tempfile.gettempdir()) > 60 else None  # noqa: S108 - mkdtemp makes it private


async def _options(endpoint: Endpoint, address: Address) -> dict[str, Any]:
    """What we tell asyncssh: all of it, so that nothing is read from files or environment."""
    _name_ourselves()
    key = endpoint.ssh_host_key
    pinned: Any = ([load_host_key(key)], [], []) if key else None
    return {
        "host": address.host,
        "port": address.port,
        "username": address.user,
        "config": None,
        "known_hosts": pinned,
        "client_keys": await _client_keys(endpoint),
        "agent_path": None,
        "client_certs": (),
        "x509_trusted_certs": None,
        "preferred_auth": "publickey",
        "gss_kex": False,
        "gss_auth": False,
        "host_based_auth": False,
        "compression_algs": None,
        # Given up after the third silence, about as soon as TCP gives up (sockets.py).
        "keepalive_interval": 3,
        "keepalive_count_max": 2,
        "login_timeout": 0,
    }


def _name_ourselves() -> None:
    """asyncssh wants a local user name, which a container's bare uid does not have."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = "quayside"


async def _client_keys(endpoint: Endpoint) -> list[Any]:
    if endpoint.ssh_key:
        return [asyncssh.import_private_key(endpoint.ssh_key)]
    try:
        agent = await asyncssh.connect_agent(os.environ.get("SSH_AUTH_SOCK", ""))
        keys = list(await agent.get_keys())
    except (OSError, asyncssh.Error, ValueError) as error:
        raise Denied("ssh_no_key") from error
    if not keys:
        raise Denied("ssh_no_key")
    return keys
