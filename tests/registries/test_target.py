"""A registry's address and credentials, checked without a connection."""

from __future__ import annotations

import pytest

from fleet.registries.errors import BadTarget, RegistryError, from_outbound, rate_limited
from fleet.registries.reference import parse_reference
from fleet.registries.target import RegistryTarget, check_target
from tests.engine.pki import Authority


def fields(target: RegistryTarget) -> list[str]:
    problems = check_target(target)
    assert all(str(problem) for problem in problems)
    return [problem.field for problem in problems]


@pytest.mark.parametrize(
    ("url", "api", "host", "image"),
    [
        ("https://docker.io", "https://registry-1.docker.io/", "docker.io", "nginx"),
        ("https://index.docker.io/v1/", "https://registry-1.docker.io/", "docker.io", "a/b"),
        ("https://hub.docker.com/", "https://registry-1.docker.io/", "docker.io", "nginx:1"),
        ("https://ghcr.io", "https://ghcr.io/", "ghcr.io", "ghcr.io/a/b"),
        ("https://GHCR.io:443/v2/", "https://ghcr.io/v2/", "ghcr.io", "ghcr.io:443/a"),
        ("https://r.lan:5000/", "https://r.lan:5000/", "r.lan:5000", "r.lan:5000/a/b:c"),
        ("https://10.0.0.5:5000", "https://10.0.0.5:5000/", "10.0.0.5:5000", "10.0.0.5:5000/a"),
        ("https://[fd00::5]:5000", "https://[fd00::5]:5000/", "[fd00::5]:5000", "[fd00::5]:5000/a"),
        ("https://registry", "https://registry/", "registry:443", "registry:443/a"),
        ("https://localhost", "https://localhost/", "localhost", "localhost/a"),
    ],
)
def test_it_knows_the_api_and_whose_images_are_its(
    url: str, api: str, host: str, image: str
) -> None:
    target = RegistryTarget(url)
    assert check_target(target) == []
    assert str(target.address) == api
    assert target.reference_host == host
    assert target.owns(parse_reference(image))
    assert not target.owns(parse_reference("other.example/a"))
    assert target.trusted == {target.address.origin}


def test_plain_http_has_its_port_in_the_name() -> None:
    target = RegistryTarget("http://r.lan", insecure=True)
    assert check_target(target) == []
    assert target.reference_host == "r.lan:80"
    assert not target.owns(parse_reference("r.lan/a"))


@pytest.mark.parametrize(
    "url",
    ["", " https://a", "a.example", "ftp://a", "https://", "https://a/b/c", "https://a:0",
     "https://a:x", "https://a:70000", "https://u:p@a", "https://a\n", "https://a b",
     "https://a?x=1", "https://" + "a" * 2000],
)  # fmt: skip
def test_it_refuses_what_is_no_address(url: str) -> None:
    assert fields(RegistryTarget(url)) == ["url"]


def test_it_wants_a_switch_for_plain_http() -> None:
    assert fields(RegistryTarget("http://r.lan:5000")) == ["insecure"]
    assert fields(RegistryTarget("http://r.lan:5000", insecure=True)) == []


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"username": "ann", "password": "pw"}, []),
        ({"username": "ann"}, ["password"]),
        ({"password": "pw"}, ["username"]),
        ({"username": "a:b", "password": "pw"}, ["username"]),
        ({"username": "ann", "password": "p\nw"}, ["password"]),
        ({"username": "ann", "password": "p" * 20_000}, ["password"]),
        ({"tls_ca": "nonsense"}, ["tls_ca"]),
        ({"tls_ca": "-----BEGIN PRIVATE KEY-----"}, ["tls_ca"]),
        ({"tls_ca": "x" * 70_000}, ["tls_ca"]),
        ({"tls_ca": Authority().pem}, []),
    ],
)
def test_it_names_the_field_that_is_wrong(given: dict[str, str], wrong: list[str]) -> None:
    assert fields(RegistryTarget("https://r.lan", **given)) == wrong  # type: ignore[arg-type]


def test_it_does_not_show_the_password() -> None:
    assert "hunter2" not in repr(RegistryTarget("https://r.lan", "ann", "hunter2"))
    for problem in check_target(RegistryTarget("https://u:hunter2@r.lan", "", "hunter2\n")):
        assert "hunter2" not in f"{problem}{problem!r}{problem.raw}"


def test_errors_say_what_to_do() -> None:
    from fleet.outbound import errors as outbound

    for code in outbound.SENTENCES:
        assert str(from_outbound(outbound.OutboundError(code, "raw\x00\n"))).endswith(".")
    assert not RegistryError("timeout").permanent
    assert RegistryError("unauthorized").permanent
    assert isinstance(BadTarget("url", "x"), RegistryError)
    assert "in 2 minutes" in str(rate_limited(61))
    assert "in 1 minute," in str(rate_limited(60))
    assert "in 5 seconds," in str(rate_limited(5))
    assert "later" in str(rate_limited(0))
    assert "\x00" not in RegistryError("dns", "a\x00b").raw
