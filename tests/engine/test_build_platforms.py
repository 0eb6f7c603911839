"""Several platforms in one build, and commands that an engine does not speak with any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.engine import builds
from fleet.engine.build_types import (
    BuilderName,
    BuildItem,
    BuildOptions,
    Built,
    Foreign,
    StepBegan,
    Using,
)
from fleet.engine.buildkit import BuildKit, Command
from fleet.engine.builds import build
from fleet.engine.client import open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Unsupported
from fleet.engine.fake import FakeEngine
from tests.engine.test_buildkit import ID, command, context

__all__ = ["context"]
CONTAINERD = [["driver-type", "io.containerd.snapshotter.v1"]]
INSPECTED = "Name: default\nPlatforms: linux/amd64*, linux/amd64/v2, linux/arm64\nLabels:\n x: y\n"


@pytest.mark.parametrize(
    ("wanted", "said", "foreign"),
    [
        ("linux/amd64,linux/arm64/v8", INSPECTED, ()),
        ("linux/arm/v7,linux/amd64,linux/s390x", INSPECTED, ("linux/arm/v7", "linux/s390x")),
        ("linux/arm/v7", "", ()),  # it does not tell
        ("", INSPECTED, ()),
    ],
)
def test_platforms_without_an_emulator_are_told_first(
    wanted: str, said: str, foreign: tuple[str, ...], tmp_path: Path, context: Path
) -> None:
    spy = Path(command(tmp_path).path)
    head = f"#!/bin/sh\nif [ \"$2\" = inspect ]; then printf '%b' {said!r}; exit 0; fi\n"
    spy.write_text(head + spy.read_text())
    kit = BuildKit(Command(str(spy), "buildx"), Path("/run/x.sock"))
    items = list(kit.build(context, BuildOptions(platform=wanted)))
    told: list[BuildItem] = [Foreign(foreign)] if foreign else []
    assert items == [*told, StepBegan(1, "[1/1] FROM x"), Built(ID)]
    argv = (tmp_path / "seen" / "argv").read_text().splitlines()
    assert (f"--platform={wanted}" in argv) == bool(wanted)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("buildkit", CONTAINERD, "platforms_need_buildx"),
        ("buildx", [["Backing Filesystem", "extfs"]], "platforms_need_store"),
        ("buildx", CONTAINERD, ""),
    ],
)
def test_several_platforms_are_built_where_they_can_be_kept(
    name: BuilderName,
    status: list[list[str]],
    code: str,
    fake: FakeEngine,
    tmp_path: Path,
    context: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (context / "Dockerfile").write_text("FROM scratch\n")
    found = Command(command(tmp_path).path, name)
    monkeypatch.setattr(builds, "find_command", lambda: found)
    fake.driver_status = status
    options = BuildOptions(platform="linux/amd64,linux/arm64")
    with open_engine(Endpoint(fake.url)) as engine:
        building = build(engine, context, options)
        assert next(building) == Using(name)
        if not code:
            assert list(building)[-1] == Built(ID)
            return
        with pytest.raises(Unsupported) as refused:
            next(building)
    assert refused.value.code == code
    assert not (tmp_path / "seen").exists()


def test_a_command_that_is_too_old_for_the_engine_is_left_alone(
    fake: FakeEngine, tmp_path: Path, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (context / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.setattr(builds, "find_command", lambda: command(tmp_path))
    fake.min_api_version = "1.44"
    with open_engine(Endpoint(fake.url)) as engine:
        assert next(build(engine, context, BuildOptions())) == Using("classic")
        with pytest.raises(Unsupported) as refused:
            next(build(engine, context, BuildOptions(secrets={"a": "b"})))
    assert refused.value.code == "command_too_old"
    fake.min_api_version = "1.24"
    with open_engine(Endpoint(fake.url)) as engine:
        assert next(build(engine, context, BuildOptions())) == Using("buildkit")
