"""Test connection: one test for each thing that can be wrong, against small local servers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.engine.fake import FakeEngine, fake_in_thread
from fleet.engine.probe import Probe, probe
from tests.engine.pki import Authority, Pair, server_context


@contextmanager
def answering(reply: bytes) -> Iterator[int]:
    """A TCP server that answers every connection's first words with some bytes and hangs up."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                if reply:
                    connection.recv(4096)
                    connection.sendall(reply)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@contextmanager
def tls_fake(pair: Pair, client_ca: str = "") -> Iterator[FakeEngine]:
    with fake_in_thread(context=server_context(pair, client_ca)) as fake:
        yield fake


def plain(port: int) -> Endpoint:
    return Endpoint(f"tcp://127.0.0.1:{port}", insecure=True)


def code(endpoint: Endpoint, timeout: float = 10) -> str:
    """The probe's code, after what holds for every probe was checked."""
    found = probe(endpoint, timeout)
    check(found)
    return found.code


def check(found: Probe) -> None:
    assert str(found.message).endswith(".")
    assert found.ok == (found.code == "ok") == (found.facts is not None)
    assert found.ok or str(found.advice) or found.code in ("bad_endpoint", "engine_error")


def test_it_shows_the_facts_when_all_is_well(endpoint: Endpoint) -> None:
    found = probe(endpoint)
    check(found)
    assert found.ok
    assert found.facts is not None
    assert (found.facts.version, found.facts.cpus) == ("27.0.0", 4)


def test_it_names_the_field_of_a_bad_endpoint() -> None:
    found = probe(Endpoint("http://h"))
    assert (found.code, found.field) == ("bad_endpoint", "url")


def test_it_says_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert code(plain(port)) == "refused"


def test_it_says_timed_out_before_ten_seconds() -> None:
    with fake_in_thread() as fake:
        fake.faults.hang = True
        began = time.monotonic()
        assert code(Endpoint(fake.url, insecure=True), 2) == "timeout"
        assert time.monotonic() - began < 10


def test_it_says_that_the_name_is_unknown() -> None:
    assert code(Endpoint("tcp://no-such-host.invalid", insecure=True)) == "name_not_found"


def test_it_says_that_the_socket_is_missing(tmp_path: Path) -> None:
    assert code(Endpoint(f"unix://{tmp_path}/none.sock")) == "socket_missing"


def test_it_says_that_nothing_listens_on_the_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "dead.sock"))
    assert code(Endpoint(f"unix://{tmp_path}/dead.sock")) == "refused"


def test_it_trusts_the_right_certificates(ca: Authority) -> None:
    mine = ca.leaf(client=True)
    with tls_fake(ca.leaf("127.0.0.1"), ca.pem) as fake:
        assert code(Endpoint(fake.url, ca.pem, mine.cert, mine.key)) == "ok"


@pytest.mark.parametrize(
    ("address", "start", "expected"),
    [
        ("127.0.0.1", -20, "certificate_expired"),
        ("127.0.0.1", 2, "certificate_not_yet_valid"),
        ("127.0.0.9", -1, "certificate_name"),
    ],
)
def test_it_says_what_is_wrong_with_the_certificate(
    ca: Authority, address: str, start: int, expected: str
) -> None:
    with tls_fake(ca.leaf(address, start=start)) as fake:
        assert code(Endpoint(fake.url, ca.pem)) == expected


def test_it_says_that_the_certificate_is_of_another_ca(ca: Authority) -> None:
    with tls_fake(ca.leaf("127.0.0.1")) as fake:
        assert code(Endpoint(fake.url, Authority("other").pem)) == "certificate_unknown_ca"


def test_it_does_not_trust_the_common_name(ca: Authority) -> None:
    with tls_fake(ca.leaf()) as fake:
        assert code(Endpoint(fake.url, ca.pem)) == "certificate_name"


def test_it_says_that_a_client_certificate_is_missing(ca: Authority) -> None:
    with tls_fake(ca.leaf("127.0.0.1"), ca.pem) as fake:
        assert code(Endpoint(fake.url, ca.pem)) == "client_certificate_missing"


def test_it_says_that_the_client_certificate_is_wrong(ca: Authority) -> None:
    other = Authority("other").leaf(client=True)
    with tls_fake(ca.leaf("127.0.0.1"), ca.pem) as fake:
        assert code(Endpoint(fake.url, ca.pem, other.cert, other.key)) == "client_certificate"


def test_it_says_that_the_port_speaks_plain_http(ca: Authority) -> None:
    with fake_in_thread() as fake:
        assert code(Endpoint(fake.url, ca.pem)) == "plain_http"


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        b"\x15\x03\x03\x00\x02\x02\x46",
    ],
    ids=["go", "openssl"],
)
def test_it_says_that_the_port_wants_tls(reply: bytes) -> None:
    with answering(reply) as port:
        assert code(plain(port)) == "tls_required"


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"220 mail ready\r\n",
    ],
)
def test_it_says_that_this_is_no_docker(reply: bytes) -> None:
    with answering(reply) as port:
        assert code(plain(port)) == "not_docker"


def test_it_says_that_they_hung_up() -> None:
    with answering(b"") as port:
        assert code(plain(port)) == "disconnected"


@pytest.mark.parametrize(
    ("newest", "oldest", "expected"),
    [("1.40", "1.12", "api_too_old"), ("1.99", "1.90", "api_too_new")],
)
def test_it_says_that_the_api_does_not_fit(newest: str, oldest: str, expected: str) -> None:
    with fake_in_thread(api_version=newest, min_api_version=oldest) as fake:
        assert code(Endpoint(fake.url, insecure=True)) == expected


@pytest.mark.parametrize(("status", "expected"), [(403, "unauthorized"), (500, "engine_error")])
def test_it_says_that_the_engine_refused(
    fake: FakeEngine, endpoint: Endpoint, status: int, expected: str
) -> None:
    fake.faults.status = status
    assert code(endpoint) == expected


def test_it_says_that_ssh_has_no_key() -> None:
    with answering(b"") as port:
        assert code(Endpoint(f"ssh://me@127.0.0.1:{port}")) == "ssh_no_key"


def test_it_never_shows_credentials(ca: Authority) -> None:
    mine = ca.leaf(client=True)
    with tls_fake(ca.leaf("127.0.0.9")) as fake:
        found = probe(replace(Endpoint(fake.url, ca.pem), tls_cert=mine.cert, tls_key=mine.key))
    assert mine.key.splitlines()[1] not in repr(found)
