"""Tars as they pass: what is left out, and what passes as it is."""

from __future__ import annotations

import io
import tarfile

import pytest

from fleet.moves.layers import file_names, shared_layers
from fleet.moves.tar import Sieve

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def tar_of(*names: str, kind: int = tarfile.USTAR_FORMAT, size: int = 1000) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = size
            tar.addfile(info, io.BytesIO(b"x" * size))
    return out.getvalue()


def names_in(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getnames()


def sifted(data: bytes, *names: str, piece: int = 700) -> tuple[bytes, int]:
    sieve = Sieve(lambda name: name in names)
    out = b"".join(sieve.feed(data[at : at + piece]) for at in range(0, len(data), piece))
    return out + sieve.flush(), sieve.left_out


@pytest.mark.parametrize("piece", [1, 511, 512, 513, 100_000])
def test_files_are_left_out(piece: int) -> None:
    data = tar_of("a/layer.tar", "b/layer.tar", "manifest.json")
    out, left = sifted(data, "a/layer.tar", "b/layer.tar", piece=piece)
    assert names_in(out) == ["manifest.json"]
    assert left == 2 * (512 + 1024)
    assert len(out) + left == len(data)


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_what_has_a_long_name_passes_and_what_comes_after_is_still_seen(kind: int) -> None:
    long = "x" * 300
    data = tar_of(long, "layer.tar", "last", kind=kind)
    out, _left = sifted(data, long, "layer.tar")
    assert names_in(out) == [long, "last"]


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * 5000, tar_of("a")[:800], tar_of("a") + b"an error", b"\xff" * 3000, bytes(100)],
)
def test_what_it_does_not_understand_passes_as_it_is(data: bytes) -> None:
    assert sifted(data, "b") == (data, 0)


def test_a_header_that_never_ends_is_not_held() -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 2**40
    sieve = Sieve(lambda name: True)
    data = info.tobuf(tarfile.GNU_FORMAT) + bytes(3 * 1024**2)
    assert sieve.feed(data) == data


def test_layers_are_shared_from_the_base_on() -> None:
    assert shared_layers([A, B, C], [[B], [A, C], [A, B]]) == 2
    assert shared_layers([A, B], [[A, B, C]]) == 2
    assert shared_layers([A], []) == 0


def test_names_of_old_tars_are_those_that_docker_gives() -> None:
    """As `docker save` of 20.10 wrote them for these layers."""
    layers = [
        "sha256:9ac9180a178d5772fd64846baaf611ab2ef57e8366c4ea9b610dcc37b1c4b92e",
        "sha256:4e993f978411c6cff940c0b71d9473fb119a2b59b377d1aa40dc1ed4f8a1738a",
        "sha256:148bddd4e9d1a76df5140d6205ff210bf3ce16f53b83f0f7aecaebd9007ad9bc",
    ]
    old = {name for name in file_names(layers, 3) if name.endswith("/layer.tar")}
    assert {name[:12] for name in old} == {"e8f7f626811e", "4f72457b9371"}
