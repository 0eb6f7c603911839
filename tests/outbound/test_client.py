"""The HTTP client against real servers on loopback: hops, limits, TLS, and hostile answers."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fleet.outbound.client import Limits, OutboundClient
from fleet.outbound.errors import OutboundError
from tests.engine.pki import Authority, server_context
from tests.httpd import Asked, Reply, Server, serve


def client(*servers: Server, **options: Any) -> OutboundClient:
    """A client to which these servers were named; plain HTTP is allowed unless told otherwise."""
    options.setdefault("insecure", True)
    return OutboundClient(trusted=[server.origin for server in servers], **options)


def fails(code: str, url: str, using: OutboundClient, method: str = "GET") -> OutboundError:
    with using, pytest.raises(OutboundError) as failed:
        using.request(method, url, headers={"Authorization": "Basic c2VjcmV0"})
    assert failed.value.code == code, failed.value.raw
    assert str(failed.value)
    return failed.value


def ok(_asked: Asked) -> Reply:
    return Reply(200, b"hello", {"X-Thing": "a"})


def test_it_asks_and_reads_and_keeps_the_connection() -> None:
    with serve(ok) as server, client(server) as http:
        for _ in range(3):
            answer = http.request("GET", f"{server.url}/a b?q=ü", headers={"Accept": "x"})
            assert (answer.status, answer.body, answer.header("X-THING")) == (200, b"hello", "a")
        assert http.request("HEAD", server.url).body == b""
    first = server.asked[0]
    assert first.target == "/a%20b?q=%C3%BC"
    assert first.headers["host"] == f"127.0.0.1:{server.port}"
    assert first.headers["user-agent"].startswith("Quayside/")
    assert first.headers["accept"] == "x"


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a/b", "file:///etc/passwd", "gopher://a", "http://", "//a/b", "a/b", "http://a:0",
     "http://a:99999", "http://u:p@a/", "http://u@a/", "http://a\\@b/", "http://a b/", "http://a\n",
     "http://[::1", "http://a_%00/", "javascript:alert(1)", "http://" + "a" * 9000],
)  # fmt: skip
def test_it_asks_only_plain_web_addresses(url: str) -> None:
    fails("bad_url", url, OutboundClient())


def test_loopback_is_refused_before_a_connection_is_made() -> None:
    with serve(ok) as server:
        fails("address_refused", server.url, OutboundClient())
        fails("address_refused", f"http://localhost:{server.port}", client(server))
    assert server.asked == []


def test_a_redirect_to_another_private_host_is_refused() -> None:
    with serve(ok) as inside:
        aim = Reply(302, b"", {"Location": f"{inside.url}/secret"})
        with serve(lambda _: aim) as outside:
            error = fails("address_refused", outside.url, client(outside))
    assert "127.0.0.1" in str(error)
    assert inside.asked == []


@pytest.mark.parametrize("location", ["http://169.254.169.254/latest", "//169.254.169.254/x"])
def test_a_redirect_to_a_metadata_service_is_refused(location: str) -> None:
    with serve(lambda _: Reply(307, b"", {"Location": location})) as server:
        fails("address_refused", server.url, client(server))


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://a@b/"])
def test_a_redirect_away_from_http_is_refused(location: str) -> None:
    with serve(lambda _: Reply(301, b"", {"Location": location})) as server:
        fails("bad_url", server.url, client(server))


def test_credentials_stay_with_their_host() -> None:
    with serve(ok) as other:
        to = {"/1": "/2", "/2": f"{other.url}/3"}
        with serve(lambda asked: Reply(302, b"", {"Location": to[asked.path]})) as first:
            with client(first, other) as http:
                answer = http.request(
                    "GET", f"{first.url}/1", headers={"Authorization": "Basic x", "Accept": "y"}
                )
            assert answer.url == f"{other.url}/3"
    assert [asked.headers.get("authorization") for asked in first.asked] == ["Basic x"] * 2
    assert "authorization" not in other.asked[0].headers
    assert other.asked[0].headers["accept"] == "y"


def test_redirects_end() -> None:
    with serve(lambda _: Reply(302, b"", {"Location": "/again"})) as server:
        fails("too_many_redirects", server.url, client(server))
    assert len(server.asked) == 6


def test_a_change_is_not_sent_on() -> None:
    with serve(lambda _: Reply(307, b"", {"Location": "/b"})) as server, client(server) as http:
        assert http.request("DELETE", server.url).status == 307
    assert len(server.asked) == 1


def test_a_name_is_looked_up_once_and_its_address_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second answer of the name server would lead to somebody else."""
    answers = ["127.0.0.1", "127.0.0.2", "127.0.0.2"]

    def look_up(host: str, port: int, **_rest: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    with serve(ok) as server:
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        with OutboundClient(trusted=[("rebind.example", server.port)]) as http:
            for _ in range(2):
                answer = http.request("GET", f"http://rebind.example:{server.port}/")
                assert answer.body == b"hello"
    assert server.asked[0].headers["host"] == f"rebind.example:{server.port}"
    assert len(answers) == 2  # one was used


def test_the_body_is_bounded_packed_or_not() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    small = Limits(body=100_000)
    with serve(lambda _: Reply(200, b"x" * 100_001)) as server:
        fails("too_large", server.url, client(server, limits=small))
    with serve(lambda _: Reply(200, bomb, {"Content-Encoding": "gzip"})) as server:
        fails("too_large", server.url, client(server, limits=small))
    with serve(lambda _: Reply(200, gzip.compress(b"a" * 99), {"Content-Encoding": "gzip"})) as s:
        assert client(s).request("GET", s.url).body == b"a" * 99


@contextlib.contextmanager
def raw_server(*pieces: bytes, pause: float = 0.0) -> Iterator[Server]:
    """A server that writes these bytes, whatever it is asked, with a pause after each."""
    stop = threading.Event()

    def talk(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer, contextlib.suppress(OSError):
                    peer.recv(65536)
                    for piece in pieces:
                        peer.sendall(piece)
                        if pause and stop.wait(pause):
                            return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=talk, args=(listener,), daemon=True).start()
        yield Server("127.0.0.1", listener.getsockname()[1])
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("bad_answer", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("bad_answer", b"HTTP/1.1 abc\r\n\r\n"),
        ("bad_answer", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"),
        ("bad_answer", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
        ("disconnected", b""),
        ("disconnected", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        ("disconnected", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
        ("https_on_plain_http", b"\x15\x03\x01\x00\x02\x02\x46\r\n"),
    ],
)
def test_it_says_what_is_wrong_with_an_answer(code: str, said: bytes) -> None:
    with raw_server(said) as server:
        fails(code, server.url, client(server))


def test_a_server_that_says_nothing_or_too_slowly_is_left() -> None:
    with raw_server(b"", pause=20) as server:
        fails("timeout", server.url, client(server, limits=Limits(read=0.1)))
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with raw_server(head, *[b"x"] * 400, pause=0.05) as server:
        began = time.monotonic()
        fails("timeout", server.url, client(server, limits=Limits(read=5, total=0.4)))
        assert time.monotonic() - began < 15  # all of it would take 20 s


def test_a_session_ends_as_a_whole() -> None:
    with serve(ok) as server:
        fails("timeout", server.url, client(server, limits=Limits(session=1e-9)))
    assert server.asked == []


def test_a_closed_port_and_an_unknown_name_are_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = Server("127.0.0.1", listener.getsockname()[1])
    fails("refused", gone.url, client(gone))
    fails("dns", "http://nowhere.invalid/", OutboundClient())


def test_a_kept_connection_that_was_closed_is_made_anew() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with raw_server(reply) as server, client(server) as http:
        assert [http.request("GET", server.url).body for _ in range(3)] == [b"ok"] * 3


class TestTls:
    """Whom we believe."""

    authority = Authority()

    def tls_server(self, *names: str, **options: Any) -> contextlib.AbstractContextManager[Server]:
        pair = self.authority.leaf(*(names or ("127.0.0.1",)), **options)
        return serve(ok, tls=server_context(pair))

    def test_the_given_authority_is_believed(self) -> None:
        with self.tls_server() as server:
            http = client(server, insecure=False, tls_ca=self.authority.pem)
            with http:
                assert http.request("GET", server.url).body == b"hello"

    def test_others_are_not(self) -> None:
        with self.tls_server() as server:
            fails("tls_unknown_authority", server.url, client(server, insecure=False))
            other = Authority("other").pem
            fails("tls_unknown_authority", server.url, client(server, insecure=False, tls_ca=other))

    def test_another_name_an_old_and_a_coming_certificate_are_told(self) -> None:
        given: dict[str, Any] = {"insecure": False, "tls_ca": self.authority.pem}
        with self.tls_server("127.0.0.9") as server:
            fails("tls_name", server.url, client(server, **given))
        with self.tls_server(start=-9, days=2) as server:
            fails("tls_expired", server.url, client(server, **given))
        with self.tls_server(start=3) as server:
            fails("tls_not_yet_valid", server.url, client(server, **given))

    def test_the_switch_opens_the_named_host_only(self) -> None:
        with self.tls_server() as named, self.tls_server() as other:
            with client(named) as http:
                assert http.request("GET", named.url).body == b"hello"
            aside = OutboundClient(trusted=[("localhost", other.port)], insecure=True)
            with aside:
                assert aside.request("GET", f"https://localhost:{other.port}").status == 200
            fails("address_refused", other.url, client(named))

    def test_a_way_down_to_http_is_refused(self) -> None:
        down = serve(
            lambda _: Reply(302, b"", {"Location": "http://example.org/"}),
            tls=server_context(self.authority.leaf("127.0.0.1")),
        )
        with down as server:
            http = client(server, insecure=False, tls_ca=self.authority.pem)
            fails("insecure_redirect", server.url, http)

    def test_tls_and_plain_http_that_meet_are_told(self) -> None:
        with serve(ok) as server:
            https = f"https://127.0.0.1:{server.port}"
            fails("plain_http_on_https", https, client(server, insecure=False))

    def test_what_is_no_ca_is_told(self) -> None:
        with self.tls_server() as server:
            fails("tls_ca", server.url, client(server, insecure=False, tls_ca="-----nonsense"))
