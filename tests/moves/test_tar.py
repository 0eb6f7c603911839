"""Tars as they pass: what is left out, and what passes as it is."""

from __future__ import annotations

import io
import tarfile

import pytest

from fleet.moves.layers import file_names, shared_layers
from fleet.moves.tar import Header, Sieve

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


def head_of(size: bytes, name: str = "layer.tar", kind: bytes = tarfile.REGTYPE) -> bytes:
    """The head of an entry with this written as its size."""
    info = tarfile.TarInfo(name)
    info.type = kind
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[124:136] = size.ljust(12, b"\0")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


NO_SIZES = [b"-1000", b"+1000", b"1_000", b"0o17", b"8", b"\xff" * 12, b"\x80" + b"\x01" * 11]


@pytest.mark.parametrize("size", NO_SIZES)
def test_a_size_that_is_none_makes_no_header(size: bytes) -> None:
    with pytest.raises(ValueError, match=r"no (number|size)"):
        Header(head_of(size))


def test_sizes_are_octal_or_of_base_256() -> None:
    sizes = [b"", b"00000001750", b" 1750 ", b"\x80" + bytes(9) + b"\x03\xe8"]
    assert [Header(head_of(size)).size for size in sizes] == [0, 1000, 1000, 1000]
    assert Header(head_of(b"\x80\0\0\0\x7f" + b"\xff" * 7)).size == 2**63 - 1


@pytest.mark.parametrize("size", NO_SIZES)
def test_what_has_no_size_passes_as_it_is(size: bytes) -> None:
    data = head_of(size) + bytes(1024)
    assert sifted(data, "layer.tar") == (data, 0)


def test_headers_about_headers_are_not_held_for_ever() -> None:
    sieve = Sieve(lambda name: True)
    one = head_of(b"%o" % 600_000, kind=tarfile.XHDTYPE) + bytes(600_064)
    assert sieve.feed(one) == b""
    assert sieve.feed(one) == one + one


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
