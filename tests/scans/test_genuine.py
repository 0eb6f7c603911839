"""A scan counts for all hosts: Trivy gets the files that the image's id names, and no others."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pytest_django import Settings

from fleet.moves.tar import HELD_LIMIT
from fleet.scans import blobs, genuine
from fleet.scans.blobs import Blobs
from fleet.scans.genuine import Genuine, find_genuine
from fleet.scans.layout import write_layout
from fleet.scans.trivy import ScanFailed, scan
from tests.programs import program
from tests.scans.saved import DPKG, OS_RELEASE, Layout, config_of, layer_of, saved_image

FILES = {"etc/os-release": OS_RELEASE, "large": "x" * 100_000}
OTHER = layer_of({"etc/os-release": OS_RELEASE, "clean": ""})
LAYER = "l/layer.tar"
Entries = list[tuple[tarfile.TarInfo, bytes]]


def nothing() -> None:
    """Nobody wants it to end."""


def took(place: Path, piece: int = 1000) -> Blobs:
    """Take a tar apart, as it comes in pieces."""
    came = Blobs(place.parent / "came")
    data = place.read_bytes()
    with closing(came):
        for at in range(0, len(data), piece):
            came.write(data[at : at + piece])
        came.done()
    return came


def found(place: Path, ident: str, platform: str = "linux/amd64") -> Genuine:
    """Look for an image in a tar."""
    return find_genuine(took(place), ident, platform, nothing)


def changed(place: Path, change: Callable[[Entries], None]) -> None:
    """Write a tar anew with other entries."""
    with tarfile.open(place) as tar:
        entries = [(one, _data(tar, one)) for one in tar.getmembers()]
    change(entries)
    with tarfile.open(place, "w") as tar:
        for info, data in entries:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def _data(tar: tarfile.TarFile, one: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(one)
    return file.read() if file else b""


def at(entries: Entries, name: str) -> int:
    return next(number for number, (info, _data) in enumerate(entries) if info.name == name)


def other_files(entries: Entries) -> None:
    number = at(entries, LAYER)
    entries[number] = (entries[number][0], entries[number][1] + b"\0")


def no_layer(entries: Entries) -> None:
    del entries[at(entries, LAYER)]


def cut(entries: Entries) -> None:
    number = at(entries, LAYER)
    entries[number] = (entries[number][0], gzip.compress(entries[number][1])[:-9])


def two_layers_of_one_name(entries: Entries) -> None:
    entries.insert(0, (tarfile.TarInfo(f"./{LAYER}"), OTHER))
    entries.append((tarfile.TarInfo(LAYER), OTHER))


def no_manifest(entries: Entries) -> None:
    del entries[at(entries, "manifest.json")]


def two_lists_of_layers(entries: Entries) -> None:
    """Go does not mind how a key is written, and takes the last."""
    number = at(entries, "manifest.json")
    info, data = entries[number]
    entries[number] = (info, data.replace(b"}]", b', "layers": ["b/x.tar"]}]'))
    entries.append((tarfile.TarInfo("b/x.tar"), OTHER))


def packed(entries: Entries) -> None:
    number = at(entries, LAYER)
    entries[number] = (entries[number][0], gzip.compress(entries[number][1]))


def a_link(entries: Entries) -> None:
    _link(entries, tarfile.SYMTYPE, "../m/layer.tar", "m/layer.tar")


def two_ways_to_read_a_link(entries: Entries) -> None:
    """From the root, as tar means it, or from its own folder, as Trivy does."""
    _link(entries, tarfile.LNKTYPE, "b/x.tar", "b/x.tar")
    entries.append((tarfile.TarInfo("l/b/x.tar"), OTHER))


def _link(entries: Entries, kind: bytes, to: str, name: str) -> None:
    number = at(entries, LAYER)
    link = tarfile.TarInfo(LAYER)
    link.type, link.linkname = kind, to
    entries[number] = (tarfile.TarInfo(name), entries[number][1])
    entries.append((link, b""))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the image is."""
    return tmp_path / "image.tar"


