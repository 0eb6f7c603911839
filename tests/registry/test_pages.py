"""Registries' pages through HTTP: forms, refusals, what is shown and what never is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from dashboard.forms.registries import PRESETS
from fleet.models import AuditEntry, Environment, Host, Registry, RegistryKind, User
from tests.conftest import make_host
from tests.hosts.certificates import Pair, make_pair
from tests.registry.conftest import SECRET, Answers, make_registry

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
PART = {"HX-Request": "true"}
FORM = {
    "name": "Harbor 2", "url": "harbor.example.org:8443", "username": "robot$ci",
    "password": SECRET, "serves": "some", "environments": ["staging"],
}  # fmt: skip


def text(response: Any) -> str:
    return str(response.content.decode())


def add(browser: Client, kind: str = "harbor", **fields: Any) -> Any:
    return browser.post(f"/registries/add/?kind={kind}", FORM | fields)


# -- lists ---------------------------------------------------------------------------------------


def test_an_empty_list_explains_and_offers_presets(browser: Client) -> None:
    said = text(browser.get("/registries/"))
    assert "No registries yet" in said and "Hosts pull public images without any" in said
    for kind in RegistryKind.values:
        assert f"/registries/add/?kind={kind}" in said


def test_who_may_add_none_is_told_who_does(sign_in: SignIn, viewer: User, host: Host) -> None:
    said = text(sign_in(viewer).get("/registries/"))
    assert "An administrator adds registries" in said and "/registries/add/" not in said


def test_it_lists_what_a_registry_is_and_how_it_went(browser: Client, staging: Environment) -> None:
    make_registry("tested", staging, tested_at=timezone.now(), test_message="No such user.")
    make_registry("idle", username="", password="", insecure=True)
    make_registry("open", everywhere=True, tested_at=timezone.now(), test_ok=True)
    said = text(browser.get("/registries/"))
    for words in ("staging", "robot$ci", "failed", "No such user.", "nobody yet", "not tested",
                  "not secure", "every environment", "works", "harbor.example.org"):  # fmt: skip
        assert words in said


def test_a_viewer_sees_no_user_and_nothing_to_press(
    sign_in: SignIn, viewer: User, host: Host, production: Environment, staging: Environment
) -> None:
    told = {"tested_at": timezone.now(), "test_message": "It refused robot$ci."}
    shown = make_registry("shared", staging, production, **told)
    hidden = make_registry("theirs", production)
    client = sign_in(viewer)
    for path in ("/registries/", f"/registries/{shown.pk}/"):
        said = text(client.get(path))
        assert "shared" in said and "staging" in said and "failed" in said
        for words in ("robot$ci", "production", "theirs", "Edit", "Test", SECRET):
            assert words not in said
    assert client.get(f"/registries/{hidden.pk}/").status_code == 404
    for change in ("edit/", "edit/test/", "test/", "remove/"):
        assert client.post(f"/registries/{shown.pk}/{change}").status_code == 403
        assert client.post(f"/registries/{hidden.pk}/{change}").status_code == 404
    for path in ("/registries/add/", "/registries/test/"):
        assert client.post(path, FORM).status_code == 403
    assert Registry.objects.count() == 2


def test_a_list_asks_a_bounded_number_of_queries(
    browser: Client, staging: Environment, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        make_registry(f"r{number}", staging)
    with django_assert_max_num_queries(16):
        assert "r29" in text(browser.get("/registries/"))


def test_names_and_messages_are_data(browser: Client, staging: Environment) -> None:
    bad = "<script>alert(1)</script>"
    made = make_registry(
        bad, staging, username=bad, url=bad, tested_at=timezone.now(), test_message=bad
    )
    for path in ("/registries/", f"/registries/{made.pk}/", f"/registries/{made.pk}/edit/",
                 f"/registries/{made.pk}/remove/"):  # fmt: skip
        said = text(browser.get(path))
        assert bad not in said and "&lt;script&gt;" in said


def test_the_administration_leads_to_them(browser: Client) -> None:
    assert 'href="/registries/"' in text(browser.get("/administration/"))


# -- adding --------------------------------------------------------------------------------------


def test_it_adds_a_registry(browser: Client, staging: Environment) -> None:
    response = add(browser)
    made = Registry.objects.get()
    assert response.headers["Location"] == f"/registries/{made.pk}/"
    assert (made.kind, made.url, made.password) == (
        "harbor", "https://harbor.example.org:8443", SECRET,
    )  # fmt: skip
    assert list(made.environments.all()) == [staging] and not made.everywhere


@pytest.mark.parametrize("kind", RegistryKind.values)
def test_each_kind_has_a_preset_that_can_be_saved(browser: Client, kind: str) -> None:
    said = text(browser.get(f"/registries/add/?kind={kind}"))
    preset = PRESETS[kind]
    assert f'value="{preset.name}"' in said if preset.name else "Any that speaks" in said
    account = {"username": "", "password": "", "serves": "every", "environments": []}
    address = preset.url or "registry.example.org"
    response = add(browser, kind, url=address, name=preset.name or "Ours", **account)
    made = Registry.objects.get()
    assert response.status_code == 302 and made.everywhere
    assert (made.kind, made.domain) == (kind, "docker.io" if kind == "hub" else address)


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"name": ""}, "id_name_error"),
        ({"name": "<script>"}, "id_name_error"),
        ({"name": "x" * 5000}, "id_name_error"),
        ({"url": ""}, "id_url_error"),
        ({"url": "u:hunter2@h"}, "id_url_error"),
        ({"url": "h/v2"}, "id_url_error"),
        ({"url": "http://h"}, "id_insecure_error"),
        ({"username": ""}, "id_username_error"),
        ({"password": ""}, "id_password_error"),
        ({"password": "p" * 300_000}, "id_password_error"),
        ({"serves": ""}, "id_serves_error"),
        ({"serves": "nobody"}, "id_serves_error"),
        ({"environments": ["nowhere"]}, "id_environments_error"),
        ({"tls_ca": "not one"}, "id_tls_ca_error"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    browser: Client, staging: Environment, fields: dict[str, Any], at: str
) -> None:
    response = add(browser, **fields)
    said = text(response)
    assert (response.status_code, Registry.objects.count()) == (422, 0)
    assert at in said and SECRET not in said and "hunter2" not in said


def test_it_tells_all_that_is_wrong_at_once(browser: Client, staging: Environment) -> None:
    said = text(add(browser, name="", url="h/x", password="", serves="", tls_ca="x"))
    for name in ("name", "url", "password", "serves", "tls_ca"):
        assert said.count(f'id="id_{name}_error"') == 1


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"A" * 300_000, b"no certificate"])
def test_it_refuses_uploads_that_are_no_certificates(
    browser: Client, staging: Environment, content: bytes
) -> None:
    response = add(browser, tls_ca_file=SimpleUploadedFile("ca.pem", content))
    assert response.status_code == 422 and "id_tls_ca_error" in text(response)


def test_it_takes_an_uploaded_certificate(
    browser: Client, staging: Environment, pair: Pair
) -> None:
    add(browser, tls_ca_file=SimpleUploadedFile("ca.pem", pair.cert.encode()))
    made = Registry.objects.get()
    assert made.tls_ca == pair.cert
    said = text(browser.get(f"/registries/{made.pk}/"))
    assert "CN=our registries" in said and "valid until" in said


# -- a registry's page, and changing it ----------------------------------------------------------


def test_it_shows_whom_it_serves(browser: Client, registry: Registry, host: Host) -> None:
    make_host("stage-2", host.environment)
    said = text(browser.get(f"/registries/{registry.pk}/"))
    for words in ("harbor.example.org", "2 hosts", "staging", "robot$ci", "stored, encrypted"):
        assert words in said
    assert SECRET not in said


def test_a_certificate_that_ends_soon_is_told(browser: Client) -> None:
    made = make_registry("old", tls_ca=make_pair("old", days=5).cert)
    assert "it ends" in text(browser.get(f"/registries/{made.pk}/"))


def test_saving_an_unchanged_form_keeps_everything(
    browser: Client, registry: Registry, pair: Pair
) -> None:
    Registry.objects.update(tls_ca=pair.cert)
    form = {"name": "Harbor", "url": "harbor.example.org", "username": "robot$ci",
            "serves": "some", "environments": ["staging"]}  # fmt: skip
    assert browser.post(f"/registries/{registry.pk}/edit/", form).status_code == 302
    after = Registry.objects.get()
    assert (after.password, after.tls_ca) == (SECRET, pair.cert)
    assert AuditEntry.objects.get(action="registry.update").detail == {"changes": {}}


def test_an_emptied_user_name_takes_the_account_away(browser: Client, registry: Registry) -> None:
    form = FORM | {"name": "Harbor", "url": "harbor.example.org", "username": "", "password": ""}
    browser.post(f"/registries/{registry.pk}/edit/", form)
    after = Registry.objects.get()
    assert (after.username, after.password_encrypted) == ("", "")


def test_a_new_address_wants_the_password_again(browser: Client, registry: Registry) -> None:
    form = FORM | {"name": "Harbor", "password": ""}
    response = browser.post(f"/registries/{registry.pk}/edit/", form)
    assert response.status_code == 422 and "Give it again" in text(response)
    assert "id_password_error" in text(response)


def test_a_form_never_shows_a_secret(browser: Client, registry: Registry, pair: Pair) -> None:
    Registry.objects.update(tls_ca=pair.cert)
    for path in ("edit/", "", "remove/"):
        said = text(browser.get(f"/registries/{registry.pk}/{path}"))
        assert SECRET not in said and pair.cert.splitlines()[1] not in said


def test_it_says_what_removing_means_before_it_does(
    browser: Client, registry: Registry, host: Host
) -> None:
    said = text(browser.get(f"/registries/{registry.pk}/remove/"))
    assert "Nothing changes at harbor.example.org" in said and "containers keep running" in said
    assert Registry.objects.exists()
    response = browser.post(f"/registries/{registry.pk}/remove/", follow=True)
    assert "Harbor was removed." in text(response) and not Registry.objects.exists()


# -- testing a connection ------------------------------------------------------------------------


def test_it_tests_what_is_typed(browser: Client, answers: Answers) -> None:
    form = {"url": "harbor.example.org", "username": "ann", "password": SECRET}
    said = text(browser.post("/registries/test/?kind=harbor", form, headers=PART))
    assert "takes the account" in said and "<html" not in said
    whole = text(browser.post("/registries/test/?kind=harbor", form))
    assert "takes the account" in whole and "<html" in whole
    assert [target.password for target in answers.asked] == [SECRET, SECRET]
    assert not Registry.objects.exists()


def test_it_says_in_words_what_is_wrong(
    browser: Client, registry: Registry, answers: Answers
) -> None:
    answers.ok, answers.message = False, "The registry refused the password."
    answers.advice = "Make a new token."
    said = text(browser.post(f"/registries/{registry.pk}/test/", headers=PART))
    assert "refused the password" in said and "Make a new token." in said
    assert "refused the password" in text(browser.get("/registries/"))
    said = text(browser.post("/registries/test/?kind=harbor", {"url": "h/x"}, headers=PART))
    assert "Not tested" in said and "Leave out what comes after the host" in said
    assert len(answers.asked) == 1


def test_it_tests_a_change_with_what_is_stored(
    browser: Client, registry: Registry, answers: Answers
) -> None:
    path = f"/registries/{registry.pk}/edit/test/"
    browser.post(path, {"url": "harbor.example.org", "username": "robot$ci"}, headers=PART)
    assert answers.asked[0].password == SECRET
    said = text(browser.post(path, {"url": "elsewhere.org", "username": "ann"}, headers=PART))
    assert "Give it again" in said and len(answers.asked) == 1
    registry.refresh_from_db()
    assert registry.tested_at is None
