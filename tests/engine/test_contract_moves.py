"""What holds for saving and loading images on every engine; see test_contract."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator

import pytest

from fleet.engine.client import open_engine
from fleet.engine.errors import Aborted, EngineError, NotFound
from fleet.engine.images import image_id
from fleet.engine.loading import Loaded, explain_load, load_image
from fleet.engine.saving import save_image
from tests.engine.target import IMAGE, Target
from tests.moves.test_tar import names_in

PART = 100_000


@pytest.fixture
def image(target: Target) -> str:
    """An image that is there, by the name that its engine tells."""
    if target.kind == "fake":
        target.create("saved")
    with open_engine(target.endpoint) as engine:
        return str(engine.image(IMAGE)["RepoTags"][0])


def cut(data: bytes) -> Iterator[bytes]:
    return (data[at : at + PART] for at in range(0, len(data), PART))


def test_what_was_saved_is_loaded_with_its_id(target: Target, image: str) -> None:
    with open_engine(target.endpoint) as engine:
        ident = image_id(engine.image(image)["Id"])
        data = b"".join(save_image(engine, [image]))
        assert "manifest.json" in names_in(data)
        loaded = list(load_image(engine, cut(data)))[-1]
        assert loaded == Loaded(names=(image,))
        assert image_id(engine.image(image)["Id"]) == ident
        without_name = b"".join(save_image(engine, [ident]))
        assert list(load_image(engine, cut(without_name)))[-1] == Loaded(ids=(ident,))


def test_it_saves_nothing_that_is_not_there(target: Target) -> None:
    with open_engine(target.endpoint) as engine:
        for name in ("nothing/here:1", "../x"):
            with pytest.raises((NotFound, EngineError)) as caught:
                list(save_image(engine, [name]))
            assert not isinstance(caught.value, Aborted)


def test_a_load_says_what_is_wrong_with_a_tar(target: Target, image: str) -> None:
    with open_engine(target.endpoint) as engine:
        whole = b"".join(save_image(engine, [image]))
        empty = io.BytesIO()
        tarfile.open(fileobj=empty, mode="w").close()
        for data, code in (
            (b"x" * 3000, "tar_damaged"),
            (whole[: len(whole) // 2], "tar_damaged"),
            (empty.getvalue(), "tar_no_images"),
        ):
            with pytest.raises(EngineError) as caught:
                list(load_image(engine, cut(data)))
            assert caught.value.code == code


def test_what_breaks_the_pieces_comes_out_as_it_is(target: Target, image: str) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 10_000
        raise KeyError("ours")

    with open_engine(target.endpoint) as engine:
        with pytest.raises(KeyError):
            list(load_image(engine, broken()))
        assert engine.image(image)["Id"]


def test_abort_ends_a_load_that_waits_for_its_pieces(target: Target) -> None:
    with open_engine(target.endpoint) as engine:
        going = threading.Event()

        def endless() -> Iterator[bytes]:
            while True:
                yield bytes(PART)
                going.set()

        def stop() -> None:
            going.wait(10)
            engine.abort()

        stopper = threading.Thread(target=stop)
        stopper.start()
        with pytest.raises(Aborted):
            list(load_image(engine, endless()))
        stopper.join()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("open /var/lib/docker/tmp/x/manifest.json: no such file or directory", "tar_no_images"),
        ("invalid archive: does not contain a manifest.json", "tar_no_images"),
        ("invalid archive: failed to decode manifest.json: unexpected end", "tar_damaged"),
        ("unexpected EOF", "tar_damaged"),
    ],
)
def test_each_version_has_its_words_for_a_bad_tar(message: str, code: str) -> None:
    assert explain_load(EngineError(raw=message)).code == code