@pytest.mark.parametrize(
    "change",
    [
        lambda _entries: None, packed, a_link, two_layers_of_one_name, no_manifest,
        two_lists_of_layers, two_ways_to_read_a_link,
    ],
)  # fmt: skip
def test_trivy_gets_the_image_and_no_more(
    place: Path, change: Callable[[Entries], None], tmp_path: Path
) -> None:
    ident = saved_image(place, FILES)
    changed(place, change)
    image = found(place, ident)
    assert (image.config.digest, image.platform) == (ident, "linux/amd64")
    write_layout(tmp_path / "image", image)
    data = [one.read_bytes() for one in (tmp_path / "image").rglob("*") if one.is_file()]
    assert len(data) == 5  # two lists, and manifest, config, layer
    plain = [gzip.decompress(one) if one.startswith(b"\x1f\x8b") else one for one in data]
    assert layer_of(FILES) in plain and OTHER not in plain


@pytest.mark.parametrize("change", [other_files, no_layer, cut])
def test_another_image_is_refused(place: Path, change: Callable[[Entries], None]) -> None:
    ident = saved_image(place, FILES)
    changed(place, change)
    with pytest.raises(ScanFailed, match="another image"):
        found(place, ident)


def test_another_config_is_refused(place: Path) -> None:
    saved_image(place, FILES)
    with pytest.raises(ScanFailed, match="another image"):
        found(place, f"sha256:{'0' * 64}")


@pytest.mark.skipif(not program("trivy"), reason="There is no Trivy here.")
@pytest.mark.parametrize("change", [two_ways_to_read_a_link, two_lists_of_layers, packed])
def test_trivy_reads_it(
    place: Path, change: Callable[[Entries], None], tmp_path: Path, settings: Settings
) -> None:
    settings.TRIVY = program("trivy")
    files = {**FILES, "etc/debian_version": "12.5\n", "var/lib/dpkg/status": DPKG}
    ident = saved_image(place, files)
    changed(place, change)
    write_layout(tmp_path / "image", found(place, ident))
    report = scan(tmp_path / "image", tmp_path / "cache").report
    assert report.image_id == ident
    assert [one.name for one in report.packages] == ["bash"]
    assert {one.path for one in report.misconfigurations} == {""}


# --- Where an id is that of a manifest or an index ----------------------------------------------


@pytest.fixture
def layout() -> Layout:
    """A tar of an engine with containerd's image store, yet to be filled."""
    return Layout()


def image(layout: Layout, architecture: str = "amd64", text: str = "") -> str:
    """Add an image with a packed layer; return its manifest's digest."""
    layer = layer_of({**FILES, "mine": text or architecture})
    return layout.manifest(config_of(layer, architecture=architecture), gzip.compress(layer))


def test_a_manifest_names_config_and_layers(layout: Layout, place: Path, tmp_path: Path) -> None:
    ident = image(layout)
    other = image(layout, text="other")
    layout.lists["index.json"] = {"manifests": [{"digest": other}]}
    layout.write(place)
    genuine = found(place, ident)
    assert genuine.layers[0].digest in layout.blobs[ident].decode()
    write_layout(tmp_path / "image", genuine)
    assert len(list((tmp_path / "image/blobs/sha256").iterdir())) == 3


@pytest.mark.parametrize(
    ("wanted", "architecture"),
    [("linux/arm64/v8", "arm64"), ("linux/amd64", "amd64"), ("linux/s390x", "amd64")],
)
def test_an_index_names_manifests(
    layout: Layout, place: Path, wanted: str, architecture: str
) -> None:
    """What the index names and the host never fetched is not missed."""
    attested = layout.manifest(config_of(b"{}", architecture="unknown"), b"{}")
    one, other = image(layout), image(layout, "arm64")
    chart = layout.manifest(b"{}", b"no image")
    ident = layout.index(attested, chart, one, other, f"sha256:{'0' * 64}")
    layout.write(place)
    genuine = found(place, ident, wanted)
    assert genuine.platform == f"linux/{architecture}"


def test_what_is_not_whole_is_told(layout: Layout, place: Path) -> None:
    ident = image(layout)
    del layout.blobs[json.loads(layout.blobs[ident])["layers"][0]["digest"]]
    whole = layout.index(ident)
    layout.write(place)
    came = took(place)
    for one in (ident, whole):
        with pytest.raises(ScanFailed, match="not all of the image"):
            find_genuine(came, one, "linux/amd64", nothing)


