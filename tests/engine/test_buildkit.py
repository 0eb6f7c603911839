"""What the docker command is given: arguments, an environment and files of its own."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path

import pytest

from fleet.engine.build_types import BuildOptions, Built, RegistryLogin, StepBegan
from fleet.engine.buildkit import BuildKit, Command, find_command
from fleet.engine.errors import Aborted, EngineError

ID = "sha256:" + "b" * 64
SPY = """#!/bin/sh
set -e
for last; do :; done
out=$last/../seen
mkdir "$out"
printf '%s\\n' "$@" > "$out/argv"
env > "$out/env"
cp "$DOCKER_CONFIG/config.json" "$out/config.json"
for word; do
  case $word in
    --iidfile=*) printf '%s' "$IMAGE" > "${word#--iidfile=}" ;;
    --secret=*) cp "${word##*src=}" "$out/secret"; stat -c %a "${word##*src=}" > "$out/mode" ;;
  esac
done
printf '#1 [1/1] FROM x\\n'
$END
"""


def command(folder: Path, end: str = "", *, image: str = ID, name: str = "docker") -> Command:
    """Return a program that keeps what it was given, beside its context."""
    place = folder / name
    place.write_text(SPY.replace("$IMAGE", image).replace("$END", end))
    place.chmod(0o755)
    return Command(str(place), "buildkit")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A folder to build."""
    made = tmp_path / "context"
    made.mkdir()
    return made


def test_it_gets_all_that_was_asked_for(
    tmp_path: Path, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUAYSIDE_SECRET_KEY", "ours")
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:1")
    options = BuildOptions(
        dockerfile="sub/Dockerfile",
        target="last",
        args={"A": "1 2", "B": "$(id)"},
        secrets={"token": "s3cret", "other": "s3cret"},
        labels={"l": "v"},
        platform="linux/arm64",
        network="none",
        no_cache=True,
        pull=True,
        logins=(
            RegistryLogin("docker.io", "me", "pass"),
            RegistryLogin("reg.example:5000", "you", "p:w"),
        ),
    )
    items = list(BuildKit(command(tmp_path), Path("/run/x.sock")).build(context, options))
    assert items == [StepBegan(1, "[1/1] FROM x"), Built(ID)]
    seen = tmp_path / "seen"
    argv = (seen / "argv").read_text().splitlines()
    for word in (
        "--progress=plain", f"--file={context}/sub/Dockerfile", "--build-arg=A=1 2",
        "--build-arg=B=$(id)", "--label=l=v", "--platform=linux/arm64", "--target=last",
        "--network=none", "--no-cache", "--pull",
    ):  # fmt: skip
        assert word in argv
    assert "s3cret" not in "".join(argv)
    assert (seen / "secret").read_text() == "s3cret"
    assert (seen / "mode").read_text().strip() == "600"
    environment = (seen / "env").read_text()
    assert "DOCKER_HOST=unix:///run/x.sock" in environment
    assert "BUILDX_NO_DEFAULT_ATTESTATIONS=1" in environment
    assert "ours" not in environment
    assert "s3cret" not in environment
    auths = json.loads((seen / "config.json").read_text())["auths"]
    assert auths == {
        "https://index.docker.io/v1/": {"auth": "bWU6cGFzcw=="},
        "reg.example:5000": {"auth": "eW91OnA6dw=="},
    }


def test_a_plugin_of_the_worker_s_own_user_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".docker" / "cli-plugins").mkdir(parents=True)
    place = tmp_path / "docker"
    # As the command does: it knows a folder of plugins only by its settings.
    place.write_text('#!/bin/sh\ngrep "$OURS" "$DOCKER_CONFIG/config.json"\n')
    place.write_text(place.read_text().replace("$OURS", f"{tmp_path}/.docker/cli-plugins"))
    place.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    find_command.cache_clear()
    assert find_command() == Command(str(place), "buildx")
    find_command.cache_clear()


def test_nothing_of_it_is_left(
    tmp_path: Path, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    options = BuildOptions(secrets={"a": "s3cret"})
    kit = BuildKit(command(tmp_path, "exit 1"), Path("/run/x.sock"))
    with pytest.raises(EngineError):
        list(kit.build(context, options))
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("printf '#1 ERROR: no\\n'; echo why; exit 1", "build_failed"),
        ("echo why; exit 1", "build_refused"),
        ('rm "${3#--iidfile=}"; echo why', "build_refused"),
    ],
)
def test_its_failure_is_told(end: str, code: str, tmp_path: Path, context: Path) -> None:
    kit = BuildKit(command(tmp_path, end), Path("/run/x.sock"))
    with pytest.raises(EngineError) as failed:
        list(kit.build(context, BuildOptions()))
    assert failed.value.code == code
    assert failed.value.raw == "why"


def test_it_is_stopped_from_another_thread(tmp_path: Path, context: Path) -> None:
    kit = BuildKit(command(tmp_path, "sleep 1000"), Path("/run/x.sock"))
    building = kit.build(context, BuildOptions())
    assert next(building) == StepBegan(1, "[1/1] FROM x")
    kit.stop()
    with pytest.raises(Aborted):
        next(building)
    with pytest.raises(Aborted):  # and does not begin again
        list(kit.build(context, BuildOptions()))


def test_lines_without_an_end_come_in_pieces(tmp_path: Path, context: Path) -> None:
    end = "printf '#2 [1/1] RUN x\\n#2 0.1 '; head -c 200000 /dev/zero | tr '\\0' x"
    kit = BuildKit(command(tmp_path, end), Path("/run/x.sock"))
    items = list(kit.build(context, BuildOptions()))
    assert max(len(str(item)) for item in items) < 70_000
    assert items[-1] == Built(ID)


def test_the_best_command_on_the_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def docker(folder: str, script: str) -> None:
        place = tmp_path / folder / "docker"
        place.parent.mkdir()
        place.write_text(f"#!/bin/sh\n{script}\n")
        place.chmod(place.stat().st_mode | stat.S_IXUSR)

    none = 'test "$1" = --version && echo "Docker version 28.2.2, build x"'
    docker("new", none)
    docker("old", 'test "$1" = --version && echo "Docker version 20.10.24, build x"')
    docker("plugin", "echo github.com/docker/buildx v0.19.0")
    for folders, found in (
        ("new", None),
        ("new old", ("old", "buildkit")),
        ("new old plugin", ("plugin", "buildx")),
        ("", None),
    ):
        paths = [str(tmp_path / folder) for folder in folders.split()]
        monkeypatch.setenv("PATH", os.pathsep.join([*paths, "/nowhere"]))
        find_command.cache_clear()
        wanted = found and Command(str(tmp_path / found[0] / "docker"), found[1])  # type: ignore[arg-type]
        assert find_command() == wanted
    find_command.cache_clear()
