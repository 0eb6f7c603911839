"""What holds for the images of every engine: the fake one, Docker however reached, and Podman."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator

import docker
import pytest

from fleet.engine.aio import open_async
from fleet.engine.client import open_engine
from fleet.engine.errors import NotFound
from fleet.engine.images import (
    IMAGE_ID,
    ImageSummary,
    image_history,
    image_path,
    inspect_image,
    list_images,
    parse_images,
    platforms_of,
    size_of,
)
from fleet.engine.saving import save_image
from tests.engine.target import IMAGE, Target

REPOSITORY = "contract/image"


@pytest.fixture
def tagged(target: Target) -> Iterator[str]:
    """A second name for the image of a container."""
    target.create("one")
    target.api.tag(IMAGE, REPOSITORY, "1.0")
    yield f"{REPOSITORY}:1.0"
    try:
        target.api.remove_image(f"{REPOSITORY}:1.0")
    except docker.errors.NotFound:
        return


def with_tag(images: list[ImageSummary], tag: str) -> list[ImageSummary]:
    # Podman tells names in full: docker.io/contract/image:1.0.
    return [one for one in images if any(name.endswith(tag) for name in one.tags)]


async def test_it_lists_images_with_all_their_names(target: Target, tagged: str) -> None:
    async with open_async(target.endpoint) as engine:
        (found,) = with_tag(await list_images(engine), tagged)
        container = await engine.container("contract-one")
    assert IMAGE_ID.fullmatch(found.engine_id)
    assert container.image_id == found.engine_id
    assert with_tag([found], IMAGE)
    assert found.size > 0 and found.created_at is not None
    assert found.labels == {}


async def test_it_sees_that_a_name_went(target: Target, tagged: str) -> None:
    target.api.remove_image(tagged)
    async with open_async(target.endpoint) as engine:
        images = await list_images(engine)
    assert not with_tag(images, tagged)
    assert with_tag(images, IMAGE)


def test_it_tells_of_one_image_and_how_it_was_made(target: Target, tagged: str) -> None:
    with open_engine(target.endpoint) as engine:
        said = inspect_image(engine, tagged)
        assert (said["Os"], said["Architecture"]) == ("linux", "amd64")
        assert said["Config"]["Cmd"] == ["sh"]
        layers = image_history(engine, said["Id"])
        assert len(layers) == len(said["RootFS"]["Layers"]) == 1
        assert layers[0].size > 0 and layers[0].created_at is not None
        for question in (inspect_image, image_history):
            with pytest.raises(NotFound):
                question(engine, "contract/none:1")


def test_it_gives_an_image_as_an_archive(target: Target, tagged: str) -> None:
    with open_engine(target.endpoint) as engine:
        ident = inspect_image(engine, tagged)["Id"]
        archive = io.BytesIO(b"".join(save_image(engine, [ident])))
        with tarfile.open(fileobj=archive) as tar:
            (about,) = json.load(tar.extractfile("manifest.json") or io.BytesIO())
            assert {about["Config"], *about["Layers"]} <= set(tar.getnames())
        pieces = save_image(engine, [ident])
        next(pieces)
        pieces.close()  # hangs up; the engine goes on to answer
        assert inspect_image(engine, tagged)["Id"] == ident
        with pytest.raises(NotFound):
            list(save_image(engine, ["contract/none:1"]))


@pytest.mark.parametrize(
    "ref", ["", "../containers/x", "a/../../b", "a//b", "a b", "a?x=1", "a%2e", "é", "x" * 600]
)
def test_it_makes_no_other_path_of_a_name(ref: str) -> None:
    with pytest.raises(NotFound):
        image_path(ref, "json")


def test_it_leaves_out_what_is_no_image_and_docker_s_word_for_no_name() -> None:
    ident = "ab" * 32
    raw = [
        {"Id": "<script>"}, None, {"Id": f"sha256:{ident}", "RepoTags": None},
        {"Id": ident, "RepoTags": ["<none>:<none>", "b:1", "a:1", 7], "Labels": None,
         "RepoDigests": ["<none>@<none>"], "Size": -1, "Created": "nonsense"},
    ]  # fmt: skip
    assert parse_images(raw) == [
        ImageSummary(f"sha256:{ident}", ("7", "a:1", "b:1"), (), 0, None, {})
    ]
    assert parse_images({"message": "no"}) == []


def test_it_tells_all_platforms_that_are_there() -> None:
    def one(kind: str, there: bool, **platform: str) -> dict[str, object]:
        return {"Kind": kind, "Available": there, "ImageData": {"Platform": platform}}

    plain = {"Os": "linux", "Architecture": "arm64", "Variant": "v8", "Size": 1953}
    assert platforms_of(plain) == ["linux/arm64/v8"]
    manifests = [
        one("image", True, os="linux", architecture="amd64"),
        one("image", True, os="linux", architecture="arm", variant="v7"),
        one("image", False, os="linux", architecture="s390x"),
        {"Kind": "attestation", "Available": True, "AttestationData": {"For": "sha256:1"}},
        None,
    ]
    assert platforms_of({**plain, "Manifests": manifests}) == ["linux/amd64", "linux/arm/v7"]
    assert platforms_of({**plain, "Manifests": "x"}) == ["linux/arm64/v8"]
    assert platforms_of({}) == [""]


def test_an_image_that_is_told_once_for_each_name_is_one() -> None:
    one = {"Id": f"sha256:{'a' * 64}", "RepoTags": ["b:1"], "RepoDigests": ["b@sha256:1"]}
    other = {**one, "RepoTags": ["a:1"], "RepoDigests": ["a@sha256:1"]}
    (found,) = parse_images([one, other, {**one, "RepoTags": []}])
    assert found.tags == ("a:1", "b:1")
    assert found.digests == ("a@sha256:1", "b@sha256:1")


def test_a_size_is_that_of_the_list() -> None:
    manifests = [{"Size": {"Total": 3000, "Content": 1953}}, {"Size": {"Total": 500}}, {}, None]
    assert size_of({"Size": 1953, "Manifests": manifests}) == 3500
    assert size_of({"Size": 1953}) == 1953
    assert size_of({"Size": None, "Manifests": [{"Size": {"Total": -1}}]}) == 0
