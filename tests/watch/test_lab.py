"""A watcher process on real engines: by TLS, by ssh, by socket, Docker and Podman; real faults."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from fleet.engine.images import image_id
from fleet.models import HostState
from tests.lab.lab import IMAGE, Lab
from tests.waiting import eventually
from tests.watch.fleet import WatchedFleet, watched_fleet

pytestmark = pytest.mark.lab

NOTICED_SECONDS = 15
HEALED_SECONDS = 10
PODMAN = "pod"


@pytest.fixture(scope="module")
def watched(
    lab: Lab,
    migrated: str,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[WatchedFleet]:
    """Two hosts by TLS, one by ssh, Podman by its socket, and one watcher for all of them."""
    lab.clear()
    folder: Path = tmp_path_factory.mktemp("watched")
    with django_db_blocker.unblock(), watched_fleet(folder, migrated) as fleet:
        fleet.add_lab_host(lab[1])
        fleet.add_lab_host(lab[2])
        fleet.add_host("h3", lab[3].ssh_url, ssh_key=lab[3].ssh_key)
        fleet.add_host(PODMAN, f"unix://{lab.podman_socket}")
        fleet.start_watcher()
        for name in ("h1", "h2", "h3", PODMAN):
            fleet.wait_for_state(name, HostState.REACHABLE, seconds=30)
        yield fleet
    lab.clear()


def since(moment: float) -> float:
    return time.monotonic() - moment


def test_it_knows_what_kinds_of_engines_there_are(watched: WatchedFleet) -> None:
    assert watched.host("h1").product == "Docker Engine"
    assert watched.host(PODMAN).product == "Podman Engine"
    assert watched.host("h1").api_version
    assert watched.host("h1").cpus


def test_it_pins_the_ssh_host_key_at_first_use(watched: WatchedFleet, lab: Lab) -> None:
    pinned = watched.host("h3").ssh_host_key.split()[:2]
    assert pinned == lab[3].ssh_host_key.split()[:2]


@pytest.mark.parametrize("number", [1, 3])
def test_it_follows_a_life_by_tls_and_by_ssh(watched: WatchedFleet, lab: Lab, number: int) -> None:
    host, name = lab[number], f"life-{number}"
    engine_id = host.run("--name", name, "--label", "team=blue", "-p", "8080")
    row = watched.wait_for(engine_id=engine_id, state="running")
    assert (row.name, row.image, row.labels) == (name, IMAGE, {"team": "blue"})
    assert row.ports[0]["container_port"] == 8080
    assert row.ports[0]["host_port"]
    host.docker("pause", name)
    watched.wait_for(engine_id=engine_id, state="paused")
    host.docker("unpause", name)
    host.docker("rename", name, f"{name}-b")
    watched.wait_for(engine_id=engine_id, name=f"{name}-b", state="running")
    host.docker("stop", "-t", "0", engine_id)
    watched.wait_for(engine_id=engine_id, state="exited", exit_code=137)
    host.docker("start", engine_id)
    watched.wait_for(engine_id=engine_id, state="running")
    host.docker("rm", "-f", engine_id)
    eventually(lambda: not watched.containers(engine_id=engine_id).exists(), "its row to go")
    # The row may go with the inspection that found nothing, a moment before its last event.
    eventually(lambda: "destroy" in watched.kinds(object_id=engine_id), "its last event")
    told = watched.kinds(object_id=engine_id)
    wanted = ["create", "start", "pause", "unpause", "rename", "die", "start", "die", "destroy"]
    assert [kind for kind in told if kind not in {"kill", "stop"}] == wanted


def test_it_shows_health_as_it_changes(watched: WatchedFleet, lab: Lab) -> None:
    check = ("--health-cmd", "test ! -e /tmp/ill", "--health-interval", "300ms")
    engine_id = lab[1].run(*check, "--health-retries", "1")
    watched.wait_for(engine_id=engine_id, health="healthy")
    lab[1].docker("exec", engine_id, "touch", "/tmp/ill")
    watched.wait_for(engine_id=engine_id, health="unhealthy")
    changes = watched.events(object_id=engine_id, kind="health_status")
    eventually(lambda: changes.count() >= 2, "both changes to be told")
    assert list(changes.values_list("to_state", flat=True)) == ["healthy", "unhealthy"]
    assert not watched.events(kind__startswith="exec").exists()
    lab[1].docker("rm", "-f", engine_id)


def test_it_shows_that_memory_ran_out(watched: WatchedFleet, lab: Lab) -> None:
    hungry = ("sh", "-c", "x=a; while true; do x=$x$x; done")
    engine_id = lab[1].run("-m", "16m", command=hungry)
    row = watched.wait_for(engine_id=engine_id, state="exited", oom_killed=True)
    assert row.exit_code == 137
    eventually(lambda: "oom" in watched.kinds(object_id=engine_id), "the event")
    lab[1].docker("rm", "-f", engine_id)


def test_it_keeps_a_huge_label(watched: WatchedFleet, lab: Lab, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.write_text("big=" + "x" * 65_000 + "\nevil=<script>alert(1)</script>\n")
    engine_id = lab[1].run("--label-file", str(labels))
    row = watched.wait_for(engine_id=engine_id, state="running")
    assert row.labels == {"big": "x" * 65_000, "evil": "<script>alert(1)</script>"}
    assert len(row.search) < 2100
    lab[1].docker("rm", "-f", engine_id)


def test_it_follows_podman(watched: WatchedFleet, lab: Lab) -> None:
    run = ("run", "-d", "--name", "pod-life", "--stop-timeout", "0", IMAGE, "sleep", "1000")
    engine_id = lab.podman(*run)
    watched.wait_for(engine_id=engine_id, state="running", name="pod-life")
    lab.podman("stop", "-t", "0", engine_id)
    watched.wait_for(engine_id=engine_id, state="exited")
    lab.podman("rm", "-f", engine_id)
    eventually(lambda: not watched.containers(engine_id=engine_id).exists(), "its row to go")
    eventually(lambda: "destroy" in watched.kinds(object_id=engine_id), "its last event")
    told = watched.kinds(object_id=engine_id)
    assert [kind for kind in told if kind in {"create", "start", "die", "destroy"}] == [
        "create", "start", "die", "destroy",
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ["h1", PODMAN])
def test_it_follows_images(watched: WatchedFleet, lab: Lab, tmp_path: Path, engine: str) -> None:
    call = lab.podman if engine == PODMAN else lab[1].docker
    saved = tmp_path / "saved.tar"

    def run(*words: str) -> str:
        return call(*words).strip()

    def found(tag: str) -> list[int]:
        rows = watched.images(host__name=engine).values_list("pk", "tags")
        return [pk for pk, names in rows if any(name.endswith(tag) for name in names)]

    eventually(lambda: found(IMAGE), "what was there")
    run("tag", IMAGE, "life/tagged:1")
    run("save", "-o", str(saved), "life/tagged:1")
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nLABEL made={engine}\nCOPY saved.tar /\n")
    run("build", "-q", "-t", "life/built:1", str(tmp_path))
    eventually(lambda: found("life/tagged:1") and found("life/built:1"), "tagged and built")
    row = watched.images(pk__in=found("life/built:1")).get()
    assert row.labels["made"] == engine
    assert row.size >= saved.stat().st_size and row.created_at
    run("rmi", "life/tagged:1", "life/built:1")
    run("create", "--name", f"commit-{engine}", IMAGE)
    nameless = run("commit", f"commit-{engine}")
    eventually(
        lambda: not found("life/tagged:1") and not watched.images(pk=row.pk).exists(), "removed"
    )
    eventually(lambda: watched.images(engine_id=image_id(nameless)).exists(), "committed")
    run("load", "-i", str(saved))
    eventually(lambda: found("life/tagged:1"), "loaded")
    run("rm", "-f", f"commit-{engine}")
    run("rmi", nameless, "life/tagged:1")


@pytest.mark.parametrize("number", [2, 3])
def test_it_notices_a_cut_cable_and_what_changed_meanwhile(
    watched: WatchedFleet, lab: Lab, number: int
) -> None:
    host = lab[number]
    kept = host.run("--name", "kept")
    gone = host.run("--name", "gone")
    watched.wait_for(engine_id=gone, state="running")
    lab.cut(number)
    cut_at = time.monotonic()
    try:
        # Another host goes on as if nothing had happened.
        other = lab[1].run()
        watched.wait_for(engine_id=other, state="running", seconds=3)
        row = watched.wait_for_state(host.name, HostState.UNREACHABLE, seconds=NOTICED_SECONDS)
        assert since(cut_at) < NOTICED_SECONDS
        assert row.state_message and row.last_seen
        assert watched.wait_for(engine_id=kept).state == "running"
        host.docker("stop", "-t", "0", kept)
        host.docker("rm", "-f", gone)
        new = host.run("--name", "new")
    finally:
        lab.heal(number)
    watched.wait_for_state(host.name, HostState.REACHABLE, seconds=HEALED_SECONDS)
    watched.wait_for(engine_id=kept, state="exited", seconds=HEALED_SECONDS)
    watched.wait_for(engine_id=new, state="running", seconds=HEALED_SECONDS)
    eventually(lambda: not watched.containers(engine_id=gone).exists(), "the row to go")
    for engine_id, last in ((kept, "stop"), (gone, "destroy"), (new, "start")):
        eventually(lambda e=engine_id, k=last: k in watched.kinds(object_id=e), f"{last} told")  # type: ignore[misc]
        told = watched.kinds(object_id=engine_id)
        assert "seen" not in told
        assert told.count(last) == 1
    lab[1].clear()
    host.clear()


def test_it_survives_a_host_that_loses_power(watched: WatchedFleet, lab: Lab) -> None:
    engine_id = lab[2].run("--name", "victim")
    watched.wait_for(engine_id=engine_id, state="running")
    lab.kill(2)
    watched.wait_for_state("h2", HostState.UNREACHABLE, seconds=NOTICED_SECONDS)
    lab.up(2)
    watched.wait_for_state("h2", HostState.REACHABLE, seconds=HEALED_SECONDS)
    watched.wait_for(engine_id=engine_id, state="exited", seconds=HEALED_SECONDS)
    # The engine forgot its events when it died: the list told.
    seen = watched.events(object_id=engine_id, kind="seen")
    eventually(seen.exists, "the change to be told")
    assert (seen[0].from_state, seen[0].to_state) == ("running", "exited")
    lab[2].clear()


def test_it_follows_a_daemon_through_its_restart(watched: WatchedFleet, lab: Lab) -> None:
    engine_id = lab[1].run("--restart", "always")
    watched.wait_for(engine_id=engine_id, state="running")
    pid = int((lab.folder / "h1" / "pid").read_text())
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not Path(f"/proc/{pid}").exists(), "the daemon to end")
    watched.wait_for_state("h1", HostState.UNREACHABLE, seconds=NOTICED_SECONDS)
    lab.up(1)
    watched.wait_for_state("h1", HostState.REACHABLE, seconds=HEALED_SECONDS)
    started = watched.events(object_id=engine_id, to_state="running")
    eventually(lambda: started.count() >= 2, "its second start to be told")
    assert watched.wait_for(engine_id=engine_id, state="running").finished_at is not None
    lab[1].clear()
