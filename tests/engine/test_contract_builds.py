"""Builds on real engines: BuildKit and the classic builder, by socket, TLS, SSH, and Podman."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from fleet.engine import builds
from fleet.engine.build_cache import CachePruned, prune_build_cache
from fleet.engine.build_types import (
    BuildItem,
    BuildOptions,
    Built,
    RegistryLogin,
    StepBegan,
    StepEnded,
    StepFailed,
    StepOutput,
    Using,
)
from fleet.engine.builds import build
from fleet.engine.client import open_engine
from fleet.engine.errors import EngineError, NotFound, Unsupported
from tests.engine.target import IMAGE, Target, by_socket
from tests.lab.lab import Lab
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(90)]
SECRET = "correct horse battery"


@pytest.fixture(params=["best", "classic"])
def builder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The builder that is chosen, or the one that is left when the worker has no command."""
    if request.param == "classic":
        monkeypatch.setattr(builds, "find_command", lambda: None)
    return str(request.param)


@pytest.fixture
def real(target: Target) -> Iterator[Target]:
    """An engine that builds; what it built is removed."""
    if target.kind == "fake":
        pytest.skip("The fake builds nothing.")
    yield target
    for image in target.api.images(filters={"label": "contract.build"}):
        target.api.remove_image(image["Id"], force=True)
    api: Any = target.api
    api.prune_images({"dangling": True})  # steps of builds that failed


def context_of(folder: Path, dockerfile: str, **files: str) -> Path:
    """Write a context."""
    (folder / "Dockerfile").write_text(dockerfile)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def asked(**more: Any) -> BuildOptions:
    """Return options with the label by which images are found again."""
    return BuildOptions(labels={"contract.build": "1"}, **more)


def built(on: Target, context: Path, **more: Any) -> list[BuildItem]:
    """Build; return all that was told."""
    with open_engine(on.endpoint) as engine:
        return list(build(engine, context, asked(**more)))


def output(items: list[BuildItem]) -> list[str]:
    """Return the lines that steps wrote."""
    return [item.text for item in items if isinstance(item, StepOutput)]


def test_it_builds(real: Target, builder: str, tmp_path: Path) -> None:
    dockerfile = (
        f"FROM {IMAGE} AS base\nARG WHO=nobody\n"
        "RUN echo hello $WHO; echo wrong >&2\n"
        "FROM base AS other\nRUN true\n"
        'FROM base AS last\nCOPY hello /hello\nCMD ["cat", "/hello"]\n'
    )
    context = context_of(tmp_path, dockerfile, hello="world\n")
    items = built(real, context, target="last", args={"WHO": "you"}, no_cache=True)
    assert isinstance(items[0], Using)
    wanted = "buildkit" if builder == "best" and real.kind != "podman" else "classic"
    assert items[0].builder in (wanted, "buildx" if wanted == "buildkit" else wanted)
    assert isinstance(items[-1], Built)
    api: Any = real.api
    image = api.inspect_image(items[-1].image_id)
    assert image["Config"]["Cmd"] == ["cat", "/hello"]
    assert image["Config"]["Labels"]["contract.build"] == "1"
    assert not image["RepoTags"]
    told = "\n".join(output(items))
    assert "hello you" in told
    assert "wrong" in told
    began = {item.step for item in items if isinstance(item, StepBegan)}
    assert began == {item.step for item in items if isinstance(item, StepEnded)}


@by_socket
def test_names_are_given_and_taken_away(real: Target, tmp_path: Path) -> None:
    items = built(real, context_of(tmp_path, f"FROM {IMAGE}\nRUN true\n"))
    assert isinstance(items[-1], Built)
    name, image = "docker.io/contract/named:1", items[-1].image_id
    with open_engine(real.endpoint) as engine:
        engine.tag(image, name)
        assert str(engine.image(name)["Id"]).removeprefix("sha256:") in image
        engine.untag(name)
        with pytest.raises(NotFound):
            engine.image(name)
        with pytest.raises(NotFound):
            engine.tag("contract/nothing:1", name)


def test_build_cache_is_pruned_down_to_what_is_kept(real: Target, tmp_path: Path) -> None:
    with open_engine(real.endpoint) as engine:
        if real.kind == "podman":
            with pytest.raises(Unsupported) as refused:
                prune_build_cache(engine)
            assert refused.value.code == "no_build_cache"
            return
        word = token_hex(8)
        (built_item,) = [
            item
            for item in built(
                real, context_of(tmp_path, f"FROM {IMAGE}\nRUN echo {word} > /file\n")
            )
            if isinstance(item, Built)
        ]
        engine.remove_image(built_item.image_id)  # what an image shares is no cache alone
        assert prune_build_cache(engine, keep=10**12) == CachePruned()
        assert prune_build_cache(engine, unused_hours=24) == CachePruned()
        gone = prune_build_cache(engine)
        assert gone.count
        assert gone.size > 0
        assert engine.disk_usage().build_cache.reclaimable == 0


