"""What holds for the pulls of every engine; see test_contract."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.engine.client import open_engine
from fleet.engine.errors import EngineError
from fleet.engine.progress import LayerProgress
from fleet.engine.pulls import Pulled
from tests.engine.target import Target
from tests.lab.images import push_image
from tests.lab.lab import Lab

LOGIN = {"username": "lab", "password": "labpass"}


@pytest.fixture
def stocked(target: Target, request: pytest.FixtureRequest) -> Target:
    """An engine whose registries have an image; it has none of its layers itself."""
    if target.kind != "fake":
        lab: Lab = request.getfixturevalue("lab")
        push_image(lab.registry, "contract:1", [1000, 5000])
        push_image(lab.private_registry, "contract:1", [1000], auth="lab:labpass")
    return target


def pull(target: Target, reference: str, **more: Any) -> list[Any]:
    with open_engine(target.endpoint, timeout=10) as engine:
        return list(engine.pull(reference, **more))


def test_it_pulls_and_tells_of_each_layer(stocked: Target) -> None:
    *news, pulled = pull(stocked, f"{stocked.registry}/contract:1")
    layers = [item for item in news if isinstance(item, LayerProgress)]
    assert len({item.layer for item in layers}) >= 2
    assert {"downloaded", "done"} & {item.state for item in layers}
    assert isinstance(pulled, Pulled)
    assert pulled.image_id.startswith("sha256:") and pulled.digest.startswith("sha256:")
    assert (pulled.platform, pulled.newer) == ("linux/amd64", True)
    with open_engine(stocked.endpoint) as engine:
        assert engine.image(f"{stocked.registry}/contract:1")["Id"] == pulled.image_id
    *_news, again = pull(stocked, f"{stocked.registry}/contract:1")
    assert again.image_id == pulled.image_id


@pytest.mark.parametrize(
    ("registry", "name", "password", "code"),
    [
        ("registry", "contract:9", "", "image_unknown"),
        ("registry", "nothing:1", "", "image_unknown"),
        ("private_registry", "contract:1", "", "registry_login"),
        ("private_registry", "contract:1", "wrong", "registry_credentials"),
    ],
)
def test_it_says_in_words_why_not(
    stocked: Target, registry: str, name: str, password: str, code: str
) -> None:
    reference = f"{getattr(stocked, registry)}/{name}"
    auth = {**LOGIN, "password": password} if password else None
    with pytest.raises(EngineError) as caught:
        pull(stocked, reference, auth=auth)
    assert caught.value.code == code
    assert "wrong" not in f"{caught.value} {caught.value.raw}"


def test_it_signs_in(stocked: Target) -> None:
    address = stocked.private_registry
    auth = {**LOGIN, "serveraddress": address}
    assert isinstance(pull(stocked, f"{address}/contract:1", auth=auth)[-1], Pulled)
