"""Building on an engine: BuildKit wherever there is one, else the classic builder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleet.engine.build_types import Builder, BuilderName, BuildItem, BuildOptions, Using
from fleet.engine.buildkit import OWN_API, BuildKit, Command, find_command
from fleet.engine.client import Engine
from fleet.engine.errors import Invalid, Unsupported


def build(engine: Engine, context: Path, options: BuildOptions) -> Iterator[BuildItem]:
    """Build the folder ``context``: ``Using`` first, ``Built`` last.

    ``Engine.abort`` stops it from another thread, at the engine too. Raises ``EngineError``:
    ``build_failed`` when a step said no (``StepFailed`` told which), ``build_refused`` when none
    began. The image gets no name: whoever asked gives names once all has gone well.
    """
    _check_dockerfile(context, options.dockerfile)
    with _builder(engine, options) as builder:
        yield Using(builder.name)
        _check_platforms(engine, builder.name, options)
        yield from builder.build(context, options)


def _check_dockerfile(context: Path, dockerfile: str) -> None:
    """A link to a file of the worker's own would be read, and shown where a step fails."""
    place = (context / dockerfile).resolve()
    if not place.is_relative_to(context.resolve()):
        raise Invalid("dockerfile_outside")
    if not place.is_file():
        raise Invalid("dockerfile_missing")


def _check_platforms(engine: Engine, name: BuilderName, options: BuildOptions) -> None:
    """Say it before the first step: what cannot be kept is not built."""
    if len(options.platforms) < 2:
        return
    if name != "buildx":
        raise Unsupported("platforms_need_buildx")
    if not engine.has_containerd_store():
        raise Unsupported("platforms_need_store")


def _command(engine: Engine, options: BuildOptions) -> Command | None:
    """Return the command that builds by BuildKit here; None where there is none.

    One without the plugin speaks an API that some engines, 29.0 to 29.2, take no more.
    """
    command = find_command() if engine.has_buildkit() else None
    if command is None or command.name == "buildx" or engine.lowest_api() <= OWN_API:
        return command
    if options.secrets:
        raise Unsupported("command_too_old")
    return None


@contextmanager
def _builder(engine: Engine, options: BuildOptions) -> Iterator[Builder]:
    command = _command(engine, options)
    if command is None:
        yield engine.classic_builder()
        return
    with engine.socket_path() as path:
        kit = BuildKit(command, path)
        with engine.on_abort(kit.stop):
            yield kit
