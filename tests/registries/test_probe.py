"""Testing a registry's connection, in words."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from pytest_django import Settings

from dashboard.forms.registries import PRESETS
from fleet.models import RegistryKind
from fleet.registries.abilities import ABILITIES
from fleet.registries.address import read_address
from fleet.registries.probe import probe
from fleet.registries.target import RegistryTarget
from tests.httpd import Reply, serve
from tests.lab.registry import PASSWORD, USER, RegistryServer, why_no_registry
from tests.registries.tokens import TokenServer, run_token_registry


def test_an_open_registry(open_registry_server: RegistryServer) -> None:
    url = open_registry_server.url
    found = probe(RegistryTarget(url, insecure=True))
    assert (found.ok, found.code, found.signed_in, found.catalog) == (True, "ok", "anonymous", True)
    assert [str(part) for part in found.details] == [
        "API 2.0", "asks nobody to sign in", "lists its repositories",
    ]  # fmt: skip
    named = probe(RegistryTarget(url, "ann", "anything", insecure=True))
    assert (named.ok, named.signed_in) == (True, "not_asked")
    assert "did not look at" in str(named.message)


def test_a_locked_registry(locked_registry_server: RegistryServer) -> None:
    url = locked_registry_server.url
    found = probe(RegistryTarget(url, USER, PASSWORD, insecure=True))
    assert (found.ok, found.scheme, found.signed_in) == (True, "basic", "yes")
    wrong = probe(RegistryTarget(url, USER, "wrong", insecure=True))
    assert (wrong.ok, wrong.code, wrong.field) == (False, "unauthorized", "password")
    none = probe(RegistryTarget(url, insecure=True))
    assert (none.ok, none.code, none.field) == (False, "credentials_needed", "username")
    assert "image" not in str(none.message)


def test_tls(tls_registry_server: RegistryServer) -> None:
    url = tls_registry_server.url
    assert probe(RegistryTarget(url, USER, PASSWORD, tls_ca=tls_registry_server.ca)).ok
    unknown = probe(RegistryTarget(url))
    assert (unknown.code, unknown.field) == ("tls_unknown_authority", "tls_ca")


def test_a_wrong_password_where_everybody_may_read(tmp_path: Path, settings: Settings) -> None:
    if reason := why_no_registry():
        pytest.skip(reason)
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    tokens = TokenServer(users={"ann": "pat-1"}, forgiving=True)
    with run_token_registry(tmp_path / "registry", tokens) as (registry, _door):
        right = probe(RegistryTarget(registry.url, "ann", "pat-1", insecure=True))
        wrong = probe(RegistryTarget(registry.url, "ann", "wrong", insecure=True))
        nobody = probe(RegistryTarget(registry.url, insecure=True))
    assert (right.ok, right.signed_in, right.catalog) == (True, "yes", True)
    assert (wrong.ok, wrong.code, wrong.field) == (False, "unauthorized", "password")
    assert "did not accept" in str(wrong.message)
    assert (nobody.ok, nobody.signed_in, nobody.catalog) == (True, "anonymous", False)


def test_what_is_no_registry() -> None:
    with serve(lambda _: Reply(200, b"<html>", {"Content-Type": "text/html"})) as server:
        found = probe(RegistryTarget(server.url, insecure=True))
    assert (found.ok, found.code, found.field) == (False, "not_a_registry", "url")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    gone = probe(RegistryTarget(f"https://127.0.0.1:{port}"))
    assert (gone.ok, gone.code, gone.field, gone.details) == (False, "refused", "url", ())
    silly = probe(RegistryTarget("nonsense"))
    assert (silly.ok, silly.code, silly.field) == (False, "bad_target", "url")
    inside = probe(RegistryTarget("http://169.254.169.254", insecure=True))
    assert (inside.code, inside.field) == ("address_refused", "url")
    assert "169.254.169.254" in str(inside.message)


def test_limits_of_the_hub_are_shown() -> None:
    told = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"}
    with serve(lambda _: Reply(200, b"{}", told)) as server:
        found = probe(RegistryTarget(server.url, insecure=True))
    assert "76 of 100 pulls left" in [str(part) for part in found.details]


def test_it_has_an_end() -> None:
    """A server that takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = RegistryTarget(f"http://127.0.0.1:{listener.getsockname()[1]}", insecure=True)
        found = probe(target, timeout=0.4)
    assert found.code == "timeout"


@pytest.mark.parametrize("kind", RegistryKind.values)
def test_each_kind_has_addresses_to_begin_with_and_says_what_to_do_without_a_list(
    kind: str,
) -> None:
    preset, abilities = PRESETS[kind], ABILITIES[kind]
    for address in {preset.example, preset.url} - {""}:
        assert read_address(address) == f"https://{address}"
    assert abilities.catalog or str(abilities.hint).endswith(".")
