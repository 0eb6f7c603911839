"""Addresses and credentials: each mistake is named at its field, and never echoed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import asyncssh
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fleet.engine.endpoint import (
    Address,
    Endpoint,
    certificate_facts,
    check_endpoint,
    host_key_fingerprint,
    parse_address,
    safe_url,
)
from fleet.engine.errors import BadEndpoint
from fleet.engine.tls import tls_context
from tests.engine.pki import Authority, key_pem

SSH_KEY = asyncssh.generate_private_key("ssh-ed25519")
SSH_PEM = SSH_KEY.export_private_key().decode()
# Made with ssh-keygen and the passphrase "pass"; it opens nothing.
SSH_LOCKED = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBfQbTh5H
1mWyBybKszgtyqAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAINAAgRlclz2rY2Cf
Fq8xh8KkTQQjkBaMy/qqdR7jqkPnAAAAkJdNfGJDe8uboOyE2dGLYgmIpTq0+6nw8ymHvi
ipb86mgwx29Ao2L90w8k95GPJJfkkcgURjvSuH1D7qkE4JSei1/DGuBpLlbRRBXsfn+irt
WD72SXCwFdOBuUWYSJCLhIOL6kMZv5p30id2rVCbgvAhKtALNt21HjiW8NCj539POddm6a
ZurQ7k63zo7W39gA==
-----END OPENSSH PRIVATE KEY-----
"""
SSH_PUBLIC = SSH_KEY.export_public_key().decode().strip()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("unix:///var/run/docker.sock", Address("unix", path="/var/run/docker.sock")),
        ("tcp://h:1", Address("tcp", "h", 1)),
        ("tcp://10.0.0.1", Address("tcp", "10.0.0.1", 2375)),
        ("tcp://[::1]:2", Address("tcp", "::1", 2)),
        ("TCP://h:1/", Address("tcp", "h", 1)),
        ("ssh://me@h", Address("ssh", "h", 22, "me")),
        ("ssh://me@h:2222/run/d.sock", Address("ssh", "h", 2222, "me", "/run/d.sock")),
    ],
)
def test_it_takes_addresses_apart(url: str, address: Address) -> None:
    assert parse_address(Endpoint(url)) == address


def test_it_assumes_the_tls_port_with_tls() -> None:
    assert parse_address(Endpoint("tcp://h", tls_ca="x")).port == 2376


@pytest.mark.parametrize(
    "url",
    [
        "",
        " unix:///a",
        "/var/run/docker.sock",
        "unix://relative",
        "unix:///",
        "unix:///" + "x" * 107,
        "http://h:1",
        "https://h",
        "npipe:////./pipe/x",
        "file:///etc/passwd",
        "tcp://",
        "tcp://:1",
        "tcp://h:0",
        "tcp://h:65536",
        "tcp://h:99999999999999999999",
        "tcp://h:port",
        "tcp://h:1/v1.41",
        "tcp://h:1?x=1",
        "tcp://h:1#x",
        "tcp://me@h:1",
        "tcp://me:secret@h:1",
        "tcp://a b:1",
        "tcp://h\n:1",
        "tcp://h:1\n",
        "tcp://[::1:2",
        "tcp://<script>:1",
        "ssh://h",
        "ssh://me:secret@h",
        "ssh://-oProxyCommand=x@h",
        "ssh://me@-h",
        "ssh://me@h/run/a;reboot",
        "ssh://me@h/run/$(reboot)",
        "tcp://h:1" + "x" * 2000,
    ],
)
def test_it_refuses_addresses(url: str) -> None:
    problems = check_endpoint(Endpoint(url, insecure=True))
    assert [problem.field for problem in problems] == ["url"]
    assert "secret" not in str(problems[0])


def test_it_finds_nothing_wrong_with_good_ones(ca: Authority) -> None:
    pair = ca.leaf(client=True)
    tls = Endpoint("tcp://h:2376", ca.pem, pair.cert, pair.key)
    ssh = Endpoint("ssh://me@h", ssh_key=SSH_PEM, ssh_host_key=SSH_PUBLIC)
    for good in (tls, ssh, Endpoint("unix:///a"), Endpoint("tcp://h", insecure=True)):
        assert check_endpoint(good) == []
    assert check_endpoint(replace(tls, tls_cert="", tls_key="")) == []


def fields(endpoint: Endpoint) -> list[str]:
    return [problem.field for problem in check_endpoint(endpoint)]


def test_it_wants_tcp_without_tls_to_be_confirmed() -> None:
    assert fields(Endpoint("tcp://h:2375")) == ["insecure"]


@pytest.mark.parametrize("field", ["tls_ca", "tls_cert", "tls_key", "ssh_key", "ssh_host_key"])
@pytest.mark.parametrize(
    "value",
    [
        "s3cret-junk",
        "-----BEGIN CERTIFICATE-----\ns3cret\n-----END CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\ns3cret\n-----END OPENSSH PRIVATE KEY-----",
        "s3cret\x00",
        "s3cret" * 20_000,
        "ssh-ed25519 s3cret",
    ],
)
def test_it_refuses_what_is_no_credential(field: str, value: str) -> None:
    given: dict[str, Any] = {field: value}
    endpoint = replace(Endpoint("unix:///a"), **given)
    problems = [problem for problem in check_endpoint(endpoint) if problem.field == field]
    assert len(problems) == 1
    assert "s3cret" not in str(problems[0]) + repr(problems[0])


