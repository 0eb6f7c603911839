"""Pulling an image: what is read from an engine's stream, its errors in words, hanging up."""

from __future__ import annotations

import base64
import json
import re
import threading

import pytest

from fleet.engine.client import open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Aborted, EngineError, Invalid, Unreachable
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_pulls import FakeLayer
from fleet.engine.progress import (
    LayerProgress,
    Repeats,
    Said,
    error_of,
    parse_progress,
    read_objects,
)
from fleet.engine.pulls import (
    Words,
    auth_header,
    explain_pull,
    image_path,
    platform_fits,
    split_reference,
)
from fleet.engine.pushes import Pushed, explain_push
from tests.waiting import eventually

IMAGE = "registry.test/app:1"


@pytest.fixture
def stocked(fake: FakeEngine) -> FakeEngine:
    fake.pulls.registry = {IMAGE: [FakeLayer(1000), FakeLayer(4000)]}
    return fake


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"status": "Pulling fs layer", "id": "a"}, LayerProgress("a", "waiting")),
        (
            {"status": "Downloading", "id": "a", "progressDetail": {"current": 5, "total": 9}},
            LayerProgress("a", "downloading", 5, 9),
        ),
        # Docker 28 and newer
        (
            {"status": "Extracting", "id": "a", "progressDetail": {"current": 5, "units": "s"}},
            LayerProgress("a", "extracting"),
        ),
        ({"status": "Already exists", "id": "a"}, LayerProgress("a", "exists")),
        ({"status": "Pulling from app", "id": "1"}, Said("1: Pulling from app")),
        ({"status": "Retrying in 5 seconds", "id": "a"}, LayerProgress("a", "retrying")),
        ({"status": "Digest: sha256:1"}, Said("Digest: sha256:1")),
        ({"status": "Downloading", "id": 7, "progressDetail": {"current": -1, "total": "x"}},
         LayerProgress("7", "downloading")),
        ({"status": None, "id": {}}, None),
        ({}, None),
        ({"status": "Unavailable", "id": "5e8117c0bd28"}, None),
    ],
)  # fmt: skip
def test_it_reads_progress(raw: dict[str, object], expected: object) -> None:
    assert parse_progress(raw) == expected


def test_what_is_only_said_again_is_no_news() -> None:
    now = 0.0
    repeats = Repeats(clock=lambda: now)
    moving = LayerProgress("a", "downloading", 5, 10)
    assert repeats.is_news(moving)
    now = 7.0
    assert not repeats.is_news(moving)
    assert repeats.seconds == 7.0
    assert repeats.is_news(LayerProgress("b", "downloading", 5, 10))
    assert not repeats.is_news(moving)
    assert repeats.is_news(LayerProgress("a", "downloading", 6, 10))
    assert repeats.seconds == 0.0
    unpacking = LayerProgress("a", "extracting")  # seconds are counted, which are not kept
    assert repeats.is_news(unpacking) and repeats.is_news(unpacking)
    assert repeats.is_news(Said("x")) and repeats.is_news(Said("x"))


