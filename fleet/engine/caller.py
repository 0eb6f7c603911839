"""One connection to an engine for threads: calls in time, ended from outside, errors in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Aborted, EngineError, Unsupported
from fleet.engine.protocol import decode, http_error, negotiate, version_error, versions
from fleet.engine.quiet import quiet_client
from fleet.engine.raw import Json, as_dict
from fleet.engine.translate import HttpError
from fleet.engine.transport import Route
from fleet.engine.wires import Wires

Params = Mapping[str, str | int]
Pieces = Iterable[bytes] | None


class Caller:
    """What all calls of an engine have in common; `Engine` says what is called.

    All methods raise ``EngineError``: ``NotFound``, ``Conflict``, ``Unreachable`` …
    """

    def __init__(
        self, endpoint: Endpoint, route: Route, timeout: float, connect_timeout: float
    ) -> None:
        self.endpoint = endpoint
        self._route = route
        self._timeout, self._connect_timeout = timeout, connect_timeout
        self._wires = Wires(route)
        self._abort_calls: list[Callable[[], None]] = []
        self._api = quiet_client(self._wires)

    @property
    def learned_host_key(self) -> str:
        """The SSH host key to pin, as the host showed it; "" for other ways."""
        return self._route.host_key

    def close(self) -> None:
        """End all connections."""
        self._api.close()

    def abort(self) -> None:
        """From another thread: a call that waits raises ``Aborted`` at once, as do all later ones;
        what the engine has begun it may still finish."""
        self._wires.cut()
        for call in list(self._abort_calls):
            call()

    def check_wires(self) -> None:
        """Raise ``Aborted`` after ``abort``: what came until then may be less than it seems."""
        if self._wires.is_cut:
            raise Aborted()

    @contextmanager
    def on_abort(self, call: Callable[[], None]) -> Iterator[None]:
        """Within the block ``abort`` calls this too; at once when it was there before."""
        self._abort_calls.append(call)
        try:
            if self._wires.is_cut:
                call()
            yield
        finally:
            self._abort_calls.remove(call)

    def negotiate(self) -> None:
        """Settle on an API version. Raises ``Unsupported`` as ``AsyncEngine.facts`` does."""
        if not versions.get(self.endpoint):
            self._ask_version()
        self._api._version = versions.get(self.endpoint)

    # -- for other nouns' files -----------------------------------------------------------------

    def get(self, path: str, *, wait: float = 0) -> Any:
        """JSON of a path under the negotiated version, for images.py and other nouns' files."""
        return self._json(path, wait=wait)

    def stream(
        self, method: str, path: str, *, wait: float = 0, body: Pieces = None
    ) -> requests.Response:
        """An answer of any size, to a body of any size, for saving.py and loading.py."""
        return self._call(method, path, wait=wait, stream=True, body=body)

    def raw(self, path: str) -> bytes:
        """The bytes of a path, for containers.py."""
        return self._call("GET", path).content

    def send(
        self, path: str, said: Json | None = None, params: Params | None = None, *, wait: float = 0
    ) -> Any:
        """What a POST answers, with JSON or without, for other nouns' files; None for nothing."""
        answer = self._call("POST", path, params, wait=wait, said=said).content
        return decode(answer) if answer.strip() else None

    # -- HTTP -----------------------------------------------------------------------------------

    def _ask_version(self) -> Json:
        try:
            said = as_dict(self._json("/version", versioned=False))
        except EngineError as error:
            cause = error.__cause__
            raise (version_error(cause) if isinstance(cause, HttpError) else error) from cause
        versions.put(self.endpoint, negotiate(said))
        return said

    def _json(self, path: str, *, wait: float = 0, versioned: bool = True) -> Any:
        try:
            return decode(self._call("GET", path, wait=wait, versioned=versioned).content)
        except ValueError as error:
            raise self.explain(error) from error

    def _post(self, path: str, params: Params | None = None, *, wait: float = 0) -> int:
        return self._call("POST", path, params, wait=wait).status_code

    def _call(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        *,
        wait: float = 0,
        versioned: bool = True,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        body: Pieces = None,
        said: Json | None = None,
    ) -> requests.Response:
        self.check_wires()
        # The path is quoted already; docker-py's own quoting would do it twice.
        url = self._api._url("{0}", "", versioned_api=versioned) + path
        # The first is that of sending, too.
        timeout = (wait if body else self._connect_timeout, wait or self._timeout)
        try:
            response: requests.Response = self._api.request(
                method, url, params=params, timeout=timeout, allow_redirects=False,
                headers=headers, stream=stream, data=body, json=said,
            )  # fmt: skip
            if response.status_code >= 300 and response.status_code != 304:
                raise http_error(response.status_code, response.content)
            return response
        except Exception as error:
            raise self.explain(error) from error

    def explain(self, error: BaseException) -> EngineError:
        """The error for people of one that came of this engine."""
        if self._wires.is_cut and not isinstance(error, HttpError):
            return Aborted()
        found = self._route.explain(error)
        if isinstance(found, Unsupported) and found.code in ("api_too_old", "api_too_new"):
            versions.drop(self.endpoint)
        return found
