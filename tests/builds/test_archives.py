"""Archives are unpacked under limits, and nothing ever lands outside."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest

from fleet.builds.archives import unpack
from fleet.builds.errors import ContextRefused
from fleet.builds.limits import RESERVE, Limits
from fleet.builds.tree import Tree
from tests.builds.archives import code_of, entry, link, tar, zipped

SMALL = Limits(size=10_000, files=20)
DOCKERFILE = ("Dockerfile", b"FROM scratch\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is filled."""
    made = tmp_path / "in" / "context"
    made.mkdir(parents=True)
    return made


def refusal(archive: Path, root: Path, limits: Limits = SMALL) -> str:
    """Return why an archive is refused; nothing of it is left, nothing is outside."""
    with pytest.raises(ContextRefused) as refused:
        unpack(archive, root, limits)
    assert list(root.iterdir()) == []
    assert list(root.parent.iterdir()) == [root]
    return code_of(refused.value)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_is_unpacked(mode: str, tmp_path: Path, root: Path) -> None:
    archive = tmp_path / "a"
    tar(archive, DOCKERFILE, entry("app", type=tarfile.DIRTYPE, mode=0o700), ("app/a", b"one"),
        link("app/b", "a"), link("up", "app/../Dockerfile"), mode=mode)  # fmt: skip
    found = unpack(archive, root, SMALL)
    assert (found.kind, found.files, found.size) == ("tar" if mode == "w" else "tar.gz", 5, 16)
    assert (root / "Dockerfile").read_text() == "FROM scratch\n"
    assert (root / "app/b").read_text() == "one"
    assert (root / "up").read_text() == "FROM scratch\n"


def test_modes_and_hard_links_are_kept(tmp_path: Path, root: Path) -> None:
    place = tmp_path / "a"
    with tarfile.open(place, "w") as made:
        script = tmp_path / "script"
        script.write_bytes(b"#!/bin/sh\n")
        script.chmod(0o6755)
        made.add(script, "script")
        made.addfile(entry("again", type=tarfile.LNKTYPE, linkname="script"))
    unpack(place, root, SMALL)
    for name in ("script", "again"):
        assert stat.S_IMODE((root / name).stat().st_mode) & 0o6111 == 0o111  # no set-uid
    assert (root / "again").read_bytes() == b"#!/bin/sh\n"


def test_a_zip_is_unpacked(tmp_path: Path, root: Path) -> None:
    script = zipfile.ZipInfo("bin/run")
    script.external_attr = (stat.S_IFREG | 0o755) << 16
    to = zipfile.ZipInfo("run")
    to.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = zipped(tmp_path / "a", DOCKERFILE, ("empty/", b""), (script, b"x"), (to, b"bin/run"))
    assert unpack(archive, root, SMALL).kind == "zip"
    assert (root / "empty").is_dir()
    assert os.access(root / "bin/run", os.X_OK)
    assert (root / "run").read_text() == "x"


def test_the_last_of_a_name_counts(tmp_path: Path, root: Path) -> None:
    unpack(tar(tmp_path / "a", ("a", b"old"), link("b", "a"), ("b", b"new")), root, SMALL)
    assert (root / "a").read_text() == "old"
    assert (root / "b").read_text() == "new"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../../etc/passwd", "outside"),
        ("a/../../b", "outside"),
        ("a/..", "outside"),
        ("..\\b", "outside"),
        ("/etc/passwd", "absolute"),
        ("C:\\windows", "absolute"),
        ("a" * 256, "long_name"),
        ("a/" * 600, "long_name"),
        ("", "bad_name"),
    ],
)
def test_names_that_lead_away_are_refused(name: str, code: str, tmp_path: Path, root: Path) -> None:
    assert refusal(tar(tmp_path / "a", DOCKERFILE, (name, b"x")), root) == code
    if name:
        assert refusal(zipped(tmp_path / "b", DOCKERFILE, (name, b"x")), root) == code


@pytest.mark.parametrize("to", ["/etc", "..", "../..", "x/../../y", "", "a\x00b"])
def test_links_that_lead_away_are_refused(to: str, tmp_path: Path, root: Path) -> None:
    made = zipfile.ZipInfo("out")
    made.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert refusal(zipped(tmp_path / "b", DOCKERFILE, (made, to.encode())), root) == "link_outside"
    if "\x00" not in to:
        archive = tar(tmp_path / "a", DOCKERFILE, link("out", to))
        assert refusal(archive, root) == "link_outside"


