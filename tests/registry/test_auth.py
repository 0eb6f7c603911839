"""Which account a host uses for an image."""

from __future__ import annotations

import pytest

from fleet.jobs.work import Failed
from fleet.models import Environment, Host, Registry
from fleet.operations.registry_auth import auth_for
from tests.conftest import make_host
from tests.registry.conftest import SECRET, make_registry

HARBOR = {"url": "https://harbor.example.org"}


@pytest.fixture
def host(staging: Environment) -> Host:
    """A host in staging."""
    return make_host("h1", staging)


def user_for(host: Host, reference: str) -> str:
    """Return the user name that is used; "" without any account."""
    found = auth_for(host, reference)
    return found["username"] if found else ""


def test_an_account_goes_to_images_of_its_registry(host: Host, registry: Registry) -> None:
    assert auth_for(host, "harbor.example.org/team/app:1") == {
        "username": "robot$ci",
        "password": SECRET,
        "serveraddress": "harbor.example.org",
    }
    for other in ("nginx", "harbor.example.org:8443/app", "evil.harbor.example.org/app", "app:1"):
        assert auth_for(host, other) is None


@pytest.mark.parametrize("name", ["nginx", "docker.io/library/nginx:1", "index.docker.io/me/app"])
def test_the_hub_goes_by_all_of_its_names(name: str, host: Host, staging: Environment) -> None:
    make_registry("Hub", staging, kind="hub", url="https://docker.io", username="me")
    assert auth_for(host, name) == {
        "username": "me", "password": SECRET, "serveraddress": "docker.io",
    }  # fmt: skip


def test_ports_count(host: Host, staging: Environment) -> None:
    make_registry("Local", staging, url="http://10.0.0.5:5000", insecure=True, username="me")
    assert user_for(host, "10.0.0.5:5000/app") == "me"
    assert user_for(host, "10.0.0.5/app") == ""


def test_only_what_serves_the_environment_is_used(host: Host, staging: Environment) -> None:
    other = Environment.objects.create(name="other")
    make_registry("A", other, username="other", **HARBOR)
    assert user_for(host, "harbor.example.org/app") == ""
    make_registry("B", everywhere=True, username="all", **HARBOR)
    assert user_for(host, "harbor.example.org/app") == "all"
    make_registry("C", staging, username="staging", **HARBOR)
    assert user_for(host, "harbor.example.org/app") == "staging"
    make_registry("D", staging, username="", password="", **HARBOR)
    assert user_for(host, "harbor.example.org/app") == "staging"


def test_an_account_that_cannot_be_read_is_told(host: Host, registry: Registry) -> None:
    Registry.objects.update(password_encrypted="lost")
    with pytest.raises(Failed):
        auth_for(host, "harbor.example.org/app")