def test_other_files_under_the_same_names_are_refused(layout: Layout, place: Path) -> None:
    ident = image(layout)
    layer = json.loads(layout.blobs[ident])["layers"][0]["digest"]
    layout.blobs[layer] = gzip.compress(OTHER)
    layout.write(place)
    with pytest.raises(ScanFailed):
        found(place, ident)


@pytest.mark.parametrize(
    "said",
    [
        b'{"rootfs":{"diff_ids":[]},"layers":[],"config":{"digest":"x"}}',  # of two kinds
        b'{"rootfs":{"diff_ids":[]},"RootFS":{"diff_ids":["sha256:1"]}}',
        b'{"rootfs":{"diff_ids":[]},"rootfs":{"diff_ids":[]}}',
        b"[7]", b"{}", b"7", b"x", b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_can_be_read_differently_is_no_image(layout: Layout, place: Path, said: bytes) -> None:
    ident = layout.add(said)
    layout.write(place)
    with pytest.raises(ScanFailed, match="another image"):
        found(place, ident)


# --- Hostile tars -------------------------------------------------------------------------------


def test_a_bomb_is_not_unpacked_to_its_end(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genuine, "UNPACKED_BYTES", 8 * 1024**2)
    looks: list[int] = []
    ident = saved_image(place, FILES)
    bomb = gzip.compress(bytes(64 * 1024**2))
    changed(place, lambda entries: entries.__setitem__(1, (entries[1][0], bomb)))
    with pytest.raises(ScanFailed, match="larger than"):
        find_genuine(took(place), ident, "", lambda: looks.append(1))
    assert 2 <= len(looks) < 8


@pytest.mark.parametrize("piece", [100, 512, 100_000])
def test_a_tar_comes_in_any_pieces(place: Path, piece: int) -> None:
    ident = saved_image(place, FILES)
    came = took(place, piece)
    assert len(came.known) == 3 and ident in came.known


def test_long_headers_and_large_sizes(tmp_path: Path) -> None:
    """A size may stand in an extended header; whoever writes one without end is not heard."""
    place = tmp_path / "a.tar"
    with tarfile.open(place, "w", format=tarfile.PAX_FORMAT) as tar:
        entry = tarfile.TarInfo("x" * 200)
        entry.size, entry.pax_headers = 4, {"size": "4"}
        tar.addfile(entry, io.BytesIO(b"four"))
    assert [one.size for one in took(place).known.values()] == [4]
    with tarfile.open(place, "w", format=tarfile.PAX_FORMAT) as tar:
        entry.pax_headers = {"comment": "x" * HELD_LIMIT}
        tar.addfile(entry, io.BytesIO(b"four"))
    (tmp_path / "came").rename(tmp_path / "before")
    with pytest.raises(ScanFailed) as failed:
        took(place)
    assert "too much in a header" in failed.value.raw


def _of_many_files(_tar: bytes) -> bytes:
    many = io.BytesIO()
    with tarfile.open(fileobj=many, mode="w") as tar:
        for number in range(4):
            tar.addfile(tarfile.TarInfo(str(number)))
    return many.getvalue()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda tar: tar[:2000], "ends too early"),
        (lambda _tar: b"nonsense" * 100, "no number"),
        (lambda tar: tar + bytes(200_000), "after the end"),
        (_of_many_files, "too many"),
    ],
)
def test_what_is_no_tar_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes], why: str
) -> None:
    monkeypatch.setattr(blobs, "MOST_ENTRIES", 3)
    monkeypatch.setattr(blobs, "AFTER_BYTES", 100_000)
    saved_image(place, FILES)
    place.write_bytes(change(place.read_bytes()))
    with pytest.raises(ScanFailed) as failed:
        took(place)
    assert why in failed.value.raw


def test_nobody_waits_for_what_is_not_wanted(place: Path) -> None:
    class Stopped(Exception):
        pass

    def look() -> None:
        raise Stopped

    ident = saved_image(place, FILES)
    came = took(place)
    with pytest.raises(Stopped):
        find_genuine(came, ident, "", look)