def test_an_engine_that_says_the_same_for_ever_is_given_up(
    stocked: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_engine(Endpoint(stocked.url)) as engine:
        list(engine.pull(IMAGE))
        monkeypatch.setattr("fleet.engine.client.SILENCE_SECONDS", 0.3)
        stocked.pulls.stuck = True
        for moving in (engine.pull(IMAGE), engine.push(IMAGE)):
            with pytest.raises(EngineError) as stalled:
                list(moving)
            assert stalled.value.code == "registry_stalled"
    eventually(lambda: not stocked.pulls.under_way, "the engine has stopped")


def test_it_reads_objects_that_come_in_pieces() -> None:
    chunks = [b'{"a":', b' 1}\r\n{"b"', b": 2}\n\n", b'{"c": 3}']
    assert list(read_objects(chunks)) == [{"a": 1}, {"b": 2}, {"c": 3}]
    with pytest.raises(ValueError):
        list(read_objects([b"<html>\n"]))
    with pytest.raises(ValueError):
        list(read_objects([b"x" * 2_000_000]))


def test_it_finds_errors_in_a_stream() -> None:
    assert error_of({"error": "no", "errorDetail": {"message": "no space left"}}) == "no space left"
    assert error_of({"error": "no"}) == "no"
    assert error_of({"status": "fine"}) == ""


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("manifest for a:9 not found: manifest unknown: manifest unknown", "image_unknown"),
        ("name unknown: repository name not known to registry", "image_unknown"),
        (
            "pull access denied for a, repository does not exist or may require 'docker login':"
            " denied: requested access to the resource is denied",
            "image_unknown_or_private",
        ),
        (
            "pull access denied for a, repository does not exist or may require 'docker login':"
            " denied: Your authorization token has expired. Reauthenticate and try again.",
            "registry_expired",
        ),
        ('Head "https://r/v2/a/manifests/1": no basic auth credentials', "registry_login"),
        (
            'failed to resolve reference "r/a:1": pull access denied, repository does not exist or'
            " may require authorization: authorization failed: no basic auth credentials",
            "registry_login",
        ),
        ("unauthorized: authentication required", "registry_login"),
        ("denied: requested access to the resource is denied", "registry_denied"),
        ("dial tcp 10.0.0.5:5000: connect: connection refused", "registry_unreachable"),
        ("dial tcp: lookup r on 10.0.0.53:53: no such host", "registry_unreachable"),
        ("net/http: request canceled (Client.Timeout exceeded", "registry_unreachable"),
        ("http: server gave HTTP response to HTTPS client", "registry_plain_http"),
        ("x509: certificate signed by unknown authority", "registry_untrusted"),
        ("write /var/lib/docker/tmp/x: no space left on device", "disk_full"),
        ("no matching manifest for linux/arm64 in the manifest list entries", "platform_missing"),
        (
            "image with reference a was found but does not match the specified platform: wanted"
            " linux/arm64, actual: linux/amd64",
            "platform_missing",
        ),
        ("toomanyrequests: You have reached your pull rate limit", "registry_rate_limit"),
        ("invalid reference format: repository name must be lowercase", "reference_invalid"),
        ("filesystem layer verification failed for digest sha256:1", "layer_damaged"),
        ('encountered remote "application/vnd.cncf.helm.config.v1+json"', "not_an_image"),
        ("received unexpected HTTP status: 502 Bad Gateway", "registry_failed"),
    ],
)
def test_it_says_in_words_what_a_registry_refused(message: str, code: str) -> None:
    found = explain_pull(message, signed_in=False)
    assert found is not None and found.code == code
    assert found.raw == message and "answered with an error." not in str(found)


def test_a_push_tells_a_password_that_ran_out_from_one_that_may_not() -> None:
    ended = "denied: Your authorization token has expired. Reauthenticate and try again."
    for message, code in ((ended, "registry_expired"), ("denied: no", "push_denied")):
        found = explain_push(message, signed_in=True)
        assert found is not None and found.code == code


def test_what_the_host_has_not_is_not_sought_at_the_registry() -> None:
    for message in ('image "r:5000/a:1": not found', "tag does not exist: r:5000/a:1"):
        found = explain_push(message, signed_in=False)
        assert found is not None and found.code == "image_gone"


def test_a_digest_that_a_push_does_not_tell_is_the_id_where_containerd_keeps_it(
    stocked: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.engine.pushes._SAID", re.compile("never said"))
    with open_engine(Endpoint(stocked.url)) as engine:
        list(engine.pull(IMAGE))
        assert list(engine.push(IMAGE))[-1] == Pushed("")
        stocked.driver_status = [["driver-type", "io.containerd.snapshotter.v1"]]
        assert list(engine.push(IMAGE))[-1] == Pushed(engine.image(IMAGE)["Id"])


def test_it_tells_wrong_credentials_from_none() -> None:
    found = explain_pull("unauthorized: incorrect username or password", signed_in=True)
    assert found is not None and found.code == "registry_credentials"
    assert explain_pull("something else", signed_in=True) is None


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("nginx", ("nginx", "latest")),
        ("nginx:1.27", ("nginx", "1.27")),
        ("10.0.0.5:5000/team/app", ("10.0.0.5:5000/team/app", "latest")),
        ("r.test:5000/app:2", ("r.test:5000/app", "2")),
        (f"app:2@sha256:{'a' * 64}", ("app", f"sha256:{'a' * 64}")),
    ],
)
def test_it_takes_references_apart(reference: str, parts: tuple[str, str]) -> None:
    assert split_reference(reference) == parts


