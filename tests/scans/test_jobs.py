"""Scans as jobs over a fake engine that gives out an archive: saved, read by Trivy, kept."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django import Settings

from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.engine.client import open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Aborted, NotFound
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.saving import save_image
from fleet.jobs import dispatch as dispatching
from fleet.jobs.runner import run_job
from fleet.models import AuditEntry, Environment, Host, Image, Job, JobState, Scan, User
from fleet.operations import image_scan
from fleet.operations.errors import Invalid
from fleet.operations.jobs import job_cancel
from fleet.operations.many_hosts import ask_on_hosts
from fleet.operations.requests import request
from fleet.scans.place import only_one
from fleet.scans.trivy import Scanned
from fleet.selectors.transfers import parts_of
from tests.conftest import make_container, make_host, make_image
from tests.jobs.conftest import at_once, broker, lines
from tests.programs import program
from tests.scans.rows import SBOM, make_report, make_scan
from tests.scans.saved import DPKG, OS_RELEASE, Layout, config_of, layer_of, saved_image
from tests.waiting import eventually

__all__ = ["broker"]
TRIVY = program("trivy")
trivy = pytest.mark.skipif(not TRIVY, reason="There is no Trivy here.")
FILES = {
    "etc/os-release": OS_RELEASE,
    "etc/debian_version": "12.5\n",
    "var/lib/dpkg/status": DPKG,
}


@pytest.fixture(autouse=True)
def places(settings: Settings, tmp_path: Path) -> None:
    """Folders of this test's own, and the Trivy that came with the tests."""
    settings.TRIVY = TRIVY
    settings.BUILD_DIR = tmp_path / "builds"
    settings.TRIVY_CACHE_DIR = tmp_path / "cache"


@pytest.fixture
def host(fake: FakeEngine, staging: Environment) -> Host:
    """The fake engine's row."""
    return make_host("stage-1", staging, url=fake.url)


def put(fake: FakeEngine, host: Host, folder: Path, name: str, files: Any = FILES) -> Image:
    """Put an image on the engine, and its row."""
    place = folder / "made.tar"
    ident = saved_image(place, files)
    data = place.read_bytes()
    in_fake(fake, lambda: fake.images.add(name, id=ident, size=len(data), archive=data))
    return make_image(host, ident, tags=[name], size=len(data))


@pytest.fixture
def image(fake: FakeEngine, host: Host, tmp_path: Path) -> Image:
    """An image with a package."""
    return put(fake, host, tmp_path, "shop/web:1")


def ask(actor: Actor, image: Image) -> Job:
    return request("image.scan", actor=actor, target_id=image.pk)


def test_an_archive_comes_in_pieces(fake: FakeEngine, image: Image) -> None:
    with open_engine(Endpoint(fake.url)) as engine:
        whole = b"".join(save_image(engine, [image.engine_id]))
        assert whole == fake.images.known[image.engine_id].archive
        with pytest.raises(NotFound):
            list(save_image(engine, ["sha256:" + "f" * 64]))
        with pytest.raises(NotFound):
            list(save_image(engine, ["../containers/x"]))
        in_fake(fake, fake.moves.halt.clear)
        threading.Timer(0.2, engine.abort).start()
        with pytest.raises(Aborted):
            list(save_image(engine, [image.engine_id]))
    in_fake(fake, fake.moves.halt.set)


@trivy
def test_an_image_is_saved_scanned_and_kept(actor: Actor, image: Image, tmp_path: Path) -> None:
    job = ask(actor, image)
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.message) == (JobState.SUCCEEDED, "Scanned shop/web:1."), job.error
    assert job.bytes_done == job.bytes_total == image.size
    assert [(part["label"], part["state"]) for part in parts_of(job)] == [("shop/web:1", "done")]
    scan = Scan.objects.get(engine_id=image.engine_id)
    assert (scan.system, scan.looked, scan.packages_count) == ("debian 12.5", "no_database", 1)
    assert "Vulnerabilities were not looked for" in lines()
    assert "CycloneDX" in scan.document.text
    assert list((tmp_path / "builds").iterdir()) == []
    assert AuditEntry.objects.get().action == "image.scan"
    assert ask(actor, image).pk != job.pk  # again, as often as one likes


