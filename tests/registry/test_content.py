"""Browsing real registries through the pages: lists, tags, images; nothing is pulled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from fleet.models import Environment, Host, Registry, User
from tests.httpd import Asked, Reply, serve
from tests.lab.registry import OCI_KINDS, RegistryServer
from tests.registry.conftest import SECRET, make_registry
from tests.registry.real import row_of

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
PART = {"HX-Request": "true"}
EVIL = "<script>alert(1)</script>"


def text(response: Any) -> str:
    return str(response.content.decode())


def part(client: Client, path: str) -> str:
    """Return a fragment as a page's own script asks for it."""
    response = client.get(path, headers=PART)
    assert response.status_code == 200
    return text(response)


@pytest.fixture
def shelf(open_registry_server: RegistryServer, staging: Environment) -> Registry:
    return row_of(open_registry_server, staging)


# -- lists -------------------------------------------------------------------------------------


def test_a_page_comes_before_its_registry_is_asked(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    open_registry_server.push("shelf/app", "1")
    base = f"/registries/{shelf.pk}"
    for path in ("/", "/repositories/shelf/app/", "/images/shelf/app/1/"):
        said = text(browser.get(base + path))
        assert "Asking Real" in said and 'hx-trigger="load"' in said
    assert "shelf/app" in part(browser, f"{base}/repositories/?q=shelf")
    assert "<html" in text(browser.get(f"{base}/repositories/?q=shelf"))
    said = text(browser.get(f"{base}/repositories/shelf/app/?now=1"))
    assert "<html" in said and f"{base}/images/shelf/app/1/" in said


def test_what_was_answered_a_moment_ago_comes_at_once(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    open_registry_server.push("kept/app", "1")
    path = f"/registries/{shelf.pk}/repositories/kept/app/"
    part(browser, path)
    open_registry_server.push("kept/app", "2")
    said = text(browser.get(path))
    assert "Asking Real" not in said and "/images/kept/app/1/" in said
    Registry.objects.update(revision=shelf.revision + 1)
    assert "/images/kept/app/2/" in part(browser, path)


def test_a_thousand_repositories_are_paged_through(
    browser: Client, big_registry_server: RegistryServer, staging: Environment
) -> None:
    row = row_of(big_registry_server, staging)
    path, seen, pages = f"/registries/{row.pk}/repositories/", [], 0
    while path:
        said = part(browser, path)
        seen += re.findall(r"/repositories/(many/app-\d+)/", said)
        more = re.search(r'class="more".*?hx-get="([^"]+)"', said)
        path, pages = unescape(more[1]) if more else "", pages + 1
    assert len(seen) == len(set(seen)) == 1000 and seen == sorted(seen) and pages == 10


def test_a_filter_goes_through_all_of_them(
    browser: Client, big_registry_server: RegistryServer, staging: Environment
) -> None:
    path = f"/registries/{row_of(big_registry_server, staging).pk}/repositories/"
    said = part(browser, f"{path}?q=APP-099")
    assert "10 repositories" in said and "many/app-0999" in said and "app-0100" not in said
    assert "No repository has" in part(browser, f"{path}?q=nginx")
    said = part(browser, f"{path}?q=app")
    assert "The first 100 that have it; there may be more." in said and "hx-get" not in said


def test_tags_come_newest_first_or_as_the_registry_has_them(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    for tag in ("1.10.0", "1.9.2", "1.9", "latest", "edge", "v2.0"):
        open_registry_server.push("order/app", tag)
    path = f"/registries/{shelf.pk}/repositories/order/app/"

    def order(query: str = "") -> list[str]:
        return re.findall(r'href="[^"]+/images/order/app/([^/"]+)/"', part(browser, path + query))

    assert order() == ["latest", "v2.0", "1.10.0", "1.9", "1.9.2", "edge"]
    assert sorted(order("?sort=registry")) == sorted(order())
    listed = json.loads(open_registry_server.call("GET", "/v2/order/app/tags/list")[2])["tags"]
    assert order("?sort=registry") == listed
    assert order("?q=1.9") == ["1.9", "1.9.2"]
    assert "No tag has" in part(browser, f"{path}?q=nothing")


def test_more_tags_follow_a_part_at_a_time(
    browser: Client,
    shelf: Registry,
    open_registry_server: RegistryServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for tag in ("1.10", "1.2", "1.9"):
        open_registry_server.push("paged/app", tag)
    monkeypatch.setattr("dashboard.views.registry_content.COUNT", 2)
    path = f"/registries/{shelf.pk}/repositories/paged/app/"
    said = part(browser, path)
    assert "3 tags" in said and "/app/1.9/" in said and "/app/1.2/" not in said
    said = part(browser, f"{path}?after=~2")
    assert "/app/1.2/" in said and "/app/1.9/" not in said and "More" not in said


def test_tags_that_do_not_come_at_once_are_paged_as_the_registry_does(
    browser: Client, staging: Environment
) -> None:
    def answer(asked: Asked) -> Reply:
        first = "last" not in asked.query
        body = {"tags": ["b", "a"] if first else ["1"]}
        link = {"Link": '</v2/app/tags/list?n=2&last=a>; rel="next"'} if first else {}
        return Reply(200, json.dumps(body).encode(), link)

    with serve(answer) as server:
        row = make_registry("Paged", staging, kind="distribution", url=server.url, insecure=True)
        path = f"/registries/{row.pk}/repositories/app/"
        said = part(browser, path)
        assert "too many to sort" in said and said.index("/app/b/") < said.index("/app/a/")
        more = re.search(r'class="more".*?hx-get="([^"]+)"', said)
        assert more and "/images/app/1/" in part(browser, unescape(more[1]))


def test_rows_say_what_tags_stand_for(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    one = open_registry_server.push("rows/app", "one")
    index, _images = open_registry_server.push_index("rows/app", "both", "amd64", "arm64")
    path = f"/registries/{shelf.pk}/rows/rows/app/"
    said = part(browser, f"{path}?tag=one&tag=both&tag=gone&tag=-x")
    assert one.digest in said and index.digest in said and f"{one.size} B" in said
    assert "linux/amd64" in said and "linux/arm64" in said and "2026-01-02" in said
    assert "The registry has no such image" in said and "Ask again" in said
    assert said.count("<tr>") == 3  # -x is no tag


def test_the_hub_is_asked_only_for_digests(
    browser: Client, open_registry_server: RegistryServer, staging: Environment
) -> None:
    """Docker Hub counts a look at a manifest as a pull."""
    made = open_registry_server.push("hubbed/app", "1")
    row = row_of(open_registry_server, staging, kind="hub")
    said = part(browser, f"/registries/{row.pk}/rows/hubbed/app/?tag=1")
    assert made.digest in said and "linux/" not in said
    assert "Search Docker Hub" in text(browser.get(f"/registries/{row.pk}/"))


# -- one image ---------------------------------------------------------------------------------


def test_an_image_is_shown_with_layers_and_config(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    config = {
        "Entrypoint": ["/entry"], "Env": ["A=b"], "User": "app", "ExposedPorts": {"80/tcp": {}},
        "WorkingDir": "/srv", "Labels": {"a.b": "the label"}, "StopSignal": "SIGQUIT",
    }  # fmt: skip
    made = open_registry_server.push("one/app", "1", config=config)
    said = part(browser, f"/registries/{shelf.pk}/images/one/app/1/")
    host = open_registry_server.host
    for words in (made.digest, f"{host}/one/app:1", f"{host}/one/app@{made.digest}", "/entry",
                  "A=b", "80/tcp", "the label", "SIGQUIT", "COPY hello /hello", made.layers[0],
                  made.media_type, "CMD /hello", f"{made.size} B"):  # fmt: skip
        assert words in said
    by_digest = text(browser.get(f"/registries/{shelf.pk}/images/one/app/{made.digest}/?now=1"))
    pull = quote(f"{host}/one/app@{made.digest}")
    assert f"/images/pull/?reference={pull}" in by_digest and "COPY hello" in by_digest


def test_a_platform_of_several_is_chosen(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    index, (_amd, arm) = open_registry_server.push_index("multi/app", "1", "amd64", "arm64")
    path = f"/registries/{shelf.pk}/images/multi/app/1/"
    first = part(browser, path)
    assert index.digest in first and "linux/arm64" in first and arm.layers[0] not in first
    assert arm.layers[0] in part(browser, f"{path}?platform={arm.digest}")
    assert arm.layers[0] in part(browser, f"{path}?platform=linux/arm64")


def test_tags_of_the_same_digest_are_named(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    for tag in ("a", "b"):
        made = open_registry_server.push("same/app", tag)
    open_registry_server.push("same/app", "other", files={"x": b"y"})
    base = f"/registries/{shelf.pk}/same/same/app"
    said = part(browser, f"{base}/a/")
    assert "/images/same/app/b/" in said and "/other/" not in said and "/app/a/" not in said
    said = part(browser, f"{base}/{made.digest}/")
    assert "/images/same/app/a/" in said and "/images/same/app/b/" in said
    assert "No other tag" in part(browser, f"{base}/other/")


def test_what_an_image_says_is_data(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    config = {"Labels": {EVIL: EVIL}, "Env": [EVIL], "Cmd": [EVIL], "User": EVIL}
    open_registry_server.push("evil/app", "1", config=config)
    said = part(browser, f"/registries/{shelf.pk}/images/evil/app/1/")
    assert "<script" not in said and "&lt;script&gt;" in said


def test_the_history_of_an_image_is_data(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    server = open_registry_server
    about = {"author": EVIL, "history": [{"created_by": EVIL, "comment": EVIL}] * 2}
    body = json.dumps(about).encode()
    parts = [
        {"mediaType": kind, "digest": server.push_blob("evil/past", blob), "size": len(blob)}
        for kind, blob in zip(OCI_KINDS[1:3], (body, b"layer"), strict=True)
    ]
    manifest = {"schemaVersion": 2, "mediaType": OCI_KINDS[0], "config": parts[0]}
    server.push_manifest("evil/past", "1", {**manifest, "layers": parts[1:]})
    said = part(browser, f"/registries/{shelf.pk}/images/evil/past/1/")
    assert "<script" not in said and said.count("&lt;script&gt;") == 3
    # More steps than layers: the layer is shown all the same, without a guess at its command.
    assert str(parts[1]["digest"]) in said


def test_secrets_of_an_image_are_for_who_sees_them_in_containers(
    sign_in: SignIn,
    viewer: User,
    operator: User,
    host: Host,
    shelf: Registry,
    open_registry_server: RegistryServer,
) -> None:
    config = {"Env": ["DB_PASSWORD=open sesame", "PLAIN=shown"]}
    open_registry_server.push("baked/app", "1", config=config)
    path = f"/registries/{shelf.pk}/images/baked/app/1/"
    said = part(sign_in(viewer), path)
    assert "open sesame" not in said and "PLAIN=shown" in said
    assert "open sesame" in part(sign_in(operator), path)


# -- who, and as whom --------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["locked_registry_server", "tls_registry_server"])
def test_the_stored_account_asks_and_is_not_shown(
    server: str, request: pytest.FixtureRequest, sign_in: SignIn, viewer: User, host: Host,
    staging: Environment,
) -> None:  # fmt: skip
    found: RegistryServer = request.getfixturevalue(server)
    found.push("inside/app", "1")
    row = row_of(found, staging)
    client = sign_in(viewer)
    said = "".join(
        part(client, f"/registries/{row.pk}/{path}")
        for path in ("repositories/", "repositories/inside/app/", "rows/inside/app/?tag=1",
                     "images/inside/app/1/", "same/inside/app/1/")
    )  # fmt: skip
    assert "inside/app" in said and found.password not in said
    assert not re.search(rf"\b{found.username}\b", said)


def test_a_wrong_password_is_said_in_words(
    browser: Client, locked_registry_server: RegistryServer, staging: Environment
) -> None:
    row = row_of(locked_registry_server, staging, password="wrong")
    said = part(browser, f"/registries/{row.pk}/repositories/")
    assert "did not accept the user name and password" in said and "Ask again" in said
    assert "wrong" not in said.replace("wrong_", "")


def test_another_environments_registry_is_unknown(
    sign_in: SignIn, viewer: User, production: Environment, open_registry_server: RegistryServer
) -> None:
    row = row_of(open_registry_server, production)
    client = sign_in(viewer)
    for path in ("repositories/", "repositories/a/", "rows/a/?tag=1", "images/a/1/", "same/a/1/",
                 "open/?name=a", "delete/a/1/"):  # fmt: skip
        assert client.get(f"/registries/{row.pk}/{path}", headers=PART).status_code == 404


# -- names -------------------------------------------------------------------------------------


def test_a_name_opens_a_repository_or_an_image(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer, staging: Environment
) -> None:
    hub = row_of(open_registry_server, staging, name="Hub", kind="hub", url="https://docker.io")
    for row, typed, where in (
        (shelf, "team/app", "repositories/team/app/"),
        (shelf, " team/app:1 ", "images/team/app/1/"),
        (shelf, f"{open_registry_server.host}/team/app:latest", "images/team/app/latest/"),
        (hub, "nginx", "repositories/library/nginx/"),
        (hub, "docker.io/library/nginx:1.27", "images/library/nginx/1.27/"),
        (hub, "", ""),
    ):
        response = browser.get(f"/registries/{row.pk}/open/", {"name": typed})
        assert (
            response.status_code == 302 and response["Location"] == f"/registries/{row.pk}/{where}"
        )


@pytest.mark.parametrize("typed", ["a b", "../../etc", "Team/App", "x\x00y", "a" * 5000, "a:b:c"])
def test_what_is_no_name_is_told_at_the_field(browser: Client, shelf: Registry, typed: str) -> None:
    response = browser.get(f"/registries/{shelf.pk}/open/", {"name": typed})
    assert response.status_code == 422
    assert "open-problem" in text(response) and SECRET not in text(response)


@pytest.mark.parametrize(
    "name", ["..", "a/../b", "a%2f..%2fb", "a%00b", "A", "a" * 5000, "a//b", "%3Cscript%3E", "%FF"]
)
def test_what_is_no_name_has_no_page(browser: Client, shelf: Registry, name: str) -> None:
    for path in (f"repositories/{name}/", f"rows/{name}/?tag=1", f"images/{name}/1/",
                 f"same/{name}/1/", f"delete/{name}/1/", f"images/app/{name}!/"):  # fmt: skip
        response = browser.get(f"/registries/{shelf.pk}/{path}", headers=PART)
        assert response.status_code == 404 and "<script>" not in text(response)