def test_nothing_is_written_through_a_link(tmp_path: Path, root: Path) -> None:
    inside = entry("in", type=tarfile.DIRTYPE, mode=0o755)
    archive = tar(tmp_path / "a", inside, link("to", "in"), ("to/file", b"x"))
    assert refusal(archive, root) == "through_link"
    hard = entry("b", type=tarfile.LNKTYPE, linkname="to/file")
    archive = tar(tmp_path / "b", inside, link("to", "in"), ("in/file", b"x"), hard)
    assert refusal(archive, root) == "through_link"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(kind: bytes, tmp_path: Path, root: Path) -> None:
    assert refusal(tar(tmp_path / "a", DOCKERFILE, entry("dev", type=kind)), root) == "special"


def test_what_does_not_fit_together_is_refused(tmp_path: Path, root: Path) -> None:
    folder = entry("a", type=tarfile.DIRTYPE, mode=0o755)
    assert refusal(tar(tmp_path / "a", folder, ("a", b"x")), root) == "twice"
    assert refusal(tar(tmp_path / "b", ("a", b"x"), folder), root) == "twice"
    hard = entry("b", type=tarfile.LNKTYPE, linkname="a")
    assert refusal(tar(tmp_path / "c", hard), root) == "link_missing"
    hard.linkname = "../../etc/passwd"
    assert refusal(tar(tmp_path / "d", hard), root) == "outside"


def test_too_many_and_too_much_are_refused(tmp_path: Path, root: Path) -> None:
    many = [(f"f{number}", b"") for number in range(21)]
    assert refusal(tar(tmp_path / "a", *many), root) == "too_many"
    assert refusal(zipped(tmp_path / "b", *many), root) == "too_many"
    large = ("zeros", bytes(10_001))
    assert refusal(tar(tmp_path / "c", large, mode="w:gz"), root) == "too_large"
    assert refusal(zipped(tmp_path / "d", large), root) == "too_large"


def test_a_million_files_are_refused(tmp_path: Path, root: Path) -> None:
    packed = tmp_path / "a"
    with gzip.open(packed, "wb", compresslevel=1) as out:
        block = b"".join(entry(f"{number}").tobuf() for number in range(1000))
        for _ in range(1000):
            out.write(block)
    assert refusal(packed, root, Limits(files=500)) == "too_many"


def test_a_bomb_is_stopped_while_it_unpacks(tmp_path: Path, root: Path) -> None:
    packed = tmp_path / "a"
    with gzip.open(packed, "wb") as out:
        out.write(entry("zeros", size=50_000_000).tobuf())
        for _ in range(50):
            out.write(bytes(1_000_000))
    assert refusal(packed, root) == "too_large"


def test_what_comes_after_the_files_is_bounded_too(tmp_path: Path, root: Path) -> None:
    packed = tmp_path / "a"
    whole = tar(tmp_path / "b", DOCKERFILE).read_bytes()
    packed.write_bytes(gzip.compress(whole + bytes(1_000_000)))
    assert refusal(packed, root) == "too_large"


