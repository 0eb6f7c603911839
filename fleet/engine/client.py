"""Engines for threads: the commands that jobs run, over docker-py's low-level client."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from fleet.engine.caller import Caller, Params
from fleet.engine.classic import Classic
from fleet.engine.door import door
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.engine.images import image_path as any_image_path
from fleet.engine.progress import (
    LayerProgress,
    Repeats,
    Said,
    error_of,
    parse_progress,
    read_objects,
)
from fleet.engine.protocol import (
    container_path,
    decode,
    http_error,
    version_numbers,
)
from fleet.engine.pulls import (
    SILENCE_SECONDS,
    Auth,
    Pulled,
    Words,
    auth_header,
    explain_pull,
    image_path,
    split_reference,
)
from fleet.engine.pushes import NOBODY, ExplainRegistry, Pushed, PushWords, explain_push, push_path
from fleet.engine.raw import Json, as_dict, as_int, as_str
from fleet.engine.removals import Removed, explain_removal, parse_removed
from fleet.engine.translate import HttpError
from fleet.engine.transport import borrow_route, return_route
from fleet.engine.types import ContainerFacts, EngineFacts, is_podman, parse_container, parse_facts
from fleet.engine.usage import (
    DISK_USAGE_TIMEOUT,
    DiskUsage,
    FileChange,
    ProcessTable,
    parse_changes,
    parse_disk_usage,
    parse_processes,
)

# Docker's own grace between the stop signal and the kill signal.
DEFAULT_GRACE = 10


@contextmanager
def open_engine(
    endpoint: Endpoint, timeout: float = 30.0, connect_timeout: float = 5.0
) -> Iterator[Engine]:
    """An engine for this thread (and ``abort`` for others), closed at the end of the block.

    ``timeout`` is the longest silence, in seconds, while an answer is awaited; stop and restart
    add their own grace to it. Asks for the API version unless it is known since some minutes.
    Raises ``EngineError``.
    """
    route = borrow_route(endpoint, connect_timeout)
    engine = Engine(endpoint, route, timeout, connect_timeout)
    try:
        engine.negotiate()
        yield engine
    finally:
        engine.close()
        return_route(endpoint, route)


class Engine(Caller):
    """One engine; see ``open_engine``. ``container`` is an id or a name everywhere.

    All methods raise ``EngineError``: ``NotFound``, ``Conflict``, ``Unreachable`` …
    """

    # -- reading --------------------------------------------------------------------------------

    def facts(self) -> EngineFacts:
        """What the engine is."""
        version = self._ask_version()
        return parse_facts(self._json("/info"), version)

    def inspect(self, container: str) -> Json:
        """The engine's whole knowledge of a container."""
        return as_dict(self._json(container_path(container, "json")))

    def container(self, container: str) -> ContainerFacts:
        """``inspect``, parsed."""
        return parse_container(self.inspect(container))

    def top(self, container: str) -> ProcessTable:
        """The processes of a running container."""
        return parse_processes(self._json(container_path(container, "top")))

    def changes(self, container: str) -> list[FileChange]:
        """Files that differ from the image."""
        return parse_changes(self._json(container_path(container, "changes")))

    def disk_usage(self) -> DiskUsage:
        """Disk usage. Takes seconds on a large host."""
        return parse_disk_usage(self._json("/system/df", wait=DISK_USAGE_TIMEOUT))

    def has_buildkit(self) -> bool:
        """Whether the engine carries BuildKit: every Docker Engine of ours that runs on Linux.

        The ping's ``Builder-Version`` tells the default only, which 20.10 sets to the other one.
        """
        said = as_dict(self._json("/version", versioned=False))
        return as_str(said.get("Os")) == "linux" and not is_podman(said)

    def has_containerd_store(self) -> bool:
        """Whether containerd keeps the images: then an id is a manifest's or an index's digest."""
        return "io.containerd" in str(as_dict(self._json("/info")).get("DriverStatus"))

    def lowest_api(self) -> tuple[int, int]:
        """The oldest API version that the engine still speaks; (0, 0) when it does not tell."""
        said = as_dict(self._json("/version", versioned=False))
        return version_numbers(said.get("MinAPIVersion")) or (0, 0)

    def classic_builder(self) -> Classic:
        """The builder that needs nothing but this connection."""
        return Classic(self._api, self.explain)

    @contextmanager
    def socket_path(self) -> Iterator[Path]:
        """A Unix socket that leads to the engine, for programs that speak to it themselves."""
        if self._route.unix_path:
            yield Path(self._route.unix_path)
            return
        try:
            with door(self._wires, self._connect_timeout) as path:
                yield path
        except OSError as error:
            raise self.explain(error) from error

    # -- acting ---------------------------------------------------------------------------------

    def start(self, container: str) -> bool:
        """Start; ``False`` when it was running already."""
        return self._post(container_path(container, "start")) != 304

    def stop(self, container: str, timeout: int | None = None) -> bool:
        """Stop, killing after ``timeout`` seconds (default: the container's own); ``False`` when
        it was stopped already."""
        return self._end(container, "stop", timeout) != 304

    def restart(self, container: str, timeout: int | None = None) -> None:
        """Stop as ``stop`` does, and start."""
        self._end(container, "restart", timeout)

    def kill(self, container: str, signal: str = "SIGKILL") -> None:
        """Send a signal to the first process. Raises ``Conflict`` when it does not run."""
        self._post(container_path(container, "kill"), {"signal": signal})

    def pause(self, container: str) -> None:
        """Freeze all processes."""
        self._post(container_path(container, "pause"))

    def unpause(self, container: str) -> None:
        """Go on."""
        self._post(container_path(container, "unpause"))

    def rename(self, container: str, name: str) -> None:
        """Give another name. Raises ``Conflict`` when it is taken, ``Invalid`` when it is none."""
        self._post(container_path(container, "rename"), {"name": name})

    def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        """Remove; ``force`` kills a running one, ``volumes`` takes its anonymous volumes along."""
        asked = {"force": int(force), "v": int(volumes)}
        self._call("DELETE", container_path(container, ""), asked)

    def image(self, reference: str) -> Json:
        """The engine's whole knowledge of an image, all its platforms too. Raises ``NotFound``."""
        return as_dict(self._json(f"{image_path(reference)}?manifests=1"))

    def untag(self, reference: str) -> None:
        """Take a name away; what has no other name and is not used goes. Raises ``NotFound``."""
        self._call("DELETE", image_path(reference, ""), {"noprune": 1})

    def pull(
        self, reference: str, platform: str | None = None, auth: Auth | None = None
    ) -> Generator[LayerProgress | Said | Pulled]:
        """Fetch an image; yields how far it is, and ``Pulled`` at the end.

        ``auth`` (username, password, serveraddress) is used for this and kept nowhere. Closing
        the iterator hangs up, and the engine stops. Raises ``EngineError`` in words.
        """
        name, version = split_reference(reference)
        params = {"fromImage": name, "tag": version, **({"platform": platform} if platform else {})}
        heard, repeats = Words(), Repeats()
        sent = self._objects("/images/create", params, auth, auth_header(auth), explain_pull)
        with closing(sent) as objects:
            for raw in objects:
                found = parse_progress(raw)
                if isinstance(found, Said):
                    heard.hear(found.text)
                if found is not None and _is_news(repeats, found):
                    yield found
        yield heard.result(self.image(reference), platform or "")

    def tag(self, image: str, reference: str) -> None:
        """Give an image one more name, which another image loses. Raises ``NotFound``."""
        name, tag = split_reference(reference)
        self._post(any_image_path(image, "tag"), {"repo": name, "tag": tag})

    def remove_image(self, image: str, *, force: bool = False) -> Removed:
        """Take a name away, and with the last one the image; or by its id, all of it.

        ``force`` removes what a container that is not running was made of, and all names at once.
        Podman removes the containers, too. Raises ``Conflict`` in words.
        """
        try:
            answer = self._call("DELETE", any_image_path(image, ""), {"force": int(force)})
            return parse_removed(decode(answer.content))
        except EngineError as error:
            raise explain_removal(error) from error.__cause__

    def push(
        self, reference: str, auth: Auth | None = None
    ) -> Generator[LayerProgress | Said | Pushed]:
        """Send an image to its registry; yields how far it is, and ``Pushed`` at the end.

        As ``pull``: ``auth`` is kept nowhere, and closing the iterator stops the engine. The
        registry has the tag only once it has everything.
        """
        path, params = push_path(reference)
        heard, repeats = PushWords(), Repeats()
        sent = self._objects(path, params, auth, auth_header(auth or NOBODY), explain_push)
        with closing(sent) as objects:
            for raw in objects:
                heard.hear(raw)
                found = parse_progress(raw)
                if found is not None and _is_news(repeats, found):
                    yield found
        if not heard.digest and self.has_containerd_store():  # Docker 24 does not say it there
            heard.digest = as_str(self.image(reference).get("Id"))
        yield heard.result()

    def _objects(
        self,
        path: str,
        params: Params,
        auth: Auth | None,
        headers: Mapping[str, str],
        explain: ExplainRegistry,
    ) -> Generator[Json]:
        """What the engine streams about a registry; its errors come as ``EngineError``."""
        try:
            response = self._call(
                "POST", path, params, wait=SILENCE_SECONDS, headers=headers, stream=True
            )
            try:
                for raw in read_objects(response.raw.stream(65536)):
                    if message := error_of(raw):
                        raise http_error(500, json.dumps({"message": message}).encode())
                    yield raw
            finally:
                response.close()
        except Exception as error:
            raise self._of_registry(error, auth, explain) from error

    def _of_registry(
        self, error: Exception, auth: Auth | None, explain: ExplainRegistry
    ) -> EngineError:
        """What an error means when the engine said it of a registry."""
        found = self.explain(error)
        said = error if isinstance(error, HttpError) else error.__cause__
        if isinstance(said, HttpError):
            return explain(said.message, signed_in=bool(auth)) or found
        stalled = found.code == "timeout" and not self._wires.is_cut
        return EngineError("registry_stalled", raw=found.raw) if stalled else found

    def _end(self, container: str, action: str, timeout: int | None) -> int:
        """Stop or restart: the answer comes only when the container has ended."""
        params: Params = {} if timeout is None else {"t": timeout}
        if timeout is None:
            config = as_dict(self.inspect(container).get("Config"))
            timeout = as_int(config.get("StopTimeout"), DEFAULT_GRACE)
        wait = self._timeout + max(0, timeout)
        return self._post(container_path(container, action), params, wait=wait)


def _is_news(repeats: Repeats, found: LayerProgress | Said) -> bool:
    """Whether to tell it. Raises ``EngineError`` when an engine says the same for too long."""
    if repeats.is_news(found):
        return True
    if repeats.seconds > SILENCE_SECONDS:
        raise EngineError("registry_stalled")
    return False