@pytest.mark.parametrize(
    ("looked", "said"),
    [
        ("done", "1 vulnerability was found."),
        ("no_database", "Vulnerabilities were not looked for: no database is set."),
        ("database_failed", "Vulnerabilities were not looked for: the database did not come."),
    ],
)
def test_what_was_found_is_told(db: None, looked: str, said: str) -> None:
    told: list[str] = []
    work: Any = SimpleNamespace(report=SimpleNamespace(line=told.append))
    image_scan._tell(work, make_scan("sha256:1", looked=looked))
    assert told == ["2 packages were found.", said]


def test_without_trivy_it_is_refused_before_it_begins(
    actor: Actor, image: Image, settings: Settings
) -> None:
    job = ask(actor, image) if TRIVY else None
    settings.TRIVY = "/nowhere/trivy"
    with pytest.raises(Invalid, match="QUAYSIDE_TRIVY"):
        ask(actor, image)
    hosts = Host.objects.all()
    with pytest.raises(Invalid, match="QUAYSIDE_TRIVY"):
        ask_on_hosts("image.scan_missing", actor=actor, hosts=hosts, params={})
    if job is not None:  # another worker has it, this one has not
        run_job(job.pk)
        job.refresh_from_db()
        assert job.state == JobState.FAILED and "QUAYSIDE_TRIVY" in job.message


@trivy
def test_who_may(image: Image, operator: User, viewer: User) -> None:
    assert ask(actor_for(operator), image).pk
    with pytest.raises(Refused):
        ask(actor_for(viewer), image)


@trivy
def test_cancel_ends_the_saving(
    actor: Actor, image: Image, fake: FakeEngine, tmp_path: Path
) -> None:
    in_fake(fake, fake.moves.halt.clear)
    job = ask(actor, image)

    def cancel() -> None:
        eventually(lambda: any("/images/get" in one for one in fake.requests), "it is saved")
        job_cancel(actor=actor, job_id=job.pk)

    at_once([lambda: run_job(job.pk), cancel])
    in_fake(fake, fake.moves.halt.set)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert list((tmp_path / "builds").iterdir()) == []
    assert not Scan.objects.exists()


@trivy
def test_cancel_ends_trivy(actor: Actor, image: Image, tmp_path: Path, settings: Settings) -> None:
    began = tmp_path / "began"
    stand_in = tmp_path / "trivy"
    stand_in.write_text(f"#!/bin/sh\ntouch {began}\nexec sleep 1000\n")
    stand_in.chmod(0o755)
    settings.TRIVY = str(stand_in)
    job = ask(actor, image)

    def cancel() -> None:
        eventually(began.exists, "Trivy runs")
        job_cancel(actor=actor, job_id=job.pk)

    at_once([lambda: run_job(job.pk), cancel])
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert list((tmp_path / "builds").iterdir()) == []


@trivy
@pytest.mark.parametrize("reserve", [2**60, 0])
def test_the_last_of_the_disk_is_not_taken(
    actor: Actor, image: Image, monkeypatch: pytest.MonkeyPatch, reserve: int
) -> None:
    """Neither when the size is known before, nor when more comes than was said."""
    if reserve:
        monkeypatch.setattr(image_scan, "RESERVE", reserve)
    else:
        monkeypatch.setattr(image_scan, "ROOM_STEP", 1)
        looks = iter([10**12, 0])
        usage = lambda _folder: type("Usage", (), {"free": next(looks)})  # noqa: E731
        monkeypatch.setattr("shutil.disk_usage", usage)
    job = ask(actor, image)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED and "no room" in job.message


