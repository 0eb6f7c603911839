"""Tars that were sent: what is refused before any host sees it, and when a kept one goes."""

from __future__ import annotations

import gzip
import os
import tarfile
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.conf import LazySettings

from fleet.models import Host, Job, JobState
from fleet.moves import store
from fleet.moves.store import (
    GRACE_SECONDS,
    Keeping,
    TarRefused,
    check_tar,
    keep,
    keep_file,
    release,
    sweep,
)
from tests.moves.test_tar import head_of, tar_of

GOOD = tar_of("layer.tar", "manifest.json")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(2000), "no_tar"),
        (b"hello", "no_tar"),
        (bytes(4000), "no_tar"),
        (tar_of("etc/passwd"), "no_images"),
        (tar_of("../manifest.json", "a/index.json"), "no_images"),
        (GOOD[:1200], "short"),
        (GOOD[:513], "short"),
        (head_of(b"-1000") + bytes(1024), "no_tar"),  # once it never ended
        (head_of(b"10") + bytes(512) + head_of(b"-4000"), "no_tar"),  # back to the start
    ],
)
def test_it_keeps_nothing_that_no_engine_could_load(data: bytes, code: str, tars: Path) -> None:
    with pytest.raises(TarRefused) as caught:
        keep([data[:100], data[100:]])
    assert caught.value.code == code and str(caught.value)
    assert list(tars.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [GOOD, tar_of("./manifest.json"), tar_of("index.json", "oci-layout"), gzip.compress(b"any")],
    ids=["manifest", "in a folder", "oci", "packed"],
)
def test_it_keeps_what_may_be_images(data: bytes, tars: Path) -> None:
    kept = keep([data])
    assert kept.size == len(data)
    assert (tars / kept.archive).read_bytes() == data


def test_a_layer_may_be_larger_than_eight_gib(tmp_path: Path) -> None:
    """Its size is in an extended header then, as Docker writes it."""
    layer = tarfile.TarInfo("layer.tar")
    layer.size = 9 * 1024**3
    place = tmp_path / "large"
    with place.open("wb") as data:
        data.write(layer.tobuf(tarfile.PAX_FORMAT))
        data.seek(layer.size, os.SEEK_CUR)  # a hole: nothing is written
        data.write(GOOD)
    check_tar(place)


def test_a_tar_of_nothing_but_names_is_refused(monkeypatch: pytest.MonkeyPatch, tars: Path) -> None:
    monkeypatch.setattr(store, "MOST_ENTRIES", 2)
    assert keep([tar_of("a", "manifest.json", size=0)])
    with pytest.raises(TarRefused) as caught:
        keep([tar_of("a", "b", "manifest.json", size=0)])
    assert caught.value.code == "entries" and "more than 2 files" in str(caught.value)


def test_it_takes_no_more_than_the_setting_and_the_disk_allow(
    settings: LazySettings, tars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IMAGE_TAR_BYTES = len(GOOD) - 1
    with pytest.raises(TarRefused) as caught:
        keep([GOOD])
    assert caught.value.code == "large"
    with pytest.raises(TarRefused):
        Keeping(len(GOOD))
    settings.IMAGE_TAR_BYTES = 10**9
    full = SimpleNamespace(free=store.RESERVE + 100)
    monkeypatch.setattr("shutil.disk_usage", lambda place: full)
    with pytest.raises(TarRefused) as no_room:
        Keeping(len(GOOD))
    assert no_room.value.code == "no_room"
    assert list(tars.iterdir()) == []


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_disk_that_is_full_in_the_middle_keeps_nothing(size: int, tars: Path) -> None:
    keeping = Keeping()
    keeping._file.close()
    keeping._file = Path("/dev/full").open("wb")  # noqa: SIM115
    with pytest.raises(TarRefused) as caught:
        for piece in (GOOD[:600], bytes(size)):
            keeping.write(piece)
        keeping.done()
    assert caught.value.code == "no_room"
    assert list(tars.iterdir()) == []


def test_a_file_that_is_there_is_not_written_again(tmp_path: Path, tars: Path) -> None:
    sent = tmp_path / "sent"
    sent.write_bytes(GOOD)

    def copied() -> list[bytes]:
        raise AssertionError("it was copied")

    kept = keep_file(str(sent), copied)
    sent.unlink()
    assert (tars / kept.archive).read_bytes() == GOOD


def job_for(host: Host, archive: str, state: JobState) -> Job:
    return Job.objects.create(
        operation="image.load", target_kind="host", target_id=host.pk, host=host,
        target_name="x.tar", state=state, params={"archive": archive}, claim=uuid4(),
    )  # fmt: skip


def test_the_last_job_takes_the_file_along(db: None, host: Host, tars: Path) -> None:
    kept = keep([GOOD])
    first = job_for(host, kept.archive, JobState.RUNNING)
    second = job_for(host, kept.archive, JobState.QUEUED)
    release(kept.archive, first)
    assert (tars / kept.archive).exists()
    Job.objects.filter(pk=first.pk).update(state=JobState.FAILED)
    release(kept.archive, second)
    assert not (tars / kept.archive).exists()


def test_a_job_that_lost_its_claim_leaves_the_file_to_who_has_it(
    db: None, host: Host, tars: Path
) -> None:
    kept = keep([GOOD])
    ours = job_for(host, kept.archive, JobState.RUNNING)
    Job.objects.filter(pk=ours.pk).update(claim=uuid4())
    release(kept.archive, ours)
    assert (tars / kept.archive).exists()


def test_what_nobody_will_load_is_swept(db: None, host: Host, tars: Path) -> None:
    wanted, left, fresh = (keep([GOOD]).archive for _ in range(3))
    job_for(host, wanted, JobState.QUEUED)
    job_for(host, left, JobState.LOST)
    old = (tars / fresh).stat().st_mtime - GRACE_SECONDS - 1
    for archive in (wanted, left):
        os.utime(tars / archive, (old, old))
    assert sweep() == 1
    assert {place.name for place in tars.iterdir()} == {wanted, fresh}


@pytest.mark.parametrize("archive", ["", "../x", "a" * 31, "a" * 33, "A" * 32, "a" * 32 + "\n"])
def test_it_knows_no_other_names(archive: str) -> None:
    with pytest.raises(TarRefused):
        store.place_of(archive)
