"""A small SSH server in-process: runs dial-stdio by joining the client with a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import asyncssh


class SshServer:
    """Listens on 127.0.0.1 on the running loop. ``commands`` is what clients asked for."""

    def __init__(self, target: str, sessions: int = 10) -> None:
        self.target, self.sessions = target, sessions
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.commands: list[str] = []
        self.environments: list[dict[str, str]] = []
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.running = 0
        self.exit_status, self.complaint = 0, ""
        self.port = 0
        self._acceptor: asyncssh.SSHAcceptor | None = None

    @property
    def user_pem(self) -> str:
        return self.user_key.export_private_key().decode()

    @property
    def host_public(self) -> str:
        return self.host_key.export_public_key().decode().strip()

    async def start(self) -> None:
        allowed = asyncssh.import_authorized_keys(self.user_key.export_public_key().decode())
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_host_keys=[self.host_key],
            authorized_client_keys=allowed,
            process_factory=self._process,
            server_factory=lambda: _Server(self),
            encoding=None,
        )
        self.port = self._acceptor.get_port()

    async def stop(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
        for connection in list(self.connections):
            connection.abort()

    async def _process(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self.commands.append(str(process.command))
        self.environments.append({str(k): str(v) for k, v in process.env.items()})
        if self.exit_status:
            process.stderr.write(self.complaint.encode())
            process.exit(self.exit_status)
            return
        self.running += 1
        try:
            reader, writer = await asyncio.open_unix_connection(self.target)
            await self._join(process, reader, writer)
        finally:
            self.running -= 1
            with contextlib.suppress(OSError):
                process.exit(0)

    @staticmethod
    async def _join(
        process: asyncssh.SSHServerProcess[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        async def up() -> None:
            while data := await process.stdin.read(65536):
                writer.write(data)
            writer.write_eof()

        task = asyncio.create_task(up())
        try:
            while data := await reader.read(65536):
                process.stdout.write(data)
        finally:
            task.cancel()
            writer.close()


class _Server(asyncssh.SSHServer):
    """Counts connections, and refuses more sessions on one than sshd would."""

    def __init__(self, owner: SshServer) -> None:
        self._owner, self._sessions = owner, 0
        self._connection: Any = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._owner.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.connections.discard(self._connection)

    def session_requested(self) -> bool:
        """True: the process factory takes it."""
        self._sessions += 1
        return self._sessions <= self._owner.sessions
