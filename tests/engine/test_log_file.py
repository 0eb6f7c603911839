"""A container's log read from its files: the engine's frames, and when it is not read so."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from fleet.engine import log_file
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.engine.log_blocks import FrameCutter
from fleet.engine.log_entries import Framer
from fleet.engine.log_file import LogFiles, open_log, open_log_files
from fleet.engine.types import ContainerFacts, parse_container

LOCAL = Endpoint("unix:///run/no-such-engine.sock")
IDENT = "ab" * 32


@pytest.fixture(autouse=True)
def _ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is of whoever runs the tests."""
    monkeypatch.setattr(log_file, "_owner", lambda _path: os.getuid())


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


@pytest.mark.parametrize("noise", ["no entry", '{"log":1}', "[]", '{"time":"x"', "1,2", "null"])
async def test_a_line_that_is_no_entry_is_shown_as_it_is(facts: ContainerFacts, noise: str) -> None:
    write(facts, [entry("a\n"), f"{noise}\n", entry("b\n")])
    texts = [data.split(" ", 1)[1] for _, data in await read(facts)]
    assert texts == ["a\n", f"{noise}\n", "b\n"]


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
        {"rotates": True, "log_files": 1},
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
async def test_files_of_other_machines_are_not_read(facts: ContainerFacts, url: str) -> None:
    assert await open_log(Endpoint(url), facts, None, None) is None


async def test_a_terminal_is_asked_for(facts: ContainerFacts) -> None:
    assert await open_log(LOCAL, dataclasses.replace(facts, tty=True), None, None) is None


async def test_so_many_are_read_at_a_time(
    facts: ContainerFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "LOGS_LIMIT", 1)
    write(facts, [entry("a\n")])
    first = await open_log(LOCAL, facts, None, None)
    assert first is not None
    assert await open_log(LOCAL, facts, None, None) is None
    assert [data async for data in first.frames()]
    again = await open_log(LOCAL, facts, None, None)
    assert again is not None
    await again.frames().aclose()
    again.close()


def test_an_engine_shows_its_owner_no_file_of_somebody_else(
    facts: ContainerFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "_owner", lambda _path: os.getuid() + 1)
    assert open_log_files(LOCAL, facts) == []


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

    def rotated(paths: Iterable[str], owner: int) -> list[BinaryIO]:
        files = list(opened(paths, owner))
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


@pytest.mark.parametrize("word", ["true", "1", "t", "T", "True", "yes"])
def test_a_log_in_compressed_files_is_asked_for(facts: ContainerFacts, word: str) -> None:
    options = {"max-size": "1m", "max-file": "3", "compress": word}
    config = {"LogConfig": {"Type": "json-file", "Config": options}}
    said = {"Id": IDENT, "LogPath": facts.log_path, "HostConfig": config}
    assert open_log_files(LOCAL, parse_container(said)) == []
    options["compress"] = "false"
    files = open_log_files(LOCAL, parse_container(said))
    assert len(files) == 1
    files[0].close()


def test_a_compressed_file_beside_it_is_for_the_engine(facts: ContainerFacts) -> None:
    Path(f"{facts.log_path}.1.gz").touch()
    assert open_log_files(LOCAL, dataclasses.replace(facts, rotates=True, log_files=3)) == []


async def test_a_late_time_is_found_without_reading_all(
    facts: ContainerFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "CHUNK_BYTES", 1000)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = [start + timedelta(seconds=number) for number in range(2000)]
    write(facts, (entry(f"{at.timestamp()}\n", f"{at:%Y-%m-%dT%H:%M:%S}.5Z") for at in times))
    framed = Framer.frames
    sizes: list[int] = []

    def counted(framer: Framer, lines: bytes) -> bytes:
        sizes.append(len(lines))
        return framed(framer, lines)

    monkeypatch.setattr(Framer, "frames", counted)
    for number in (0, 3, 1000, 1990):
        sizes.clear()
        found = await read(facts, times[number], None)
        assert len(found) == 2000 - number
        assert sum(sizes) < (2000 - number + 30) * 100


async def test_zeros_before_an_entry_hide_nothing(facts: ContainerFacts) -> None:
    write(facts, [entry("a\n"), "\0" * 5_000_000, entry("b\n"), "\0\0\n", entry("c\n")])
    assert [data[-2] for _, data in await read(facts)] == ["a", "b", "c"]


async def test_what_is_no_entry_has_the_time_of_the_one_behind_it(facts: ContainerFacts) -> None:
    write(facts, ["garbage\n", entry("a\n")])
    assert (await read(facts))[0] == ("stdout", "2026-01-01T00:00:00.500000000Z garbage\n")


async def test_a_disk_that_fails_is_told(
    facts: ContainerFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_args: object) -> None:
        raise OSError(5, "Input/output error")

    write(facts, [entry("a\n")])
    monkeypatch.setattr(LogFiles, "_next", failing)
    with pytest.raises(EngineError, match="engine"):
        await read(facts)


async def test_a_file_that_was_cut_off_ends(
    facts: ContainerFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "CHUNK_BYTES", 200)
    write(facts, (entry(f"{number}\n") for number in range(100)))
    log = await open_log(LOCAL, facts, None, None)
    assert log is not None
    found = b""
    async for data in log.frames():
        found += data
        os.truncate(facts.log_path, 0)
    assert found.startswith(b"\1") and found.count(b"\n") < 10
