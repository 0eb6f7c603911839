"""A scan counts for all hosts: what came must be what the image's id says, layers too."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.scans.genuine import check_genuine
from fleet.scans.trivy import ScanFailed
from tests.scans.saved import OS_RELEASE, saved_image

FILES = {"etc/os-release": OS_RELEASE, "large": "x" * 100_000}
LAYER = "l/layer.tar"
Entries = list[tuple[tarfile.TarInfo, bytes]]


def nothing() -> None:
    """Nobody wants it to end."""


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


def two_layers_of_one_name(entries: Entries) -> None:
    entries.insert(0, (tarfile.TarInfo(f"./{LAYER}"), b"what the other reader takes"))


def no_layer(entries: Entries) -> None:
    del entries[at(entries, LAYER)]


def no_manifest(entries: Entries) -> None:
    del entries[at(entries, "manifest.json")]


def odd_manifest(entries: Entries) -> None:
    entries[at(entries, "manifest.json")] = (tarfile.TarInfo("manifest.json"), b"[7]")


def a_layer_less(entries: Entries) -> None:
    number = at(entries, "manifest.json")
    info, data = entries[number]
    entries[number] = (info, data.replace(f'["{LAYER}"]'.encode(), b"[]"))


def packed(entries: Entries) -> None:
    number = at(entries, LAYER)
    entries[number] = (entries[number][0], gzip.compress(entries[number][1]))


def a_link(entries: Entries) -> None:
    number = at(entries, LAYER)
    link = tarfile.TarInfo(LAYER)
    link.type, link.linkname = tarfile.SYMTYPE, "../m/layer.tar"
    real = tarfile.TarInfo("m/layer.tar")
    entries[number] = (real, entries[number][1])
    entries.append((link, b""))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the image is."""
    return tmp_path / "image.tar"


@pytest.mark.parametrize("change", [lambda _entries: None, packed, a_link])
def test_what_is_the_image_is_taken(place: Path, change: Callable[[Entries], None]) -> None:
    ident = saved_image(place, FILES)
    changed(place, change)
    check_genuine(place, ident, nothing)


@pytest.mark.parametrize(
    "change",
    [other_files, two_layers_of_one_name, no_layer, no_manifest, odd_manifest, a_layer_less],
)
def test_what_is_not_is_refused(place: Path, change: Callable[[Entries], None]) -> None:
    ident = saved_image(place, FILES)
    changed(place, change)
    with pytest.raises(ScanFailed, match="another image"):
        check_genuine(place, ident, nothing)


def test_another_config_is_refused(place: Path) -> None:
    saved_image(place, FILES)
    with pytest.raises(ScanFailed, match="another image"):
        check_genuine(place, f"sha256:{'0' * 64}", nothing)


def test_nobody_waits_for_what_is_not_wanted(place: Path) -> None:
    class Stopped(Exception):
        pass

    def look() -> None:
        raise Stopped

    ident = saved_image(place, FILES)
    with pytest.raises(Stopped):
        check_genuine(place, ident, look)