def test_nothing_is_beside_the_files_while_it_unpacks(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of 2 GB would take 4 GB of the disk."""
    packed = tar(tmp_path / "a", ("zeros", bytes(5000)), mode="w:gz")
    beside: list[list[Path]] = []
    put = Tree.file

    def watched(tree: Tree, name: str, data: IO[bytes], *, executable: bool = False) -> None:
        beside.append(list(root.parent.iterdir()))
        put(tree, name, data, executable=executable)

    monkeypatch.setattr(Tree, "file", watched)
    unpack(packed, root, SMALL)
    assert beside == [[root]]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_the_last_of_the_disk_is_not_taken(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Others write there at the same time: how much is free is asked again and again."""
    looks = iter([10**12, 10**12, RESERVE - 1])
    monkeypatch.setattr("fleet.builds.tree.LOOKS", 100_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _root: SimpleNamespace(free=next(looks)))
    large = tar(tmp_path / "a", ("zeros", bytes(1_000_000)), mode=mode)
    assert refusal(large, root, Limits()) == "no_room"
    looks = iter([RESERVE - 1])
    many = tar(tmp_path / "b", *[(f"f{number}", b"") for number in range(50)], mode=mode)
    assert refusal(many, root, Limits()) == "no_room"


def test_a_header_of_gigabytes_is_not_read(tmp_path: Path, root: Path) -> None:
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        archive = tmp_path / "a"
        archive.write_bytes(entry("x", type=kind, size=4_000_000).tobuf() + bytes(4_000_256))
        assert refusal(archive, root) == "bad_header"


def test_headers_of_headers_are_refused(tmp_path: Path, root: Path) -> None:
    record = b"14 comment=abc\n"
    one = entry("x", type=tarfile.XHDTYPE, size=len(record)).tobuf() + record.ljust(512, b"\0")
    archive = tmp_path / "a"
    archive.write_bytes(one * 3000)
    assert refusal(archive, root) == "bad_header"


def test_the_list_of_a_zip_is_bounded(tmp_path: Path, root: Path) -> None:
    data = bytearray(zipped(tmp_path / "a", DOCKERFILE).read_bytes())
    at = data.rfind(b"PK\x05\x06")
    lied = bytes(data[:at]) + data[at : at + 12] + (2**31).to_bytes(4, "little") + data[at + 16 :]
    (tmp_path / "b").write_bytes(lied)
    assert refusal(tmp_path / "b", root) == "zip_too_many"
    (tmp_path / "c").write_bytes(bytes(data[:at]) + b"PK\x06\x07" + bytes(16) + data[at:])
    assert refusal(tmp_path / "c", root) == "zip_too_many"


def test_a_zip_that_lies_about_a_size_is_stopped(tmp_path: Path, root: Path) -> None:
    data = zipped(tmp_path / "a", ("zeros", bytes(100_000))).read_bytes()
    lied = data.replace((100_000).to_bytes(4, "little"), (5).to_bytes(4, "little"))
    (tmp_path / "b").write_bytes(lied)
    assert refusal(tmp_path / "b", root) in ("broken", "too_large")


def test_locked_and_strange_zips_are_refused(tmp_path: Path, root: Path) -> None:
    data = bytearray(zipped(tmp_path / "a", DOCKERFILE).read_bytes())
    at = data.find(b"PK\x01\x02")
    locked, strange = bytearray(data), bytearray(data)
    locked[at + 8] |= 1
    strange[at + 10] = 99
    (tmp_path / "b").write_bytes(locked)
    (tmp_path / "c").write_bytes(strange)
    assert refusal(tmp_path / "b", root) == "encrypted"
    assert refusal(tmp_path / "c", root) == "packing"


@pytest.mark.parametrize("data", [b"", b"FROM scratch", b"\x1f\x8b nothing", b"PK\x03\x04 nothing"])
def test_what_is_no_archive_is_refused(data: bytes, tmp_path: Path, root: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    assert refusal(tmp_path / "a", root) in ("not_an_archive", "broken")


def test_a_damaged_archive_is_never_half_a_context(tmp_path: Path, root: Path) -> None:
    whole = tar(tmp_path / "a", DOCKERFILE, ("a", b"one"), ("b", b"two")).read_bytes()
    (tmp_path / "b").write_bytes(whole[:1800])  # ends in a file
    assert refusal(tmp_path / "b", root) == "broken"
    (tmp_path / "c").write_bytes(whole[:1024] + b"!" * 100 + whole[1124:])  # a header in the middle
    assert refusal(tmp_path / "c", root) == "broken"
    (tmp_path / "d").write_bytes(gzip.compress(whole)[:-20])
    assert refusal(tmp_path / "d", root) == "broken"


def test_an_empty_archive_is_told(tmp_path: Path, root: Path) -> None:
    assert refusal(tar(tmp_path / "a"), root) == "empty"
    assert refusal(zipped(tmp_path / "b"), root) == "empty"


def test_sparse_files_are_refused(tmp_path: Path, root: Path) -> None:
    archive = tar(tmp_path / "a", entry("s", type=tarfile.GNUTYPE_SPARSE))
    assert refusal(archive, root) == "sparse"


def test_names_of_any_bytes_are_kept_or_refused(tmp_path: Path, root: Path) -> None:
    unpack(tar(tmp_path / "a", ("caf\udce9", b"x"), ("größe", b"y")), root, SMALL)
    names = sorted(os.fsencode(place.name) for place in root.iterdir())
    assert names == [b"caf\xe9", "größe".encode()]
