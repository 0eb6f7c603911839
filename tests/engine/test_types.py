"""Parsers: real payloads' shapes, and whatever may be missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.engine.raw import as_int, as_str, parse_state, parse_time
from fleet.engine.types import (
    PortFacts,
    parse_container,
    parse_event,
    parse_facts,
    parse_summary,
)
from fleet.engine.usage import (
    FileChange,
    UsageFacts,
    parse_changes,
    parse_disk_usage,
    parse_processes,
)

JUNK: list[Any] = [None, 3, "text", [], {}, [None], {"State": "x", "Config": []}, {"Actor": 7}]

INSPECT: dict[str, Any] = {
    "Id": "ab" * 32,
    "Created": "2026-11-23T12:58:22.681286123Z",
    "Path": "sh",
    "Args": ["-c", "echo a b"],
    "Name": "/web",
    "Image": "sha256:" + "cd" * 32,
    "RestartCount": 3,
    "State": {
        "Status": "exited",
        "ExitCode": 137,
        "OOMKilled": True,
        "Pid": 0,
        "StartedAt": "2026-11-23T12:58:22.933838Z",
        "FinishedAt": "2026-11-23T13:58:22+01:00",
        "Health": {"Status": "unhealthy"},
    },
    "Config": {
        "Image": "nginx:1",
        "Env": ["PASSWORD=hunter2"],
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Labels": {
            "com.docker.compose.project": "shop",
            "com.docker.compose.service": "web",
            "com.docker.swarm.service.name": "s",
            "com.docker.swarm.task.name": "s.1",
        },
    },
    "Mounts": [{"Type": "volume", "Name": "data", "Source": "/v", "Destination": "/d", "RW": True}],
    "NetworkSettings": {
        "Ports": {"80/tcp": [{"HostIp": "192.0.2.1", "HostPort": "8080"}], "53/udp": None},
        "Networks": {"bridge": {"IPAddress": "10.0.0.2", "Gateway": "10.0.0.1", "MacAddress": "m"}},
    },
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T12:58:22.681286123Z", datetime(2026, 11, 23, 12, 58, 22, 681286, UTC)),
        ("2026-11-23T13:58:22+01:00", datetime(2026, 11, 23, 12, 58, 22, 0, UTC)),
        ("2026-11-23T12:58:22.5Z", datetime(2026, 11, 23, 12, 58, 22, 500000, UTC)),
        (1763902702, datetime(2025, 11, 23, 12, 58, 22, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("2026-13-45T99:00:00Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("", None),
        (None, None),
        (0, None),
        (1e300, None),
        (True, None),
    ],
)
def test_it_reads_times(text: object, expected: datetime | None) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    ("state", "killed"),
    [
        ({"Status": "exited", "ExitCode": 0, "OOMKilled": True}, False),  # a child's was told
        ({"Status": "running", "ExitCode": 0, "OOMKilled": True}, False),
        ({"Status": "exited", "ExitCode": 137, "OOMKilled": False}, False),
        ({"Status": "restarting", "ExitCode": 137, "OOMKilled": True}, True),
    ],
)
def test_it_ended_for_want_of_memory_only_by_the_kernels_signal(
    state: dict[str, object], killed: bool
) -> None:
    assert parse_container({"State": state}).oom_killed is killed


def test_it_reads_a_container() -> None:
    facts = parse_container(INSPECT)
    assert (facts.name, facts.state, facts.health) == ("web", "exited", "unhealthy")
    assert (facts.exit_code, facts.oom_killed, facts.restart_count) == (137, True, 3)
    assert facts.command == "sh -c 'echo a b'"
    assert (facts.compose_project, facts.compose_service) == ("shop", "web")
    assert (facts.swarm_service, facts.swarm_task) == ("s", "s.1")
    assert facts.ports == (
        PortFacts(53, "udp", "", None),
        PortFacts(80, "tcp", "192.0.2.1", 8080),
    )
    assert facts.mounts[0].name == "data" and facts.mounts[0].rw
    assert facts.networks[0].ip == "10.0.0.2"
    assert facts.finished_at == datetime(2026, 11, 23, 12, 58, 22, tzinfo=UTC)


def test_it_keeps_no_environment() -> None:
    assert "hunter2" not in repr(parse_container(INSPECT))


def test_it_gives_no_exit_code_while_running() -> None:
    raw = {**INSPECT, "State": {"Status": "running", "ExitCode": 0}}
    assert parse_container(raw).exit_code is None


@pytest.mark.parametrize("junk", JUNK)
def test_it_survives_junk(junk: Any) -> None:
    assert parse_container(junk).state == ""
    assert parse_summary(junk).name == ""
    assert parse_facts(junk, junk).product == "Docker Engine"
    assert parse_event(junk).at.tzinfo is not None
    assert parse_disk_usage(junk).images == UsageFacts()
    assert parse_processes(junk).rows == ()
    assert all(change.path == "" for change in parse_changes(junk))


@pytest.mark.parametrize(
    ("word", "state"),
    [("Running", "running"), ("configured", "created"), ("stopped", "exited"), ("odd", "")],
)
def test_it_speaks_dockers_words_for_states(word: str, state: str) -> None:
    assert parse_state(word) == state


def test_it_prefers_the_own_name_to_those_of_links() -> None:
    summary = parse_summary({"Id": "1", "Names": ["/other/alias", "/db"], "State": "running"})
    assert (summary.name, summary.names) == ("db", ("other/alias", "db"))


def test_it_tells_podman_from_docker() -> None:
    version = {"Components": [{"Name": "Podman Engine"}], "Version": "4.3.1", "ApiVersion": "1.41"}
    facts = parse_facts({"NCPU": 2, "MemTotal": 5}, version)
    assert (facts.is_podman, facts.product, facts.cpus) == (True, "Podman Engine", 2)


def test_it_reads_an_event_to_the_nanosecond() -> None:
    event = parse_event(
        {
            "Type": "container",
            "Action": "health_status: healthy",
            "Actor": {"ID": "abc", "Attributes": {"name": "web"}},
            "timeNano": 1763902702123456789,
        }
    )
    assert (event.action, event.detail) == ("health_status", "healthy")
    assert (event.object_id, event.object_name) == ("abc", "web")
    assert event.at_ns == 1763902702123456789
    assert abs(event.at.timestamp() - 1763902702.123456) < 1e-5


def test_it_recognises_exec_events() -> None:
    event = parse_event({"Type": "container", "Action": "exec_start: sh -c 'a: b'"})
    assert event.is_exec
    assert event.detail == "sh -c 'a: b'"


@pytest.mark.parametrize(("podman", "docker"), [("died", "die"), ("remove", "destroy")])
def test_it_speaks_dockers_words_for_events(podman: str, docker: str) -> None:
    assert parse_event({"Type": "container", "Action": podman}).action == docker
    assert parse_event({"Type": "image", "Action": podman}).action == podman


def test_it_reads_old_disk_usage() -> None:
    usage = parse_disk_usage(
        {
            "LayersSize": 100,
            "Images": [
                {"Size": 60, "SharedSize": 20, "Containers": 0},
                {"Size": 60, "SharedSize": 20, "Containers": 1},
            ],
            "Containers": [
                {"State": "running", "SizeRw": 5},
                {"State": "exited", "SizeRw": 7},
                {"State": "created"},
            ],
            "Volumes": [
                {"UsageData": {"Size": 9, "RefCount": 0}},
                {"UsageData": {"Size": -1, "RefCount": -1}},
                {"UsageData": None},
            ],
            "BuildCache": [
                {"Size": 3, "InUse": False, "Shared": False},
                {"Size": 4, "InUse": True, "Shared": False},
            ],
        }
    )
    assert usage.images == UsageFacts(2, 100, 40)
    assert usage.containers == UsageFacts(3, 12, 7)
    assert usage.volumes == UsageFacts(3, 9, 9)
    assert usage.build_cache == UsageFacts(2, 7, 3)


def test_it_reads_new_disk_usage() -> None:
    usage = parse_disk_usage(
        {"ImageUsage": {"TotalCount": 4, "TotalSize": 100, "Reclaimable": 30, "ActiveCount": 1}}
    )
    assert usage.images == UsageFacts(4, 100, 30)


def test_it_reads_processes_and_changes() -> None:
    table = parse_processes({"Titles": ["PID", "CMD"], "Processes": [["1", "sh"]]})
    assert (table.titles, table.rows) == (("PID", "CMD"), (("1", "sh"),))
    whole = parse_processes({"Titles": ["PID   CMD"], "Processes": [["1 sh -c x"]]})
    assert (whole.titles, whole.rows) == (("PID", "CMD"), (("1", "sh -c x"),))
    assert parse_changes([{"Path": "/a", "Kind": 2}]) == [FileChange("/a", "deleted")]
    assert parse_changes(None) == []


def test_it_takes_numbers_from_texts_but_not_from_truth() -> None:
    assert (as_int("12"), as_int(True), as_int("x", 7), as_str(4)) == (12, 0, 7, "4")