@trivy
def test_trivy_does_not_take_the_last_of_the_disk_either(
    actor: Actor, image: Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It unpacks large files beside the image."""

    def fills(_place: Path, _cache: Path, look: Callable[[], None]) -> Scanned:
        look()
        monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=0))
        look()
        raise AssertionError("It went on.")

    monkeypatch.setattr(image_scan, "scan", fills)
    job = ask(actor, image)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED and "no room" in job.message
    assert list((tmp_path / "builds").iterdir()) == []


def quick(place: Path) -> Scanned:
    """What Trivy would say, of the image that is in a folder."""
    about = json.loads((place / "index.json").read_text())["manifests"][0]
    manifest = place / "blobs" / "sha256" / about["digest"].removeprefix("sha256:")
    config = json.loads(manifest.read_text())["config"]["digest"]
    report = replace(make_report(), image_id=config)
    return Scanned(report, SBOM)


def test_another_image_than_was_asked_for_is_not_believed(
    actor: Actor, fake: FakeEngine, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_scan, "scan", lambda place, *_more: quick(place))
    saved_image(tmp_path / "clean.tar", {})
    fake.images.known[image.engine_id].archive = (tmp_path / "clean.tar").read_bytes()
    job = ask(actor, image)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED and "another image" in job.message
    assert not Scan.objects.exists()


@trivy
def test_where_containerd_keeps_images_an_id_is_of_an_index(
    actor: Actor, fake: FakeEngine, host: Host, tmp_path: Path
) -> None:
    layer, layout = layer_of(FILES), Layout()
    one = layout.manifest(config_of(layer), gzip.compress(layer))
    other = layout.manifest(config_of(layer, architecture="arm64"), layer)
    ident = layout.index(other, one)
    layout.write(tmp_path / "made.tar")
    data = (tmp_path / "made.tar").read_bytes()
    in_fake(fake, lambda: fake.images.add("shop/web:2", id=ident, archive=data))
    job = ask(actor, make_image(host, ident, tags=["shop/web:2"]))
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED, job.message
    assert "2 platforms; the one for linux/amd64 is scanned" in lines()
    assert Scan.objects.get(engine_id=ident).packages_count == 1
    assert list((tmp_path / "builds").iterdir()) == []


@trivy
def test_all_in_use_that_have_none(
    actor: Actor,
    fake: FakeEngine,
    host: Host,
    image: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(image_scan, "scan", lambda place, *_more: quick(place))
    other = put(fake, host, tmp_path, "shop/api:1", {**FILES, "x": "y"})
    unused = put(fake, host, tmp_path, "shop/old:1", {**FILES, "x": "z"})
    gone = make_image(host, f"sha256:{9:064x}", tags=["shop/gone:1"])
    for number, one in enumerate((image, other, gone)):
        make_container(host, f"c-{number}", image_id=one.engine_id)
    asked = ask_on_hosts("image.scan_missing", actor=actor, hosts=Host.objects.all(), params={})
    run_job(asked.job.pk)
    asked.job.refresh_from_db()
    assert asked.job.state == JobState.FAILED  # one of them is gone
    assert asked.job.message.startswith("1 of 3 images could not be scanned")
    assert set(Scan.objects.values_list("engine_id", flat=True)) == {
        image.engine_id, other.engine_id,
    }  # fmt: skip
    assert not Scan.objects.filter(engine_id=unused.engine_id).exists()
    states = {part["label"]: part["state"] for part in parts_of(asked.job)}
    assert states["shop/web:1"] == states["shop/api:1"] == "done"


def test_one_at_a_time_on_a_machine() -> None:
    class Stopped(Exception):
        pass

    told: list[str] = []

    def look() -> None:
        raise Stopped

    with only_one(look, lambda: told.append("first")):
        with pytest.raises(Stopped), only_one(look, lambda: told.append("second")):
            pass
        assert told == ["second"]
    with only_one(look, lambda: told.append("third")):
        pass
    assert told == ["second"]


@trivy
def test_few_are_under_way_in_the_whole_fleet(
    actor: Actor, staging: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def send(pk: int, queue: str, priority: int) -> bool:
        sent.append(pk)
        return True

    monkeypatch.setattr(dispatching, "send", send)
    jobs = [
        ask(actor, make_image(make_host(f"h-{number}", staging, url="unix:///nowhere/x.sock")))
        for number in range(4)
    ]
    assert sent == [job.pk for job in jobs[:2]]
    run_job(jobs[0].pk)  # it fails at once: nothing listens there
    assert sent == [job.pk for job in jobs[:3]]
