"""Addresses of registries: what is understood, and what is refused with a reason."""

from __future__ import annotations

import pytest

from fleet.registries.address import HUB_URL, read_address
from fleet.registries.errors import BadTarget


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("registry.example.org", "https://registry.example.org"),
        ("https://Registry.Example.ORG/", "https://registry.example.org"),
        ("HTTPS://r.example.org:443", "https://r.example.org"),
        ("http://10.0.0.5:5000", "http://10.0.0.5:5000"),
        ("http://r:80", "http://r"),
        ("https://r:80", "https://r:80"),
        ("localhost:5000", "https://localhost:5000"),
        ("[::1]:5000", "https://[::1]:5000"),
    ],
)
def test_it_reads_addresses_as_people_type_them(typed: str, address: str) -> None:
    assert read_address(typed) == address
    assert read_address(address) == address


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("", "Enter an address"),
        ("https://", "names no host"),
        ("ftp://r.example.org", "must start with"),
        ("unix:///run/x.sock", "must start with"),
        ("javascript://alert", "must start with"),
        ("https://u:hunter2@r", "Leave user and password out"),
        ("u:hunter2@r:5000", "Leave user and password out"),
        ("https://@r", "Leave user and password out"),
        ("https://r:0", "port"),
        ("https://r:70000", "port"),
        ("https://r:x", "port"),
        ("https://r/v2/", "Leave out what comes after"),
        ("registry.gitlab.com/group/project", "Leave out what comes after"),
        ("https://r?x=1", "no ? and no #"),
        ("https://r#", "no ? and no #"),
        ("https://r\n.example.org", "no spaces"),
        ("https://r example", "no spaces"),
        ("https://[::1", "name or an IP address"),
        ("https://r_1", "name or an IP address"),
        ("https://-r", "name or an IP address"),
        ("https://a..b", "name or an IP address"),
        ("https://ex\u0430mple.org", "name or an IP address"),
        ("https://r%00", "name or an IP address"),
    ],
)
def test_it_says_what_is_wrong_with_an_address(typed: str, word: str) -> None:
    with pytest.raises(BadTarget) as error:
        read_address(typed)
    assert word in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("typed", ["", "docker.io", "https://Docker.io/", "registry-1.docker.io"])
def test_docker_hub_has_one_address(typed: str) -> None:
    assert read_address(typed, hub=True) == HUB_URL


@pytest.mark.parametrize("typed", ["http://docker.io", "ghcr.io", "https://docker.io.evil.org"])
def test_nothing_else_is_docker_hub(typed: str) -> None:
    with pytest.raises(BadTarget):
        read_address(typed, hub=True)
