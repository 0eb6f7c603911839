"""BuildKit by the ``docker`` command: with the buildx plugin, or with what older ones carry.

BuildKit has no API that the engine's own clients share: the command is the one door that every
version keeps open. It gets arguments as a list, an environment and a folder of its own, and the
engine through ``door``; secrets and logins are files there, which go with it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fleet.engine.build_output import PlainProgress
from fleet.engine.build_types import (
    USUAL,
    BuilderName,
    BuildItem,
    BuildOptions,
    Built,
    Foreign,
)
from fleet.engine.errors import Aborted, EngineError

ASK_SECONDS = 20
END_SECONDS = 5  # between the polite signal and the other one
LINE_BYTES = 64 * 1024  # what is longer is cut into lines of this
READ_BYTES = 64 * 1024
WITHOUT_PLUGIN = 23  # from this version on the command builds by the plugin alone
OWN_API = (1, 42)  # the newest that a command before that version can speak
PLATFORMS = re.compile(r"^Platforms:(.*)$", re.MULTILINE)
HUB_LOGIN = "https://index.docker.io/v1/"  # as the command calls docker.io
VERSION = re.compile(r"version (\d+)\.")
PLUGINS = ".docker/cli-plugins"


@dataclass(frozen=True)
class Command:
    """A ``docker`` command that can do BuildKit."""

    path: str
    name: BuilderName


@functools.cache
def find_command() -> Command | None:
    """The best ``docker`` on PATH, with the plugin if there is one; None when none can do it."""
    found = [command for path in _on_path() if (command := _what_can(path))]
    with_plugin = [command for command in found if command.name == "buildx"]
    return next(iter(with_plugin or found), None)


def _on_path() -> list[str]:
    paths = os.environ.get("PATH", os.defpath).split(os.pathsep)
    found = (shutil.which("docker", path=path) for path in paths if path)
    return list(dict.fromkeys(path for path in found if path))


def _what_can(path: str) -> Command | None:
    with tempfile.TemporaryDirectory(prefix="quayside-build-") as folder:
        environment = _environment(Path(folder), "")
        _config_folder(Path(folder), {})
        if _says([path, "buildx", "version"], environment):
            return Command(path, "buildx")
        version = VERSION.search(_says([path, "--version"], environment))
    return Command(path, "buildkit") if version and int(version[1]) < WITHOUT_PLUGIN else None


def _says(argv: list[str], environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _environment(folder: Path, socket: str) -> dict[str, str]:
    """Nothing of ours but PATH: no proxy, no context, no credentials of whoever started us."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "DOCKER_CONFIG": str(folder / "config"),
        "DOCKER_BUILDKIT": "1",
        # When it was made would make another image of it each time, though nothing changed.
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "BUILDKIT_COLORS": "",
        "NO_COLOR": "1",
        **({"DOCKER_HOST": f"unix://{socket}"} if socket else {}),
    }


class BuildKit:
    """Builds by a command, over an engine's socket."""

    def __init__(self, command: Command, socket: Path) -> None:
        self.name = command.name
        self._command, self._socket = command, socket
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def build(self, context: Path, options: BuildOptions) -> Iterator[BuildItem]:
        """Build a folder. Raises ``EngineError``: ``build_failed`` when a step said no."""
        with tempfile.TemporaryDirectory(prefix="quayside-build-", dir=options.scratch) as folder:
            yield from self._build(Path(folder), context, options)

    def stop(self) -> None:
        """End the build, from any thread: the engine stops its steps when the command goes."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is not None:
            _signal(process, signal.SIGTERM)

    def _build(self, folder: Path, context: Path, options: BuildOptions) -> Iterator[BuildItem]:
        _write_config(folder, options)
        if foreign := self._foreign(folder, options):
            yield Foreign(foreign)
        image = folder / "image"
        words = _arguments(self.name, folder, options, image)
        # A relative --file would be looked for where the command runs.
        argv = [
            *_bound(),
            self._command.path,
            *words,
            f"--file={context / options.dockerfile}",
            str(context),
        ]
        progress = PlainProgress()
        process = self._start(argv, folder)
        try:
            for line in _lines(process):
                yield from progress.feed(line)
            code = process.wait()
        finally:
            _end(process)
        if self._stopped:
            raise Aborted()
        if code or not image.exists():
            what = "build_failed" if progress.failed else "build_refused"
            raise EngineError(what, raw="\n".join(progress.tail))
        yield Built(image.read_text().strip())

    def _foreign(self, folder: Path, options: BuildOptions) -> tuple[str, ...]:
        """Return the wanted platforms whose programs the builder cannot run, if it tells."""
        if self.name != "buildx" or not options.platforms:
            return ()
        said = _says(
            [self._command.path, "buildx", "inspect"], _environment(folder, str(self._socket))
        )
        told = (one.strip(" *") for line in PLATFORMS.findall(said) for one in line.split(","))
        known = {USUAL.get(one, one) for one in told if one}
        return tuple(one for one in options.platforms if known and one not in known)

    def _start(self, argv: list[str], folder: Path) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise Aborted()
            self._process = subprocess.Popen(
                argv,
                cwd=folder,
                env=_environment(folder, str(self._socket)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            return self._process


@functools.cache
def _bound() -> tuple[str, ...]:
    """A command that goes when its worker is killed, where util-linux is there to see to it.

    It would build on otherwise, for nobody: it notices only when it has something to print.
    """
    found = shutil.which("setpriv")
    return (found, "--pdeathsig", "TERM") if found else ()


def _arguments(
    name: BuilderName, folder: Path, options: BuildOptions, image: Path
) -> Iterator[str]:
    yield from ("buildx", "build", "--load") if name == "buildx" else ("build",)
    yield from ("--progress=plain", f"--iidfile={image}")
    switches = {"--no-cache": options.no_cache, "--pull": options.pull}
    yield from (switch for switch, on in switches.items() if on)
    values = {
        "--target": options.target,
        "--platform": options.platform,
        "--network": options.network,
    }
    yield from (f"{key}={value}" for key, value in values.items() if value)
    for key, value in options.args.items():
        yield f"--build-arg={key}={value}"
    for key, value in options.labels.items():
        yield f"--label={key}={value}"
    for number, key in enumerate(options.secrets):
        yield f"--secret=id={key},src={folder / f'secret-{number}'}"


def _write_config(folder: Path, options: BuildOptions) -> None:
    """Write what may not stand in arguments; the folder is only ours."""
    for number, value in enumerate(options.secrets.values()):
        place = folder / f"secret-{number}"
        place.touch(mode=0o600)
        place.write_bytes(value.encode("utf-8", "surrogateescape"))
    auths = {
        HUB_LOGIN if login.registry == "docker.io" else login.registry: {
            "auth": b64encode(f"{login.username}:{login.password}".encode()).decode()
        }
        for login in options.logins
    }
    _config_folder(folder, {"auths": auths})


def _config_folder(folder: Path, said: dict[str, object]) -> None:
    """Write the command's settings, which name our user's own plugins, too."""
    config = folder / "config"
    config.mkdir(mode=0o700)
    plugins = Path.home() / PLUGINS
    found = {"cliPluginsExtraDirs": [str(plugins)]} if plugins.is_dir() else {}
    (config / "config.json").write_text(json.dumps({**said, **found}))


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Yield the lines that it prints as they come; endless ones in pieces."""
    assert process.stdout is not None  # noqa: S101
    rest = b""
    while data := os.read(process.stdout.fileno(), READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        while len(rest) > LINE_BYTES:
            lines.append(rest[:LINE_BYTES])
            rest = rest[LINE_BYTES:]
        for line in lines:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that it is gone."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
