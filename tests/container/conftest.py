"""A container on a fake engine, as a row and for real."""

from __future__ import annotations

import pytest

from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_state import FakeContainer
from fleet.models import Container, Environment, Host
from tests.conftest import make_container, make_host

SECRET = "hunter2-and-more"


@pytest.fixture
def real(fake: FakeEngine) -> FakeContainer:
    """A running container with secrets in every corner, on the fake engine."""
    made: FakeContainer = in_fake(
        fake,
        lambda: fake.state.add(
            "web-1",
            "shop/web:1.2",
            command=("serve", f"--password={SECRET}", "--port", "80"),
            labels={"note": "plain", "db.password": SECRET},
            env=["PATH=/bin", f"DB_PASSWORD={SECRET}", f"URL=postgres://app:{SECRET}@db/shop"],
        ),
    )
    return made


@pytest.fixture
def live_host(fake: FakeEngine, staging: Environment) -> Host:
    """The fake engine as a host."""
    return make_host("fake-1", staging, url=fake.url)


@pytest.fixture
def row(live_host: Host, real: FakeContainer) -> Container:
    """The container as a row."""
    return make_container(
        live_host,
        "web-1",
        engine_id=real.id,
        image=real.image,
        command=" ".join(real.command),
        labels=real.labels,
        ports=[
            {"container_port": 80, "protocol": "tcp", "host_ip": "::", "host_port": 8080},
        ],
        mounts=[
            {"type": "volume", "name": "data", "source": "/v/data", "destination": "/data",
             "mode": "z", "rw": True},
        ],
        networks=[{"name": "bridge", "ip": "172.17.0.2", "gateway": "172.17.0.1", "mac": "02:42"}],
        compose_project="shop",
        compose_service="web",
    )  # fmt: skip