def test_it_wants_certificate_and_key_together(ca: Authority) -> None:
    pair = ca.leaf()
    assert fields(Endpoint("tcp://h", ca.pem, tls_cert=pair.cert)) == ["tls_key"]
    assert fields(Endpoint("tcp://h", ca.pem, tls_key=pair.key)) == ["tls_cert"]


def test_it_sees_that_a_key_is_another_certificates(ca: Authority) -> None:
    endpoint = Endpoint("tcp://h", ca.pem, ca.leaf().cert, ca.leaf().key)
    (problem,) = check_endpoint(endpoint)
    assert problem.field == "tls_key"
    assert "does not belong" in str(problem)


def test_it_names_keys_with_a_passphrase(ca: Authority) -> None:
    locked = key_pem(ec.generate_private_key(ec.SECP256R1()), b"pass")
    (problem,) = check_endpoint(Endpoint("tcp://h", ca.pem, ca.leaf().cert, locked))
    assert (problem.field, "passphrase" in str(problem)) == ("tls_key", True)
    for locked in (SSH_LOCKED, SSH_KEY.export_private_key("pkcs8-pem", passphrase="pass").decode()):
        (problem,) = check_endpoint(Endpoint("ssh://me@h", ssh_key=locked))
        assert (problem.field, "passphrase" in str(problem)) == ("ssh_key", True)


LOCKED_PEM = key_pem(ec.generate_private_key(ec.SECP256R1()), b"pass")


@pytest.mark.parametrize(
    ("field", "url", "key"),
    [("tls_key", "tcp://h", LOCKED_PEM), ("ssh_key", "ssh://me@h", LOCKED_PEM),
     ("ssh_key", "ssh://me@h", SSH_LOCKED), ("ssh_key", "ssh://me@h", SSH_PEM)],
)  # fmt: skip
def test_it_says_that_a_key_is_incomplete(ca: Authority, field: str, url: str, key: str) -> None:
    lines = key.strip().splitlines()
    for cut, words in (
        (key[: len(key) // 2], "last line"),
        ("\n".join(lines[:-1]), "last line"),
        ("\n".join([lines[0], *lines[2:]]), "incomplete or damaged"),
    ):
        fields: dict[str, Any] = {"tls_ca": ca.pem, "tls_cert": ca.leaf().cert}
        fields = {field: cut, **(fields if field == "tls_key" else {})}
        (problem,) = check_endpoint(Endpoint(url, **fields))
        assert problem.field == field
        assert words in str(problem) and "incomplete" in str(problem)


def test_it_says_when_fields_were_swapped(ca: Authority) -> None:
    pair = ca.leaf()
    problems = check_endpoint(Endpoint("tcp://h", ca.pem, tls_cert=pair.key, tls_key=pair.cert))
    texts = {problem.field: str(problem) for problem in problems}
    assert "private key" in texts["tls_cert"] and "certificate" in texts["tls_key"]
    (problem,) = check_endpoint(Endpoint("ssh://me@h", ssh_key=SSH_PUBLIC))
    assert "public key" in str(problem)


def test_it_takes_keys_with_windows_line_ends(ca: Authority) -> None:
    pair = ca.leaf()
    root, cert, key = (text.replace("\n", "\r\n") for text in (ca.pem, pair.cert, pair.key))
    assert check_endpoint(Endpoint("tcp://h", root, cert, key)) == []
    assert check_endpoint(Endpoint("ssh://me@h", ssh_key=SSH_PEM.replace("\n", "\r\n"))) == []


def test_a_tls_context_is_made_once_for_the_same_texts(ca: Authority) -> None:
    pair, other = ca.leaf(), ca.leaf()
    first = tls_context(Endpoint("tcp://h:1", ca.pem, pair.cert, pair.key))
    assert first is not None
    assert tls_context(Endpoint("tcp://i:2", ca.pem, pair.cert, pair.key)) is first
    assert tls_context(Endpoint("tcp://h:1", ca.pem, other.cert, other.key)) is not first
    assert tls_context(Endpoint("tcp://h:1", ca.pem)) is not first
    for _ in range(2):  # what does not load is told each time
        with pytest.raises(BadEndpoint):
            tls_context(Endpoint("tcp://h:1", ca.pem, pair.cert, other.key))


def test_it_shows_no_secret_in_its_repr() -> None:
    endpoint = Endpoint("ssh://me:secret@h", tls_key="secret", ssh_key="secret")
    assert "secret" not in repr(endpoint)
    assert safe_url("tcp://me:secret@h:1/x") == "tcp://me@h:1/x"
    assert safe_url("me:sec/r@t@h") == "me@h"
    assert safe_url("ssh://me@h:22") == "ssh://me@h:22"
    assert safe_url("tcp://h:2376") == "tcp://h:2376"


def test_it_tells_the_facts_of_a_certificate(ca: Authority) -> None:
    facts = certificate_facts(ca.leaf("127.0.0.1").cert)
    assert (facts.subject, facts.issuer) == ("CN=leaf", "CN=test-ca")
    assert facts.names == ("127.0.0.1",)
    assert facts.not_before < facts.not_after
    with pytest.raises(ValueError, match=r"."):
        certificate_facts("junk")


def test_it_makes_fingerprints_as_ssh_keygen_does() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    assert host_key_fingerprint(key) == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
    with pytest.raises(ValueError, match=r"."):
        host_key_fingerprint("junk")


def test_it_raises_with_the_field() -> None:
    with pytest.raises(BadEndpoint) as caught:
        parse_address(Endpoint("http://h"))
    assert (caught.value.field, caught.value.permanent) == ("url", True)
