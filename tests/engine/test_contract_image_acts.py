"""What holds for removing, naming and pushing images on every engine; see test_contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import docker
import pytest

from fleet.engine.client import open_engine
from fleet.engine.errors import Conflict, EngineError, NotFound
from fleet.engine.images import image_id, inspect_image
from fleet.engine.progress import LayerProgress
from fleet.engine.pulls import Pulled
from fleet.engine.pushes import Pushed
from fleet.engine.removals import image_users, layers_size
from tests.engine.target import IMAGE, SLEEP, Target, by_socket
from tests.lab.images import push_image
from tests.lab.lab import Lab

LOGIN = {"username": "lab", "password": "labpass"}


@pytest.fixture
def pulled(target: Target, request: pytest.FixtureRequest) -> Iterator[str]:
    """An image that nothing uses yet, under one name."""
    if target.kind != "fake":
        lab: Lab = request.getfixturevalue("lab")
        push_image(lab.registry, "contract:1", [1000, 5000])
    name = f"{target.registry}/contract:1"
    with open_engine(target.endpoint, timeout=20) as engine:
        list(engine.pull(name))
        ident = engine.image(name)["Id"]
    yield name
    target.clear()
    try:
        target.api.remove_image(ident, force=True)
    except docker.errors.NotFound:
        return


def names_of(engine: Any, name: str) -> list[str]:
    return sorted(inspect_image(engine, name)["RepoTags"])


@by_socket
def test_a_name_comes_and_goes_and_the_last_takes_the_image(target: Target, pulled: str) -> None:
    other = f"{target.registry}/contract/other:2"
    with open_engine(target.endpoint) as engine:
        before = layers_size(engine)
        ident = engine.image(pulled)["Id"]
        engine.tag(ident, other)
        assert names_of(engine, ident) == sorted([pulled, other])
        removed = engine.remove_image(other)
        assert any(name.endswith("contract/other:2") for name in removed.untagged)
        assert names_of(engine, ident) == [pulled]
        engine.tag(ident, other)
        with pytest.raises(Conflict) as caught:
            engine.remove_image(ident)
        assert caught.value.code == "image_names"
        assert engine.remove_image(ident, force=True).deleted
        with pytest.raises(NotFound):
            inspect_image(engine, ident)
        with pytest.raises(NotFound) as gone:
            engine.remove_image(ident)
        assert gone.value.code == "image_gone"
        # Podman 4.3 does not measure them.
        assert layers_size(engine) < before or (target.kind == "podman" and before == 0)


@by_socket
def test_who_uses_it_stands_in_the_way(target: Target, pulled: str) -> None:
    made = target.api.create_container(pulled, ["sh"], name="contract-user")
    target.made.append(made["Id"])
    with open_engine(target.endpoint) as engine:
        ident = engine.image(pulled)["Id"]
        assert [(one.name, one.running) for one in image_users(engine, ident)] == [
            ("contract-user", False)
        ]
        with pytest.raises(Conflict) as caught:
            engine.remove_image(ident)
        assert caught.value.code == "image_in_use"
        engine.remove_image(ident, force=True)


@pytest.fixture
def running(target: Target) -> Iterator[str]:
    """The id of an image of which a container runs, and that no other image is built upon."""
    if target.kind == "fake":
        target.run("runs")
        with open_engine(target.endpoint) as engine:
            yield image_id(engine.image(IMAGE)["Id"])
        return
    api: Any = target.api
    made = api.commit(target.create("base"), "contract/runs", "1")
    ident = api.create_container("contract/runs:1", list(SLEEP), name="contract-runs")["Id"]
    target.made.append(ident)
    api.start(ident)
    yield image_id(made["Id"])
    target.clear()
    api.remove_image(made["Id"], force=True)


@by_socket
def test_who_runs_is_told(target: Target, running: str) -> None:
    with open_engine(target.endpoint) as engine:
        assert ("contract-runs", True) in {
            (one.name, one.running) for one in image_users(engine, running)
        }
        if target.kind != "podman":  # which would kill it
            with pytest.raises(Conflict) as caught:
                engine.remove_image(running, force=True)
            assert caught.value.code == "image_runs"


@by_socket
@pytest.mark.parametrize("name", ["a b", "../x", "x?force=1", "a@sha256:" + "0" * 64])
def test_it_gives_and_pushes_no_name_that_is_none(target: Target, name: str) -> None:
    with open_engine(target.endpoint) as engine, pytest.raises(EngineError):
        list(engine.push(name))


def test_it_pushes_with_progress_and_a_digest(target: Target, pulled: str) -> None:
    name = f"{target.registry}/contract/pushed:1"
    with open_engine(target.endpoint, timeout=20) as engine:
        engine.tag(pulled, name)
        *news, pushed = list(engine.push(name))
        layers = [item for item in news if isinstance(item, LayerProgress)]
        assert {item.state for item in layers} & {"done", "exists"} or target.kind == "podman"
        assert isinstance(pushed, Pushed)
        assert pushed.digest.startswith("sha256:") or target.kind == "podman"
        engine.remove_image(name)
        again = list(engine.pull(name))[-1]
        assert isinstance(again, Pulled) and again.platform == "linux/amd64"
        engine.remove_image(name)


@by_socket
def test_a_registry_that_asks(target: Target, pulled: str) -> None:
    name = f"{target.private_registry}/contract/pushed:1"
    with open_engine(target.endpoint, timeout=20) as engine:
        engine.tag(pulled, name)
        refused = {"": "registry_login", "wrong": "registry_credentials"}
        for password, code in refused.items():
            auth = {**LOGIN, "password": password} if password else None
            with pytest.raises(EngineError) as caught:
                list(engine.push(name, auth))
            assert caught.value.code == code
            assert "wrong" not in f"{caught.value} {caught.value.raw}"
        auth = {**LOGIN, "serveraddress": target.private_registry}
        assert isinstance(list(engine.push(name, auth))[-1], Pushed)


@by_socket
def test_what_the_host_has_not_it_does_not_push(target: Target) -> None:
    with open_engine(target.endpoint) as engine, pytest.raises(EngineError) as caught:
        list(engine.push(f"{target.registry}/nothing/here:1"))
    assert caught.value.code == "image_gone"
