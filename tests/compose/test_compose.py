"""The production images and docker-compose.yml, brought up for real and used as a browser would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.compose import stand_ins
from tests.lab.lab import Lab, LabHost

pytestmark = [pytest.mark.compose, pytest.mark.lab, pytest.mark.timeout(560)]

ROOT = stand_ins.ROOT
COMPOSE = ROOT / ".venv" / "bin" / "docker-compose"
PORT = 18200
OURS = ("web", "worker-control", "worker-transfer", "watcher", "beat")
PASSWORD = "a long enough password"
Found = TypeVar("Found")


@dataclass
class Stack:
    """The compose project on a host of the lab, with the secrets that make-secrets made."""

    host: LabHost
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{self.host.address}:{PORT}"

    def compose(self, *arguments: str, timeout: float = 60) -> str:
        """Run docker-compose with the production file and the folder of this test's secrets."""
        override = self.folder / "override.yml"
        files = ("-f", str(ROOT / "docker-compose.yml"), "-f", str(override))
        env = {
            **os.environ,
            "DOCKER_HOST": self.host.socket_url,
            "DOCKER_CONFIG": str(self.folder),
            "BIND": "0.0.0.0",  # noqa: S104 - inside the lab
            "PORT": str(PORT),
            **self.variables,
        }
        argv = [str(COMPOSE), "--env-file", "/dev/null", "--progress", "plain", *files, *arguments]
        done = subprocess.run(
            argv, env=env, cwd=ROOT, timeout=timeout, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def execute(self, service: str, *command: str, **env: str) -> str:
        variables = [part for key, value in env.items() for part in ("-e", f"{key}={value}")]
        return self.compose("exec", "-T", *variables, service, *command)

    def inspect(self, service: str) -> dict[str, object]:
        ids = self.compose("ps", "-q", "--all", service).split()
        found: list[dict[str, object]] = json.loads(self.host.docker("inspect", ids[0]))
        return found[0]


def image_names(stack: Stack) -> dict[str, str]:
    """The names that the production files ask for, so that the stand-ins get exactly those."""
    named = dict(
        re.findall(r"^ARG (\w+)_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    )
    services = json.loads(stack.compose("config", "--format", "json"))["services"]
    return {
        "python": named["PYTHON"],
        "docker": named["DOCKER"],
        **{name: services[name]["image"] for name in ("postgres", "redis")},
    }


def prepare(folder: Path) -> None:
    """Secrets of this test's own, in place of those in ./secrets."""
    secrets = folder / "secrets"
    subprocess.run([ROOT / "scripts/make-secrets", str(secrets)], check=True, capture_output=True)
    files = {path.name: {"file": str(path)} for path in secrets.iterdir()}
    # JSON is YAML too.
    (folder / "override.yml").write_text(json.dumps({"secrets": files}))


@pytest.fixture(scope="session")
def stack(lab: Lab) -> Iterator[Stack]:
    """Quayside as in production, on the lab's second host, ready for its first administrator."""
    if reason := stand_ins.why_not():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="quayside-compose-"))
    prepare(folder)
    made = Stack(lab[2], folder)
    stand_ins.make(made.host, **image_names(made))
    try:
        made.compose("up", "--build", "--detach", "--wait", "--wait-timeout", "120", timeout=400)
        yield made
    except AssertionError as error:
        pytest.fail(f"{error}\n{made.compose('logs', '--tail', '15')[-8000:]}", pytrace=False)
    finally:
        made.compose("down", "--volumes", "--timeout", "5", timeout=90)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def browser(stack: Stack) -> requests.Session:
    """Somebody who has signed in through the sign-in page."""
    stack.execute(
        "web",
        *("python", "manage.py", "createsuperuser", "--noinput"),
        DJANGO_SUPERUSER_USERNAME="ada",
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        DJANGO_SUPERUSER_EMAIL="ada@example.org",
    )
    session = requests.Session()
    session.trust_env = False
    sign_in = f"{stack.url}/accounts/login/"
    page = session.get(sign_in, timeout=10)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert page.status_code == 200
    assert token
    form = {"login": "ada", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    answer = session.post(sign_in, form, headers={"Referer": sign_in}, timeout=10)
    assert answer.status_code == 200, stack.compose("logs", "--tail", "40", "web")
    assert not answer.url.startswith(sign_in)
    return session


def test_it_answers_when_web_database_and_redis_do(stack: Stack) -> None:
    answer = requests.get(f"{stack.url}/healthz", timeout=10)
    assert (answer.status_code, answer.json()["ok"]) == (200, True)


def test_it_sends_a_stranger_to_sign_in(stack: Stack, browser: requests.Session) -> None:
    answer = requests.get(f"{stack.url}/containers/", timeout=10)
    assert "/accounts/login/" in answer.url


def test_it_lets_people_in_with_a_password(stack: Stack, browser: requests.Session) -> None:
    page = browser.get(stack.url, timeout=10)
    assert page.status_code == 200
    assert "csrfmiddlewaretoken" in page.text  # the form that signs out


def test_it_serves_its_own_assets(stack: Stack, browser: requests.Session) -> None:
    page = browser.get(stack.url, timeout=10).text
    assets = re.findall(r'(?:src|href)="(/static/[^"]+\.(?:css|js))"', page)
    assert assets
    for asset in assets:
        assert browser.get(stack.url + asset, timeout=10).status_code == 200


@contextmanager
def open_socket(stack: Stack, session: requests.Session) -> Iterator[ClientConnection]:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    address = f"ws://{stack.host.address}:{PORT}/ws/live/"
    headers = {"Cookie": cookies}
    with connect(
        address, origin=Origin(stack.url), additional_headers=headers, proxy=None
    ) as socket:
        yield socket


def test_it_talks_over_the_socket_of_a_page(stack: Stack, browser: requests.Session) -> None:
    with open_socket(stack, browser) as socket:
        socket.send('{"type": "ping"}')
        assert json.loads(socket.recv(10)) == {"type": "pong"}


def test_it_closes_the_socket_of_a_stranger(stack: Stack) -> None:
    with open_socket(stack, requests.Session()) as socket:
        assert json.loads(socket.recv(10)) == {"type": "bye", "reason": "signed_out"}


def add_host(stack: Stack, api: requests.Session, host: LabHost) -> int:
    body = {
        "name": "by-tls",
        "url": host.url,
        "environment": "trial",
        "tls_ca": host.tls_ca,
        "tls_cert": host.tls_cert,
        "tls_key": host.tls_key,
    }
    answer = api.post(f"{stack.url}/api/v1/hosts", json=body, timeout=15)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def wait_for(ask: Callable[[], Found | None], seconds: float = 30) -> Found:
    deadline = time.monotonic() + seconds
    while (found := ask()) is None:
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.2)
    return found


def started_at(host: LabHost, engine_id: str) -> str:
    return host.docker("inspect", "-f", "{{.State.StartedAt}}", engine_id)


@pytest.fixture
def api(stack: Stack, browser: requests.Session) -> requests.Session:
    """Somebody with a token of the administrator's."""
    token = stack.execute("web", "python", "manage.py", "create_token", "ada").strip()
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def test_it_watches_and_changes_a_host(stack: Stack, api: requests.Session, lab: Lab) -> None:
    lab[1].clear()
    engine_id = lab[1].run("--name", "compose-trial")
    try:
        host = add_host(stack, api, lab[1])

        def appeared() -> dict[str, Any] | None:
            query = {"host": str(host), "q": "compose-trial"}
            rows = api.get(f"{stack.url}/api/v1/containers", params=query, timeout=10).json()
            return rows["items"][0] if rows["items"] else None

        container = wait_for(appeared)
        before = started_at(lab[1], engine_id)
        action = f"{stack.url}/api/v1/containers/{container['id']}/restart"
        answer = api.post(action, json={}, timeout=10)
        assert answer.status_code == 202, answer.text
        job = f"{stack.url}/api/v1/jobs/{answer.json()['id']}"

        def ended() -> str | None:
            state = str(api.get(job, timeout=10).json()["state"])
            return None if state in {"queued", "running"} else state

        assert wait_for(ended) == "succeeded"
        assert started_at(lab[1], engine_id) > before
    finally:
        lab[1].clear()


def test_it_runs_as_nobody_with_a_disk_it_cannot_write(stack: Stack) -> None:
    for service in OURS:
        facts = stack.inspect(service)
        config, limits = facts["Config"], facts["HostConfig"]
        assert isinstance(config, dict)
        assert isinstance(limits, dict)
        assert config["User"] == "10001:10001"
        assert limits["ReadonlyRootfs"]
        assert limits["CapDrop"] == ["ALL"]
    assert stack.execute("web", "sh", "-c", "touch /app/x 2>/dev/null; echo $?").strip() != "0"
    assert stack.execute("web", "sh", "-c", "touch /data/x && echo written").strip() == "written"


def test_it_publishes_the_web_port_only(stack: Stack) -> None:
    published = stack.host.docker("ps", "--format", "{{.Names}} {{.Ports}}").splitlines()
    assert [line.split()[0] for line in published if "->" in line] == ["quayside-web-1"]


def test_it_keeps_secrets_out_of_environment_and_arguments(stack: Stack) -> None:
    secrets = [path.read_text().strip() for path in (stack.folder / "secrets").iterdir()]
    for service in (*OURS, "postgres", "redis", "migrate"):
        facts = json.dumps(stack.inspect(service))
        assert not [secret for secret in secrets if secret in facts]


def test_it_ships_no_tools_for_building(stack: Stack) -> None:
    found = stack.execute("web", "sh", "-c", "ls /opt/venv/bin/pip /app/tests /app/.git 2>&1; true")
    assert found.count("No such file") == 3


def test_it_keeps_every_process_running(stack: Stack) -> None:
    for service in OURS:
        facts = stack.inspect(service)
        state = facts["State"]
        assert isinstance(state, dict)
        assert (service, state["Status"], facts["RestartCount"]) == (service, "running", 0)


def test_workers_can_fetch_and_build(stack: Stack) -> None:
    assert "git version" in stack.execute("worker-transfer", "git", "--version")
    assert stack.execute("worker-transfer", "sh", "-c", "command -v ssh setpriv").count("/") >= 2
    find = "from fleet.engine.buildkit import find_command; print(find_command())"
    assert "/usr/local/bin/docker" in stack.execute("worker-transfer", "python", "-c", find)
