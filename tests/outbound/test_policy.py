"""Which addresses may be connected to, and which only when somebody named them."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from pytest_django import Settings

from fleet.outbound import policy
from fleet.outbound.errors import AddressRefused, OutboundError
from fleet.outbound.policy import kind_of, parse_policy, pin_host

KINDS = [
    ("8.8.8.8", ""),
    ("2606:4700:4700::1111", ""),
    ("64:ff9b::808:808", ""),  # a public address through NAT64
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("::1", "loopback"),
    ("0.0.0.0", "unspecified"),  # noqa: S104
    ("0.1.2.3", "unspecified"),
    ("::", "unspecified"),
    ("10.1.2.3", "private"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("172.32.0.1", ""),
    ("192.168.1.1", "private"),
    ("100.64.0.1", "private"),
    ("198.18.0.1", "private"),
    ("192.0.2.1", "private"),
    ("fd12:3456::1", "private"),
    ("fec0::1", "private"),
    ("169.254.1.1", "link_local"),
    ("fe80::1", "link_local"),
    ("fe80::1%eth0", "link_local"),
    ("169.254.169.254", "metadata"),
    ("fd00:ec2::254", "metadata"),
    ("100.100.100.200", "metadata"),
    ("168.63.129.16", "metadata"),
    ("224.0.0.1", "multicast"),
    ("ff02::1", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("2002:7f00:1::", "reserved"),  # 127.0.0.1 through 6to4
    ("2001:0:7f00:1::", "reserved"),  # Teredo
    ("::7f00:1", "reserved"),  # IPv4-compatible
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:10.0.0.1", "private"),
    ("::ffff:169.254.169.254", "metadata"),
    ("::ffff:8.8.8.8", "embedded"),
    ("64:ff9b::7f00:1", "loopback"),
    ("64:ff9b::a00:1", "private"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "kind"), KINDS)
def test_it_knows_what_an_address_is(address: str, kind: str) -> None:
    assert kind_of(ipaddress.ip_address(address)) == kind


def names(monkeypatch: pytest.MonkeyPatch, **known: list[str]) -> list[str]:
    """Let only these names be known; return the list of what is looked up."""
    asked: list[str] = []

    def look_up(host: str, port: int, **_rest: Any) -> list[Any]:
        asked.append(host)
        try:
            found = known.get(host.replace(".", "_")) or [str(ipaddress.ip_address(host))]
        except ValueError:
            raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_a_public_name_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = names(monkeypatch, quay_io=["8.8.8.8", "2606:4700::1"])
    pinned = pin_host("Quay.IO.", 443)
    assert (pinned.host, pinned.port) == ("quay.io", 443)
    assert pinned.addresses == ("8.8.8.8", "2606:4700::1")
    assert asked == ["quay.io"]


@pytest.mark.parametrize("address", [a for a, kind in KINDS if kind])
def test_all_others_are_refused_in_words(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    names(monkeypatch, evil_example=["8.8.8.8", address])
    with pytest.raises(AddressRefused) as refused:
        pin_host("evil.example", 80)
    assert refused.value.code == "address_refused"
    assert str(ipaddress.ip_address(address)) in str(refused.value)
    assert "QUAYSIDE_OUTBOUND_ALLOW" in str(refused.value)


@pytest.mark.parametrize(
    ("entries", "address", "allowed"),
    [
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", True),
        (["10.0.0.0/8"], "64:ff9b::a01:203", True),
        (["10.0.0.0/8"], "192.168.0.1", False),
        (["127.0.0.1"], "127.0.0.1", True),
        (["127.0.0.1"], "127.0.0.2", False),
        (["fd00::/8"], "fd12::1", True),
        (["git.example"], "10.1.2.3", True),
        (["git.example"], "127.0.0.1", True),
        ([".example"], "10.1.2.3", True),
        ([".git.example"], "10.1.2.3", False),
        (["example"], "10.1.2.3", False),
        (["git.example"], "169.254.169.254", False),
        (["git.example"], "fe80::1", False),
        (["git.example"], "224.0.0.1", False),
        (["169.254.169.254/32"], "169.254.169.254", True),
        ([], "10.1.2.3", False),
    ],
)
def test_the_setting_opens_networks_and_names(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    entries: list[str],
    address: str,
    allowed: bool,
) -> None:
    names(monkeypatch, git_example=[address])
    settings.OUTBOUND_ALLOW = entries
    if allowed:
        assert pin_host("git.example", 443).addresses == (str(ipaddress.ip_address(address)),)
    else:
        with pytest.raises(AddressRefused):
            pin_host("git.example", 443)


def test_what_an_administrator_named_may_be_private_but_no_metadata_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names(monkeypatch, reg_lan=["10.0.0.5"], meta_lan=["169.254.169.254"], odd_lan=["fe80::1"])
    trusted = {("reg.lan", 5000), ("meta.lan", 80), ("odd.lan", 80), ("127.0.0.1", 1)}
    assert pin_host("reg.lan", 5000, trusted=trusted).addresses == ("10.0.0.5",)
    assert pin_host("127.0.0.1", 1, trusted=trusted).addresses == ("127.0.0.1",)
    for host, port in (("reg.lan", 22), ("meta.lan", 80), ("odd.lan", 80), ("127.0.0.1", 2)):
        with pytest.raises(AddressRefused):
            pin_host(host, port, trusted=trusted)


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "127.1", "0x7f.0.0.1", "[::1]"])
def test_it_is_not_fooled_by_other_ways_to_write_an_address(host: str) -> None:
    with pytest.raises(AddressRefused, match="own machine"):
        pin_host(host, 80)


def test_an_unknown_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch)
    with pytest.raises(OutboundError) as unknown:
        pin_host("nowhere.example", 80)
    assert unknown.value.code == "dns"


def test_a_name_server_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    done = threading.Event()
    monkeypatch.setattr(policy, "DNS_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: done.wait(20) and [])
    with pytest.raises(OutboundError) as slow:
        pin_host("slow.example", 80)
    done.set()
    assert slow.value.code == "dns_timeout"


def test_a_policy_is_read_from_entries() -> None:
    found = parse_policy(("10.0.0.0/8", "::1", "Git.Example.org", ".corp"))
    assert [str(network) for network in found.networks] == ["10.0.0.0/8", "::1/128"]
    assert found.hosts == ("git.example.org", ".corp")