@by_socket
def test_a_step_that_fails_is_named(real: Target, builder: str, tmp_path: Path) -> None:
    context = context_of(tmp_path, f"FROM {IMAGE}\nRUN echo before\nRUN echo why; exit 42\n")
    items: list[BuildItem] = []
    with open_engine(real.endpoint) as engine, pytest.raises(EngineError) as failed:
        for item in build(engine, context, asked()):
            items.append(item)
    assert failed.value.code == "build_failed"
    names = {item.step: item.name for item in items if isinstance(item, StepBegan)}
    if real.kind == "podman":  # it does not say in its stream which one it was
        return
    (end,) = [item for item in items if isinstance(item, StepFailed)]
    assert "exit 42" in names[end.step]
    assert "42" in end.text
    assert "why" in output(items)


@by_socket
def test_what_cannot_begin_is_told(real: Target, builder: str, tmp_path: Path) -> None:
    context = context_of(tmp_path, "FROM nobody/has-this:1\nRUN true\n")
    with pytest.raises(EngineError) as refused:
        built(real, context)
    assert refused.value.raw  # the lab has no way out: each builder has its own words for that
    context_of(tmp_path, f"FROM {IMAGE}\nWRONG words\n")
    with pytest.raises(EngineError) as refused:
        built(real, context)
    assert "wrong" in refused.value.raw.lower()


@by_socket
def test_a_secret_stays_out_of_the_image(real: Target, tmp_path: Path) -> None:
    mount = "--mount=type=secret,id=token"
    context = context_of(
        tmp_path, f"FROM {IMAGE}\nRUN {mount} md5sum /run/secrets/token | tee /sum\n"
    )
    if real.kind == "podman":
        with pytest.raises(EngineError) as refused:
            built(real, context, secrets={"token": SECRET})
        assert refused.value.code == "secrets_need_buildkit"
        return
    items = built(real, context, secrets={"token": SECRET}, no_cache=True)
    assert any(line.startswith(md5(SECRET.encode()).hexdigest()) for line in output(items))  # noqa: S324
    assert SECRET not in str(items)
    assert isinstance(items[-1], Built)
    api: Any = real.api
    assert SECRET not in json.dumps(api.history(items[-1].image_id))
    assert SECRET.encode() not in b"".join(api.get_image(items[-1].image_id))


def test_cancelling_stops_it_at_the_engine(real: Target, builder: str, tmp_path: Path) -> None:
    mark = token_hex(8)  # Podman's step of another run may still be there
    context = context_of(tmp_path, f"FROM {IMAGE}\nRUN echo go; sleep 45; : {mark}\n")
    with open_engine(real.endpoint) as engine, pytest.raises(EngineError) as stopped:
        for item in build(engine, context, asked(no_cache=True)):
            if isinstance(item, StepOutput) and item.text == "go":
                threading.Timer(0.2, engine.abort).start()
    assert stopped.value.code == "aborted"
    if real.kind != "podman":  # its build runs on in a process that nobody can ask for
        eventually(lambda: mark not in _processes(), "the step's process is gone")


def _processes() -> str:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(place.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


@by_socket
def test_a_dockerfile_out_of_the_context_is_refused(real: Target, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (tmp_path / "secret").write_text("FROM scratch\n")
    (context / "link").symlink_to("../secret")
    for name, code in (
        ("../secret", "dockerfile_outside"),
        ("link", "dockerfile_outside"),
        ("missing", "dockerfile_missing"),
    ):
        with pytest.raises(EngineError) as refused:
            built(real, context, dockerfile=name)
        assert refused.value.code == code


@by_socket
def test_base_images_come_with_a_login(
    real: Target, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # BuildKit in 20.10 does not know of the engine's insecure registries (docs/concepts/build.md).
    monkeypatch.setattr(builds, "find_command", lambda: None)
    if real.kind == "podman":
        pytest.skip("The lab's Podman has no way to the registry.")
    registry = lab.private_registry
    host, base = lab[1], f"{registry}/contract-base:1"
    context = context_of(tmp_path, f"FROM {base}\nRUN true\n")
    login = {"username": "lab", "password": "labpass"}
    real.api.tag(IMAGE, f"{registry}/contract-base", "1")
    assert "error" not in real.api.push(f"{registry}/contract-base", "1", auth_config=login)
    host.docker("rmi", base)
    with pytest.raises(EngineError) as refused:
        built(real, context)
    assert "credentials" in refused.value.raw
    logins = (RegistryLogin(registry, "lab", "labpass"),)
    assert isinstance(built(real, context, logins=logins)[-1], Built)
    host.docker("rmi", "-f", base)
