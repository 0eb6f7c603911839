"""Reading manifests and configs of registries that lie, exaggerate or send anything at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleet.registries.errors import RegistryError
from fleet.registries.manifests import check_content, digest_of, parse_config, parse_manifest
from fleet.registries.types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from fleet.registries.values import moment, size, text

SHA = "sha256:" + "ab" * 32


def image(**other: Any) -> dict[str, Any]:
    config = {"digest": SHA, "size": 7, "mediaType": "c"}
    layer = {"digest": SHA, "size": 100, "mediaType": "l"}
    return {"schemaVersion": 2, "config": config, "layers": [layer], **other}


def read(data: Any, content_type: str = "") -> Any:
    return parse_manifest(json.dumps(data).encode(), content_type)


@pytest.mark.parametrize(
    ("data", "content_type", "kind"),
    [
        (image(), OCI_MANIFEST, OCI_MANIFEST),
        (image(), DOCKER_MANIFEST + "; charset=utf-8", DOCKER_MANIFEST),
        (image(mediaType=OCI_MANIFEST), "text/plain", OCI_MANIFEST),
        (image(), "", OCI_MANIFEST),
        (image(), "application/vnd.docker.odd+json", DOCKER_MANIFEST),
        ({"schemaVersion": 2, "manifests": []}, OCI_INDEX, OCI_INDEX),
        ({"schemaVersion": 2, "manifests": []}, "application/json", OCI_INDEX),
        ({"schemaVersion": 2, "manifests": [], "mediaType": DOCKER_LIST}, "", DOCKER_LIST),
        (image(mediaType=OCI_INDEX), OCI_INDEX, OCI_MANIFEST),  # it says index, and is none
    ],
)
def test_it_knows_what_kind_it_is(data: dict[str, Any], content_type: str, kind: str) -> None:
    assert read(data, content_type).media_type == kind


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_answer"),
        (b"<html>", "bad_answer"),
        (b"[]", "bad_answer"),
        (b"null", "bad_answer"),
        (b"\xff\xfe\x00", "bad_answer"),
        (b"{}", "bad_answer"),
        (b"[" * 100_000, "bad_answer"),
        (b'{"a":' * 100_000, "bad_answer"),
        (b'{"n": ' + b"9" * 10_000 + b"}", "bad_answer"),
        (json.dumps({**image(), "manifests": [], "layers": 5}).encode(), "bad_answer"),
        (b'{"schemaVersion": 1, "fsLayers": []}', "schema1"),
    ],
)
def test_what_is_no_manifest_is_told(body: bytes, code: str) -> None:
    with pytest.raises(RegistryError) as failed:
        parse_manifest(body, OCI_MANIFEST if code == "schema1" else "")
    assert failed.value.code == code


def test_wrong_types_and_sizes_become_nothing() -> None:
    rows: list[Any] = [
        {"digest": SHA, "size": -1}, {"digest": SHA, "size": "9"}, {"digest": SHA, "size": True},
        {"digest": SHA, "size": 1e3}, {"digest": SHA, "size": 2**70}, {"digest": "latest"},
        {"digest": 5}, None, 7, "x", {"digest": SHA, "size": 5, "mediaType": ["x"]},
    ]  # fmt: skip
    found = read(image(layers=rows, config={"digest": "../../x", "size": None}))
    assert [layer.size for layer in found.layers] == [0, 0, 0, 0, 0, 5]
    assert (found.size, found.config_digest, found.layers[-1].media_type) == (5, "", "")


def test_an_index_keeps_what_can_be_asked_for() -> None:
    notes = {"vnd.docker.reference.type": "attestation-manifest"}
    platform = {"os": "linux", "architecture": "arm", "variant": "v7"}
    rows: list[Any] = [
        {"digest": SHA, "platform": platform},
        {"digest": SHA, "platform": "linux", "annotations": notes},
        {"digest": "no", "platform": platform},
        {"digest": SHA, "platform": {"os": 5, "architecture": ["x"]}},
    ]
    found = read({"schemaVersion": 2, "manifests": rows}).platforms
    assert [p.name for p in found] == ["linux/arm/v7", "", ""]
    assert [p.attestation for p in found] == [False, True, False]


def test_long_lists_are_cut() -> None:
    rows = [{"digest": SHA, "size": 1}] * 5000
    assert len(read(image(layers=rows)).layers) == 1000


def test_the_digest_is_computed_from_what_came() -> None:
    body = json.dumps(image()).encode()
    assert parse_manifest(body, "").digest == digest_of(body)
    check_content(body, digest_of(body))
    check_content(body, digest_of(body, "sha512:"))
    for wrong in (SHA, "blake3:" + "ab" * 32):
        with pytest.raises(RegistryError) as failed:
            check_content(body, wrong)
        assert failed.value.code == "wrong_digest"


def test_a_config_of_anything_is_read() -> None:
    odd: dict[str, Any] = {
        "created": "0001-01-01T00:00:00Z", "os": 5, "architecture": None, "history": [7, {}],
        "config": {"Env": "A=b", "Cmd": ["a", 5, "b\x00c\x1b[31m"], "Labels": ["x"],
                   "ExposedPorts": {"80/tcp": {}, "\x00": 1}, "User": {"a": 1}},
    }  # fmt: skip
    found = parse_config(json.dumps(odd).encode())
    assert (found.created, found.os, found.env, found.labels) == (None, "", (), {})
    assert found.command == ("a", "b\ufffdc\ufffd[31m")
    assert found.ports == ("80/tcp", "\ufffd") or found.ports == ("\ufffd", "80/tcp")
    assert len(found.history) == 1
    others: tuple[Any, ...] = (None, [], "x", 5)
    for config in others:
        assert parse_config(json.dumps({"config": config}).encode()).command == ()


def test_texts_can_be_kept() -> None:
    assert text("a\x00b\ud800c\td\n") == "a\ufffdb\ufffdc\td\n"
    text("\ud83d\ud800").encode()
    assert len(text("x" * 10_000)) == 4096
    assert text(b"x") == text(None) == text(5) == ""
    assert size(2**63 - 1) == 2**63 - 1


@pytest.mark.parametrize(
    "value", ["", "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00Z", None, 5, "x" * 999]
)
def test_what_is_no_time_is_nothing(value: object) -> None:
    assert moment(value) is None


def test_times_are_read_to_the_microsecond() -> None:
    found = moment("2026-01-02T03:04:05.123456789+01:00")
    assert found is not None
    assert found.microsecond == 123456
    assert moment("2026-01-02T03:04:05") is not None
