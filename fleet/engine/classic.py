"""The classic builder, which every engine and Podman have, through docker-py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from docker.auth import AuthConfig

from fleet.engine.build_output import ClassicStream
from fleet.engine.build_types import BuilderName, BuildItem, BuildOptions
from fleet.engine.errors import EngineError, Unsupported
from fleet.engine.raw import as_dict

HUB_LOGIN = "https://index.docker.io/v1/"  # as the engine calls docker.io


class Classic:
    """Builds over docker-py's client ``api``; ``explain`` makes its errors ours."""

    name: Final[BuilderName] = "classic"

    def __init__(self, api: Any, explain: Callable[[BaseException], EngineError]) -> None:
        self._api, self._explain = api, explain

    def build(self, context: Path, options: BuildOptions) -> Iterator[BuildItem]:
        """Build a folder. Raises ``EngineError``: ``build_failed`` when a step said no."""
        if options.secrets:
            raise Unsupported("secrets_need_buildkit")
        stream = ClassicStream()
        try:
            for said in self._ask(context, options):
                yield from stream.feed(as_dict(said))
        except EngineError:
            raise
        except Exception as error:
            raise self._explain(error) from error
        if stream.error:
            raise EngineError("build_failed", raw=stream.error)
        yield from stream.end()
        if not stream.image_id:
            raise EngineError("build_refused")

    def _ask(self, context: Path, options: BuildOptions) -> Iterator[Any]:
        before, self._api._auth_configs = self._api._auth_configs, _logins(options)
        try:
            answer: Iterator[Any] = self._api.build(
                path=str(context),
                dockerfile=options.dockerfile,
                nocache=options.no_cache,
                pull=options.pull,
                rm=True,
                forcerm=True,
                buildargs=dict(options.args) or None,
                labels=dict(options.labels) or None,
                target=options.target or None,
                network_mode=options.network or None,
                platform=options.platform or None,
                container_limits={"memory": options.memory} if options.memory else None,
                decode=True,
            )
            return answer
        finally:
            self._api._auth_configs = before


def _logins(options: BuildOptions) -> AuthConfig:
    return AuthConfig(
        {
            "auths": {
                HUB_LOGIN if login.registry == "docker.io" else login.registry: {
                    "username": login.username,
                    "password": login.password,
                    "serveraddress": login.registry,
                }
                for login in options.logins
            }
        }
    )
