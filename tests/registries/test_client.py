"""The client against real registries: open, with a password, with TLS, with a thousand names."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from fleet.registries.client import RegistryClient, open_registry
from fleet.registries.errors import BadTarget, RegistryError
from fleet.registries.reference import InvalidReference
from fleet.registries.target import RegistryTarget
from fleet.registries.types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.engine.pki import Authority
from tests.lab.registry import (
    MANY,
    PASSWORD,
    USER,
    RegistryServer,
    make_many,
    run_registry,
    why_no_registry,
)

NOWHERE = "sha256:" + "0" * 64


def target(server: RegistryServer, **given: str) -> RegistryTarget:
    """How to reach a registry of the lab: plainly where it has no TLS."""
    return RegistryTarget(server.url, tls_ca=server.ca, insecure=not server.ca, **given)


def signed_in(server: RegistryServer) -> RegistryTarget:
    return target(server, username=USER, password=PASSWORD)


def code_of(asking: RegistryTarget, call: str = "ping", *arguments: str) -> str:
    """The code with which a call fails."""
    with open_registry(asking) as registry, pytest.raises(RegistryError) as failed:
        getattr(registry, call)(*arguments)
    assert str(failed.value)
    return failed.value.code


class TestOpen:
    """A registry that lets everybody in."""

    def test_it_says_what_it_is(self, open_registry_server: RegistryServer) -> None:
        with open_registry(target(open_registry_server)) as registry:
            ping = registry.ping()
        assert (ping.api_version, ping.scheme, ping.signed_in) == (
            "registry/2.0", "none", "anonymous",
        )  # fmt: skip
        with open_registry(signed_in(open_registry_server)) as registry:
            assert registry.ping().signed_in == "not_asked"

    @pytest.mark.parametrize(("docker", "media"), [(False, OCI_MANIFEST), (True, DOCKER_MANIFEST)])
    def test_it_shows_an_image(
        self, open_registry_server: RegistryServer, docker: bool, media: str
    ) -> None:
        about = {
            "Env": ["A=b"], "Entrypoint": ["/e"], "User": "nobody", "WorkingDir": "/w",
            "ExposedPorts": {"80/tcp": {}}, "Labels": {"team": "x"},
        }  # fmt: skip
        pushed = open_registry_server.push(f"one/app-{docker:d}", "1", config=about, docker=docker)
        with open_registry(target(open_registry_server)) as registry:
            found = registry.manifest(f"one/app-{docker:d}", "1")
            assert registry.manifest(f"one/app-{docker:d}", pushed.digest) == found
            assert registry.head(f"one/app-{docker:d}", "1") == pushed.digest
            config = registry.config(f"one/app-{docker:d}", found.config_digest)
        assert (found.digest, found.media_type, found.size) == (pushed.digest, media, pushed.size)
        assert not found.is_index
        assert tuple(layer.digest for layer in found.layers) == pushed.layers
        assert (config.os, config.architecture, config.command) == ("linux", "amd64", ("/hello",))
        assert (config.env, config.entrypoint, config.ports) == (("A=b",), ("/e",), ("80/tcp",))
        assert (config.user, config.workdir, config.labels) == ("nobody", "/w", {"team": "x"})
        assert config.created is not None
        assert config.created.year == 2026
        assert [step.empty for step in config.history] == [False, True]

    @pytest.mark.parametrize(("docker", "media"), [(False, OCI_INDEX), (True, DOCKER_LIST)])
    def test_it_shows_the_platforms_of_an_index(
        self, open_registry_server: RegistryServer, docker: bool, media: str
    ) -> None:
        name = f"multi/app-{docker:d}"
        pushed, images = open_registry_server.push_index(name, "1", "amd64", "arm64", docker=docker)
        with open_registry(target(open_registry_server)) as registry:
            found = registry.manifest(name, "1")
            sized = registry.with_sizes(name, found)
        assert (found.digest, found.media_type, found.is_index) == (pushed.digest, media, True)
        assert [p.name for p in found.platforms] == ["linux/amd64", "linux/arm64"]
        assert [p.digest for p in found.platforms] == [image.digest for image in images]
        assert [p.size for p in found.platforms] == [None, None]
        assert [p.size for p in sized.platforms] == [image.size for image in images]

    def test_tags_come_in_pages(self, open_registry_server: RegistryServer) -> None:
        for number in range(5):
            open_registry_server.push("tags/app", f"v{number}")
        seen: list[str] = []
        with open_registry(target(open_registry_server)) as registry:
            page = registry.tags("tags/app", count=2)
            while page.after:
                assert len(page.tags) == 2
                seen += page.tags
                page = registry.tags("tags/app", page.after, 2)
        assert sorted([*seen, *page.tags]) == [f"v{number}" for number in range(5)]

    def test_it_deletes_by_digest_and_the_tags_go_along(
        self, open_registry_server: RegistryServer
    ) -> None:
        pushed = open_registry_server.push("gone/app", "1")
        open_registry_server.push("gone/app", "2")
        with open_registry(target(open_registry_server)) as registry:
            registry.delete_manifest("gone/app", pushed.digest)
            assert registry.tags("gone/app").tags == ()
            with pytest.raises(RegistryError) as failed:
                registry.manifest("gone/app", "1")
            assert failed.value.code == "not_found"
            with pytest.raises(RegistryError) as failed:
                registry.delete_manifest("gone/app", pushed.digest)
            assert failed.value.code == "not_found"
            with pytest.raises(InvalidReference):
                registry.delete_manifest("gone/app", "1")

    @pytest.mark.parametrize(
        ("call", "arguments"),
        [
            ("tags", ("no/such",)),
            ("manifest", ("no/such", "1")),
            ("manifest", ("no/such", NOWHERE)),
            ("head", ("no/such", "1")),
            ("config", ("no/such", NOWHERE)),
        ],
    )
    def test_what_is_not_there_is_told(
        self, open_registry_server: RegistryServer, call: str, arguments: tuple[str, ...]
    ) -> None:
        assert code_of(target(open_registry_server), call, *arguments) == "not_found"

    @pytest.mark.parametrize("name", ["../x", "A", "a?b", "a/../b", "", "a#b", "a%2fb", "_catalog"])
    def test_a_name_is_never_a_path(self, open_registry_server: RegistryServer, name: str) -> None:
        with open_registry(target(open_registry_server)) as registry:
            for call in (registry.tags, lambda n: registry.manifest(n, "1")):
                with pytest.raises(InvalidReference):
                    call(name)
            with pytest.raises(InvalidReference):
                registry.manifest("app", "../../_catalog")
            with pytest.raises(InvalidReference):
                registry.config("app", "latest")


def test_a_thousand_repositories_come_in_pages(big_registry_server: RegistryServer) -> None:
    names: list[str] = []
    pages = 0
    with open_registry(target(big_registry_server)) as registry:
        page = registry.repositories(count=300)
        names += page.names
        while page.after:
            pages += 1
            page = registry.repositories(page.after, 300)
            names += page.names
    assert names == [f"many/app-{number:04}" for number in range(MANY)]
    assert pages == 3


def test_a_registry_that_lists_few_at_once_is_paged_through(tmp_path: Path) -> None:
    """Distribution refuses to be asked for more than its administrator allows."""
    if reason := why_no_registry():
        pytest.skip(reason)
    make_many(tmp_path, 9)
    with run_registry(tmp_path, most=4) as server, open_registry(target(server)) as registry:
        page = registry.repositories()
        names = [*page.names]
        while page.after:
            page = registry.repositories(page.after)
            names += page.names
    assert names == [f"many/app-{number:04}" for number in range(9)]


class TestLocked:
    """A registry with htpasswd that deletes nothing."""

    def test_it_wants_credentials(self, locked_registry_server: RegistryServer) -> None:
        asking = target(locked_registry_server)
        assert code_of(asking) == "credentials_needed"
        assert code_of(asking, "repositories") == "credentials_needed"
        assert code_of(asking, "manifest", "a", "1") == "credentials_needed"

    @pytest.mark.parametrize(("user", "password"), [(USER, "wrong"), ("nobody", PASSWORD)])
    def test_it_tells_wrong_ones(
        self, locked_registry_server: RegistryServer, user: str, password: str
    ) -> None:
        asking = target(locked_registry_server, username=user, password=password)
        assert code_of(asking) == "unauthorized"
        assert code_of(asking, "repositories") == "unauthorized"
        assert code_of(asking, "head", "a", "1") == "unauthorized"

    def test_it_lets_the_right_ones_in(self, locked_registry_server: RegistryServer) -> None:
        pushed = locked_registry_server.push("locked/app", "1")
        with open_registry(signed_in(locked_registry_server)) as registry:
            ping = registry.ping()
            assert (ping.scheme, ping.signed_in) == ("basic", "yes")
            assert "locked/app" in registry.repositories().names
            assert registry.head("locked/app", "1") == pushed.digest
            with pytest.raises(RegistryError) as failed:
                registry.delete_manifest("locked/app", pushed.digest)
            assert failed.value.code == "delete_off"
            assert "storage.delete.enabled" in str(failed.value)


class TestTls:
    """A registry whose certificate is of a CA of its own."""

    def test_its_ca_is_believed(self, tls_registry_server: RegistryServer) -> None:
        with open_registry(signed_in(tls_registry_server)) as registry:
            assert registry.ping().signed_in == "yes"

    def test_others_are_told(self, tls_registry_server: RegistryServer) -> None:
        url = tls_registry_server.url
        assert code_of(RegistryTarget(url)) == "tls_unknown_authority"
        other = Authority("other").pem
        assert code_of(RegistryTarget(url, tls_ca=other)) == "tls_unknown_authority"
        named = RegistryTarget(url.replace("127.0.0.1", "localhost"), tls_ca=tls_registry_server.ca)
        assert code_of(named) == "tls_name"

    def test_the_switch_believes_anybody(self, tls_registry_server: RegistryServer) -> None:
        asking = RegistryTarget(tls_registry_server.url, USER, PASSWORD, insecure=True)
        with open_registry(asking) as registry:
            assert registry.ping().signed_in == "yes"

    def test_the_wrong_scheme_is_told(
        self, tls_registry_server: RegistryServer, open_registry_server: RegistryServer
    ) -> None:
        plain = tls_registry_server.url.replace("https", "http")
        assert code_of(RegistryTarget(plain, insecure=True)) == "https_on_plain_http"
        secure = open_registry_server.url.replace("http", "https")
        assert code_of(RegistryTarget(secure)) == "plain_http_on_https"


def test_a_registry_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert code_of(RegistryTarget(f"https://127.0.0.1:{port}")) == "refused"
    assert code_of(RegistryTarget("https://registry.invalid")) == "dns"


def test_a_metadata_service_is_no_registry() -> None:
    asking = RegistryTarget("http://169.254.169.254", insecure=True)
    with open_registry(asking) as registry, pytest.raises(RegistryError) as failed:
        registry.ping()
    assert failed.value.code == "address_refused"
    assert "QUAYSIDE_OUTBOUND_ALLOW" in str(failed.value)


def test_a_wrong_target_is_told_before_anything_is_asked() -> None:
    with pytest.raises(BadTarget), open_registry(RegistryTarget("http://a")) as registry:
        assert isinstance(registry, RegistryClient)
