"""A container's log read from its files: the engine's frames, and when it is not read so."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from fleet.engine import log_file
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.engine.log_blocks import FrameCutter
from fleet.engine.log_file import LogFiles, open_log_files
from fleet.engine.types import ContainerFacts, parse_container

LOCAL = Endpoint("unix:///run/docker.sock")
IDENT = "ab" * 32


@pytest.fixture
def facts(tmp_path: Path) -> ContainerFacts:
    """A container with an empty log in its file."""
    folder = tmp_path / IDENT
    folder.mkdir()
    (folder / f"{IDENT}-json.log").touch()
    return parse_container({"Id": IDENT, "LogPath": str(folder / f"{IDENT}-json.log")})


def entry(
    text: str, time: str = "2026-01-01T00:00:00.5Z", stream: str = "stdout", **more: Any
) -> str:
    """Return an entry as Docker writes it."""
    said = {"log": text, "stream": stream, **more, "time": time}
    return json.dumps(said, separators=(",", ":")) + "\n"


async def read(facts: ContainerFacts, *between: datetime | None) -> list[tuple[str, str]]:
    """Return the stream and data of each frame."""
    files = open_log_files(LOCAL, facts)
    assert files
    since, until = between or (None, None)
    cutter = FrameCutter()
    frames: list[tuple[str, str]] = []
    async for data in LogFiles(files, since, until).frames():
        frames += [(one.stream, one.data.decode()) for one in cutter.feed(data).frames()]
    assert all(file.closed for file in files)
    return frames


def write(facts: ContainerFacts, entries: Iterable[str]) -> None:
    """Write a log."""
    Path(facts.log_path).write_text("".join(entries))


@pytest.mark.parametrize(
    ("written", "frame"),
    [
        (entry("a\n"), ("stdout", "2026-01-01T00:00:00.500000000Z a\n")),
        (entry("a", stream="stderr"), ("stderr", "2026-01-01T00:00:00.500000000Z a")),
        (entry("\n"), ("stdout", "2026-01-01T00:00:00.500000000Z \n")),
        (entry('"<\\\t\x1b[1mé\n'), ("stdout", '2026-01-01T00:00:00.500000000Z "<\\\t\x1b[1mé\n')),
        (entry("a\n", attrs={"b": "c"}), ("stdout", "2026-01-01T00:00:00.500000000Z a\n")),
        (entry("\\n", stream="stderr"), ("stderr", "2026-01-01T00:00:00.500000000Z \\n")),
        (entry("a\n", "2026-01-01T00:00:00Z"), ("stdout", "2026-01-01T00:00:00.000000000Z a\n")),
        (
            entry("a\n", "2026-01-01T00:00:00.123456789Z"),
            ("stdout", "2026-01-01T00:00:00.123456789Z a\n"),
        ),
    ],
)
async def test_an_entry_becomes_the_frame_of_the_engine(
    facts: ContainerFacts, written: str, frame: tuple[str, str]
) -> None:
    write(facts, [written])
    assert await read(facts) == [frame]


@pytest.mark.parametrize("noise", ["\0\0\0", "no entry", '{"log":1}', "[]", '{"time":"x"'])
async def test_a_line_that_is_no_entry_is_shown_as_it_is(facts: ContainerFacts, noise: str) -> None:
    write(facts, [entry("a\n"), f"{noise}\n", entry("b\n")])
    texts = [data.split(" ", 1)[1] for _, data in await read(facts)]
    assert texts == ["a\n", noise.strip("\0") + "\n", "b\n"]


async def test_an_entry_that_is_being_written_is_not_shown(facts: ContainerFacts) -> None:
    write(facts, [entry("a\n"), entry("b\n")[:20]])
    assert [data[-2:] for _, data in await read(facts)] == ["a\n"]


async def test_entries_go_over_the_edges_of_chunks(
    facts: ContainerFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "CHUNK_BYTES", 100)
    write(facts, (entry(f"{number} {'é' * 90}\n") for number in range(50)))
    assert [data.split()[1] for _, data in await read(facts)] == [str(one) for one in range(50)]


async def test_what_is_written_meanwhile_is_for_who_follows(
    facts: ContainerFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "CHUNK_BYTES", 100)
    write(facts, (entry(f"{number}\n") for number in range(20)))
    files = open_log_files(LOCAL, facts)
    assert files
    found = b""
    async for data in LogFiles(files, None, None).frames():
        found += data
        with Path(facts.log_path).open("a") as more:
            more.write(entry("later\n"))
    assert b"19\n" in found and b"later" not in found


async def test_it_gives_what_is_between_two_times(facts: ContainerFacts) -> None:
    times = [f"2026-01-01T00:00:0{second}.1Z" for second in (1, 2, 3, 4, 5, 3)]
    write(facts, (entry(f"{at}\n", time) for at, time in enumerate(times)))
    second = datetime(2026, 1, 1, 0, 0, 2, 100_000, UTC)
    fourth = datetime(2026, 1, 1, 0, 0, 4, 100_000, UTC)
    assert [data[-2] for _, data in await read(facts, second, fourth)] == ["1", "2", "3"]
    assert [data[-2] for _, data in await read(facts, fourth, None)] == ["3", "4"]
    assert [data[-2] for _, data in await read(facts, None, second)] == ["0", "1"]


async def test_a_line_without_an_end_is_no_log(
    facts: ContainerFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "ENTRY_LIMIT", 1000)
    write(facts, ["x" * 2000])
    with pytest.raises(EngineError, match="engine"):
        await read(facts)


async def test_who_goes_in_the_middle_leaves_no_file_open(facts: ContainerFacts) -> None:
    write(facts, [entry("a\n")])
    files = open_log_files(LOCAL, facts)
    assert files
    frames = LogFiles(files, None, None).frames()
    reading = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await frames.aclose()
    assert all(file.closed for file in files)


@pytest.mark.parametrize(
    "change",
    [
        {"log_files": 0},
        {"log_files": 100_000},
        {"tty": True},
        {"log_path": ""},
        {"log_path": "/etc/passwd"},
        {"log_path": f"/nowhere/{IDENT}/{IDENT}-json.log"},
        {"log_path": f"/\0/{IDENT}/{IDENT}-json.log"},
        {"engine_id": ""},
        {"engine_id": "cd" * 32},
    ],
)
def test_other_logs_are_asked_for(facts: ContainerFacts, change: dict[str, Any]) -> None:
    assert open_log_files(LOCAL, dataclasses.replace(facts, **change)) == []


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:2375", "ssh://me@localhost", ""])
def test_files_of_other_machines_are_not_read(facts: ContainerFacts, url: str) -> None:
    assert open_log_files(Endpoint(url), facts) == []


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_only_a_plain_file_is_read(facts: ContainerFacts, kind: str) -> None:
    path = Path(facts.log_path)
    path.unlink()
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert open_log_files(LOCAL, facts) == []


async def test_older_files_come_first(facts: ContainerFacts) -> None:
    for number, suffix in enumerate((".2", ".1", "")):
        Path(facts.log_path + suffix).write_text(entry(f"{number}\n"))
    kept = dataclasses.replace(facts, rotates=True, log_files=5)
    assert [data[-2] for _, data in await read(kept)] == ["0", "1", "2"]


async def test_files_that_are_renamed_meanwhile_are_opened_anew(
    facts: ContainerFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = facts.log_path
    Path(f"{path}.1").write_text(entry("old\n"))
    Path(path).write_text(entry("new\n"))
    opened, done = log_file._opened, list[str]()

    def rotated(paths: Iterable[str]) -> list[BinaryIO]:
        files = list(opened(paths))
        if not done:
            Path(f"{path}.1").rename(f"{path}.2")
            Path(path).rename(f"{path}.1")
            Path(path).write_text(entry("newest\n"))
            done.append("once")
        return files

    monkeypatch.setattr(log_file, "_opened", rotated)
    kept = dataclasses.replace(facts, rotates=True, log_files=3)
    texts = [data.split()[1] for _, data in await read(kept)]
    assert texts == ["old", "new", "newest"]


def test_files_in_the_middle_of_a_renaming_are_not_read(facts: ContainerFacts) -> None:
    Path(f"{facts.log_path}.2").write_text(entry("old\n"))
    assert open_log_files(LOCAL, dataclasses.replace(facts, rotates=True, log_files=3)) == []
