"""What is in a real registry and no image: each is named, and no page falls over it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from fleet.models import Environment, Host, Registry, User
from fleet.registries.artifacts import artifact_type, artifact_words
from fleet.registries.manifests import parse_manifest
from tests.lab.registry import OCI_KINDS, Pushed, RegistryServer
from tests.registry.real import row_of
from tests.registry.test_content import part, text

pytestmark = pytest.mark.django_db
MANIFEST, CONFIG, LAYER, INDEX = OCI_KINDS
EMPTY = "application/vnd.oci.empty.v1+json"
HELM = "application/vnd.cncf.helm.config.v1+json"
COSIGN = "application/vnd.dev.cosign.simplesigning.v1+json"
NAME = "odd/things"
Part = tuple[str, bytes, str]  # media type, content, name of the file


def push(
    server: RegistryServer, tag: str, config: str, *parts: Part, about: bytes = b"{}", **more: Any
) -> Pushed:
    """Push an artifact as ORAS, Helm and cosign do."""
    layers = []
    for kind, content, title in parts:
        row: dict[str, Any] = {"mediaType": kind, "size": len(content)}
        row["digest"] = server.push_blob(NAME, content)
        layers.append(row | ({"annotations": {"org.opencontainers.image.title": title}}))
    of_config = {"mediaType": config, "digest": server.push_blob(NAME, about), "size": len(about)}
    body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": of_config, "layers": layers}
    return server.push_manifest(NAME, tag, body | more)


def push_list(server: RegistryServer, tag: str, *rows: dict[str, Any], **more: Any) -> Pushed:
    body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(rows)}
    return server.push_manifest(NAME, tag, body | more)


def row(made: Pushed, **more: Any) -> dict[str, Any]:
    return {"mediaType": made.media_type, "digest": made.digest, "size": len(made.body), **more}


@pytest.fixture
def odd(open_registry_server: RegistryServer) -> RegistryServer:
    """A registry with one of each."""
    server = open_registry_server
    image = server.push(NAME, "image")
    chart = push(
        server, "chart", HELM, ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", b"c", ""),
        annotations={"org.opencontainers.image.version": "1.2.0", "api.token": "hunter2"},
    )  # fmt: skip
    # cosign gives its signatures the config of an image.
    push(server, "signature", CONFIG, (COSIGN, b"{}", ""), about=b'{"architecture": ""}')
    push(server, "file", EMPTY, ("text/plain", b"hello", "hello.txt"), artifactType="a/rocket")
    push(server, "old-file", "application/vnd.unknown.config.v1+json", ("text/plain", b"h", ""))
    bill = push(server, "sbom", EMPTY, ("application/spdx+json", b"{}", ""), subject=row(image),
                artifactType="application/spdx+json")  # fmt: skip
    wasm = b'{"architecture": "wasm", "os": "wasip2"}'
    push(server, "wasm", "application/vnd.wasm.config.v0+json", ("application/wasm", b"w", ""),
         about=wasm)  # fmt: skip
    built = push_list(server, "built", row(image, platform={"os": "linux", "architecture": "x"}))
    push_list(server, "of-lists", row(built))
    push_list(server, "referrers", row(bill, artifactType="application/spdx+json"))
    push_list(server, "set", row(chart, artifactType=HELM), row(image, artifactType="a/b"),
              artifactType="a/set")  # fmt: skip
    push_list(server, "nothing")
    return server


@pytest.fixture
def shelf(odd: RegistryServer, staging: Environment) -> Registry:
    return row_of(odd, staging)


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("chart", "Helm chart"),
        ("signature", "signature by cosign"),
        ("file", "a/rocket"),
        ("old-file", "text/plain"),
        ("sbom", "bill of materials (SPDX)"),
        ("wasm", "WebAssembly module"),
        ("of-lists", "list of manifests"),
        ("referrers", "bill of materials (SPDX)"),
        ("set", "a/set"),
        ("nothing", "list of manifests"),
        ("built", ""),
        ("image", ""),
    ],
)
def test_each_says_what_it_is(browser: Client, shelf: Registry, tag: str, words: str) -> None:
    said = part(browser, f"/registries/{shelf.pk}/rows/{NAME}/?tag={tag}")
    page = part(browser, f"/registries/{shelf.pk}/images/{NAME}/{tag}/")
    assert (f"{words}, not an image" in said) == bool(words)
    assert words in said
    assert (f"can run: {words}." in page) == bool(words)
    # What no engine can run is not offered to be pulled; the button stands in the page's head.
    button = '<span id="pull-act" hx-swap-oob="true"' + (" hidden>" if words else ">")
    assert button in page
    assert "Ask again" not in said + page


def test_files_and_annotations_are_shown(
    browser: Client,
    shelf: Registry,
    sign_in: Callable[[User], Client],
    make_user: Callable[..., User],
    host: Host,
) -> None:
    base = f"/registries/{shelf.pk}/images/{NAME}"
    page = part(browser, f"{base}/file/")
    assert "hello.txt" in page and "text/plain" in page and "Content" in page
    chart = part(browser, f"{base}/chart/")
    assert "org.opencontainers.image.version" in chart and "1.2.0" in chart and "hunter2" in chart
    viewer = sign_in(make_user("vera", role="viewer", on=host.environment))
    seen = part(viewer, f"{base}/chart/")
    assert "1.2.0" in seen and "hunter2" not in seen
    said = browser.get(f"/api/v1/registries/{shelf.pk}/manifest?name={NAME}&reference=chart")
    assert json.loads(text(said))["annotations"]["org.opencontainers.image.version"] == "1.2.0"


def test_what_is_in_a_list_is_led_to(browser: Client, shelf: Registry) -> None:
    page = part(browser, f"/registries/{shelf.pk}/images/{NAME}/set/")
    assert "In this list" in page and "Helm chart" in page and ">Platforms<" not in page
    nested = part(browser, f"/registries/{shelf.pk}/images/{NAME}/of-lists/")
    assert "list of manifests" in nested and f"/images/{NAME}/sha256:" in nested


def test_a_cache_of_builds_is_no_image() -> None:
    """BuildKit lists the layers of its cache as if they were manifests."""
    cache = "application/vnd.buildkit.cacheconfig.v0"
    rows = [
        {"mediaType": kind, "digest": f"sha256:{number}" + "0" * 63, "size": 5}
        for number, kind in enumerate((LAYER, LAYER, cache))
    ]
    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": rows}).encode()
    found = parse_manifest(body, INDEX)
    assert artifact_type(found) == cache
    assert "BuildKit" in str(artifact_words(artifact_type(found)))
    assert not any(one.runnable or one.is_manifest for one in found.platforms)