@pytest.mark.parametrize("reference", ["", "a b", "a?x=1", "../x", "a#b", "-a", "a" * 600, "a\n"])
def test_no_name_becomes_another_path(reference: str) -> None:
    with pytest.raises(Invalid):
        image_path(reference)


def test_credentials_go_into_one_header_only() -> None:
    auth = {"username": "ann", "password": "hunter2?>", "serveraddress": "r.test", "more": "x"}
    header = auth_header(auth)["X-Registry-Auth"]
    sent = json.loads(base64.urlsafe_b64decode(header))
    assert sent == {name: auth[name] for name in ("username", "password", "serveraddress")}
    assert auth_header(None) == {}


def test_it_finds_the_digest_of_engines_that_do_not_say_it() -> None:
    found = Words().result({"Id": "sha256:1", "RepoDigests": ["a@sha256:2"], "Os": "linux"})
    assert (found.digest, found.platform, found.newer) == ("sha256:2", "linux", True)


def test_of_several_platforms_the_wanted_one_was_pulled() -> None:
    both = [
        {"Kind": "image", "Available": True, "ImageData": {"Platform": about}}
        for about in (
            {"os": "linux", "architecture": "amd64"},
            {"os": "linux", "architecture": "arm64", "variant": "v8"},
        )
    ]
    image = {"Id": "sha256:1", "Os": "linux", "Architecture": "amd64", "Manifests": both}
    for wanted, found in (
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/s390x", "linux/amd64"),
        ("", "linux/amd64"),
    ):
        assert Words().result(image, wanted).platform == found


def test_it_compares_platforms() -> None:
    assert platform_fits("linux/arm64", "linux/arm64/v8")
    assert not platform_fits("linux/arm64", "linux/amd64")


def test_errors_in_the_middle_count(stocked: FakeEngine, endpoint: Endpoint) -> None:
    stocked.pulls.refuse = "write /var/lib/docker/x: no space left on device"
    with open_engine(endpoint) as engine, pytest.raises(EngineError) as caught:
        list(engine.pull(IMAGE))
    assert caught.value.code == "disk_full"
    assert IMAGE not in stocked.images.names


def test_leaving_a_pull_hangs_up(stocked: FakeEngine, endpoint: Endpoint) -> None:
    stocked.pulls.step = 0.2
    with open_engine(endpoint) as engine:
        items = engine.pull(IMAGE)
        next(items)
        eventually(lambda: stocked.pulls.under_way == 1, "it pulls")
        items.close()
        eventually(lambda: stocked.pulls.under_way == 0, "the engine stopped")
    assert not stocked.images.names


def test_another_thread_ends_a_pull(stocked: FakeEngine, endpoint: Endpoint) -> None:
    stocked.pulls.step = 60
    with open_engine(endpoint) as engine:
        items = engine.pull(IMAGE)
        next(items)
        threading.Timer(0.1, engine.abort).start()
        with pytest.raises(Aborted):
            list(items)


def test_a_lost_engine_is_told(stocked: FakeEngine, endpoint: Endpoint) -> None:
    stocked.pulls.step = 60
    with open_engine(endpoint) as engine:
        items = engine.pull(IMAGE)
        next(items)
        threading.Timer(0.1, in_fake, [stocked, stocked.cut]).start()
        with pytest.raises(Unreachable):
            list(items)
