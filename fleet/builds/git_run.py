"""Running Git where nothing of ours can be reached: no shell, no hooks, no settings, no ways out.

The host is looked up once and checked by the outbound policy; Git and ssh connect to the addresses
that were checked. Credentials are in the environment or in files that only we can read.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fleet.builds.errors import ContextRefused
from fleet.builds.git_url import GitUrl
from fleet.builds.limits import RESERVE, Limits, words_of
from fleet.outbound.policy import Pinned
from fleet.programs import ProgramSlow, find_program, plain_environment, run_program

FETCH_SECONDS = 600.0
LOCAL_SECONDS = 120.0
OUTPUT_BYTES = 16 * 1024 * 1024  # of lists that Git prints
SETTINGS = {
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.ssh.allow": "always",
    "protocol.version": "2",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.autocrlf": "false",
    "advice.detachedHead": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "500",
    "http.lowSpeedTime": "60",
    "credential.helper": "",
}
SSH_OPTIONS = (
    "BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "GlobalKnownHostsFile=/dev/null",
    "HashKnownHosts=no", "UpdateHostKeys=no", "ForwardAgent=no", "ConnectTimeout=10",
    "ServerAliveInterval=10", "ServerAliveCountMax=3", "PermitLocalCommand=no", "ProxyCommand=none",
    "LogLevel=ERROR",
)  # fmt: skip
# What Git and ssh say, and what we say to that; the first that is found counts.
COMPLAINTS = (
    ("git_host_key", r"host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED"),
    ("git_auth", r"authentication failed|could not read (username|password)|permission denied"
                 r"|invalid credentials|returned error: 40[13]|access denied"),
    ("git_missing", r"repository .*not found|not found|does not (exist|appear to be)"
                    r"|returned error: 404"),
    ("git_tls", r"certificate|SSL"),
    ("git_redirected", r"unable to update url base from redirection|returned error: 30\d"),
    ("git_unreachable", r"could not resolve|couldn't connect|failed to connect|connection (refused"
                        r"|timed out|reset)|no route|unreachable|hung up|early EOF|timed out"),
)  # fmt: skip


@dataclass(frozen=True)
class GitLogin:
    """How to sign in at a repository; `token` by https, the keys by ssh (OpenSSH's forms).

    `ssh_host_key` is what the host must show; "" takes the one that it shows and tells it.
    """

    username: str = ""
    token: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)
    ssh_host_key: str = ""
    tls_ca: str = ""


class Git:
    """Commands on repositories below `folder`, which is only ours. Not for two threads.

    All methods raise ContextRefused. `stopped` is asked while one runs.
    """

    def __init__(
        self, folder: Path, limits: Limits, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._folder, self._limits, self._stopped = folder, limits, stopped

    @property
    def known_hosts(self) -> Path:
        """Where ssh writes what a host has shown."""
        return self._folder / "known_hosts"

    def local(self, place: Path, *arguments: str) -> str:
        """Run a command that connects to nowhere; return what it prints."""
        return self._run(place, arguments, self._environment({}), LOCAL_SECONDS)

    def remote(
        self, place: Path, url: GitUrl, pinned: Pinned, login: GitLogin, *arguments: str
    ) -> str:
        """Run a command that connects to a checked host; return what it prints."""
        extra = self._ssh(url, pinned, login) if url.scheme == "ssh" else {}
        settings = self._https(url, pinned, login) if url.scheme == "https" else {}
        environment = {**self._environment(settings), **extra}
        try:
            return self._run(place, arguments, environment, FETCH_SECONDS)
        except ContextRefused as refused:
            raise ContextRefused(
                refused.code, raw=_without(refused.raw, login), **refused.facts
            ) from None

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        pairs = {**SETTINGS, **settings}
        counted = {"GIT_CONFIG_COUNT": str(len(pairs))}
        for number, (key, value) in enumerate(pairs.items()):
            counted |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return {
            **plain_environment(self._folder),
            "LC_ALL": "C",  # its complaints are read
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "GIT_LFS_SKIP_SMUDGE": "1",
            **counted,
        }

    def _https(self, url: GitUrl, pinned: Pinned, login: GitLogin) -> dict[str, str]:
        addresses = ",".join(f"[{one}]" if ":" in one else one for one in pinned.addresses)
        found = {"http.curloptResolve": f"{url.host}:{url.port}:{addresses}"}
        if login.tls_ca:
            authority = self._folder / "ca.pem"
            authority.write_text(login.tls_ca)
            found["http.sslCAInfo"] = str(authority)
        if login.token:
            pair = f"{login.username or 'git'}:{login.token}".encode()
            header = f"Authorization: Basic {b64encode(pair).decode()}"
            found[f"http.{url.root}/.extraHeader"] = header
        return found

    def _ssh(self, url: GitUrl, pinned: Pinned, login: GitLogin) -> dict[str, str]:
        strict = "yes" if login.ssh_host_key else "accept-new"
        if login.ssh_host_key:
            self.known_hosts.write_text(f"{url.host} {login.ssh_host_key.strip()}\n")
        options = [
            *SSH_OPTIONS,
            f"HostName={pinned.addresses[0]}",
            f"HostKeyAlias={url.host}",
            f"UserKnownHostsFile={self.known_hosts}",
            f"StrictHostKeyChecking={strict}",
            f"IdentityFile={self._key(login)}",
        ]
        words = ["ssh", "-F", "/dev/null", *(w for option in options for w in ("-o", option))]
        return {"GIT_SSH_COMMAND": shlex.join(words), "GIT_SSH_VARIANT": "ssh"}

    def _key(self, login: GitLogin) -> str:
        if not login.ssh_key:
            return "none"
        place = self._folder / "key"
        place.touch(mode=0o600)
        place.write_text(login.ssh_key.strip() + "\n")
        return str(place)

    def _run(
        self,
        place: Path,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        seconds: float,
    ) -> str:
        program = find_program("git")
        if not program:
            raise ContextRefused("git_none")
        try:
            done = run_program(
                [program, *arguments],
                self._folder,
                environment=environment,
                seconds=seconds,
                place=place,
                look=lambda: self._look(place),
            )
        except ProgramSlow:
            raise ContextRefused("git_slow", limit=int(seconds / 60)) from None
        if done.code:
            raise _complaint(done.said)
        return done.text(OUTPUT_BYTES)

    def _look(self, place: Path) -> None:
        if self._stopped():
            raise ContextRefused("stopped")
        if _size_of(place) > self._limits.size:
            raise ContextRefused("git_large", limit=words_of(self._limits.size))
        if shutil.disk_usage(place).free < RESERVE:
            raise ContextRefused("no_room")


def _size_of(folder: Path) -> int:
    """Return the bytes in a folder; files may go while it is looked at."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += Path(place, name).lstat().st_size
    return size


def _complaint(raw: str) -> ContextRefused:
    for code, words in COMPLAINTS:
        if re.search(words, raw, re.IGNORECASE):
            return ContextRefused(code, raw=raw)
    return ContextRefused("git_failed", raw=raw)


def _without(raw: str, login: GitLogin) -> str:
    return raw.replace(login.token, "…") if login.token else raw
