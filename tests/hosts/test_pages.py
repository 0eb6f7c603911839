"""Hosts' pages through HTTP: forms, refusals, what is shown and what never is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from fleet.engine.fake import FakeEngine
from fleet.models import AuditEntry, Environment, Host, HostState, Job, User
from tests.conftest import make_container, make_host
from tests.hosts.certificates import Pair, make_pair, make_ssh_key

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


def text(response: Any) -> str:
    return str(response.content.decode())


def tls_form(pair: Pair, **more: Any) -> dict[str, Any]:
    return {
        "name": "prod-7",
        "environment": "production",
        "url": "10.0.0.7:2376",
        "tls_ca": pair.cert,
        "tls_cert": pair.cert,
        "tls_key": pair.key,
        "labels": "rack=b2",
        **more,
    }


def test_an_empty_list_says_how_to_add_a_host(browser: Client) -> None:
    said = text(browser.get("/hosts/"))
    assert "No hosts yet" in said and "/hosts/add/" in said
    assert "No hosts yet" in text(browser.get("/"))


def test_a_stranger_is_told_to_ask_for_a_grant(sign_in: SignIn, stranger: User, host: Host) -> None:
    for path in ("/", "/hosts/"):
        said = text(sign_in(stranger).get(path))
        assert "Ask an administrator" in said and host.name not in said


def test_it_lists_hosts_with_their_containers(browser: Client, host: Host) -> None:
    make_container(host)
    make_container(host, "sick", health="unhealthy")
    said = text(browser.get("/hosts/"))
    assert f'id="host-{host.pk}"' in said and "1 unhealthy, 2 running" in said


def test_no_match_offers_to_show_all(browser: Client, host: Host) -> None:
    said = text(browser.get("/hosts/?q=nothing-like-it"))
    assert "No host matches" in said and "Show all hosts" in said


def test_names_and_labels_are_data(browser: Client, staging: Environment) -> None:
    bad = "<script>alert(1)</script>"
    made = make_host(
        "h", staging, labels={"k": bad}, state=HostState.UNREACHABLE, state_message=bad, os=bad,
        engine_name=bad, engine_version=bad, product=bad, storage_driver=bad,
    )  # fmt: skip
    make_container(made, bad, health="unhealthy")
    for path in (
        "/",
        "/hosts/",
        f"/hosts/{made.pk}/",
        "/hosts/?label=k%3D" + bad,
        "/events/?q=" + bad,
    ):
        assert bad not in text(browser.get(path))


# -- adding --------------------------------------------------------------------------------------


def test_it_adds_a_tls_host(browser: Client, pair: Pair) -> None:
    response = browser.post("/hosts/add/?kind=tcp", tls_form(pair))
    made = Host.objects.get()
    assert response.headers["Location"] == f"/hosts/{made.pk}/"
    assert (made.name, made.url, made.labels) == ("prod-7", "tcp://10.0.0.7:2376", {"rack": "b2"})
    assert made.tls_key.strip() == pair.key.strip()


def test_it_takes_uploaded_files(browser: Client, pair: Pair) -> None:
    files = {
        f"{name}_file": SimpleUploadedFile(f"{name}.pem", value.encode())
        for name, value in (("tls_ca", pair.cert), ("tls_cert", pair.cert), ("tls_key", pair.key))
    }
    browser.post("/hosts/add/?kind=tcp", {"name": "up", "url": "h", "environment": "x", **files})
    assert Host.objects.get().tls_key.strip() == pair.key.strip()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"A" * 300_000, b"no certificate"])
def test_it_refuses_uploads_that_are_no_certificates(browser: Client, content: bytes) -> None:
    upload = SimpleUploadedFile("ca.pem", content)
    response = browser.post(
        "/hosts/add/?kind=tcp", {"name": "x", "environment": "e", "url": "h", "tls_ca_file": upload}
    )
    assert response.status_code == 422 and "id_tls_ca_error" in text(response)
    assert not Host.objects.exists()


@pytest.mark.parametrize(
    ("kind", "fields", "at"),
    [
        ("tcp", {"url": "h:99999"}, "id_url_error"),
        ("tcp", {"url": "tcp://u:hunter2@h"}, "id_url_error"),
        ("tcp", {"url": "u:hunter2/x@h:2376"}, "id_url_error"),
        ("ssh", {"url": "ssh://root:hunter2@h"}, "id_url_error"),
        ("tcp", {"url": ""}, "id_url_error"),
        ("tcp", {"name": ""}, "id_name_error"),
        ("tcp", {"name": "<script>"}, "id_name_error"),
        ("tcp", {"name": "x" * 5000}, "id_name_error"),
        ("tcp", {"name": "STAGE-1"}, "id_name_error"),
        ("tcp", {"labels": "oops"}, "id_labels_error"),
        ("tcp", {"labels": "x=" + "y" * 65536}, "id_labels_error"),
        ("tcp", {"tls_cert": "no certificate"}, "id_tls_cert_error"),
        ("tcp", {"tls_key": make_pair(passphrase="pass").key}, "id_tls_key_error"),
        ("tcp", {"tls_ca": "", "tls_cert": "", "tls_key": ""}, "id_insecure_error"),
        ("ssh", {"url": "h"}, "id_url_error"),
        ("ssh", {"url": "root@h", "ssh_key": make_ssh_key("pass")[0]}, "id_ssh_key_error"),
        ("unix", {"url": "relative/path"}, "id_url_error"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    browser: Client, host: Host, pair: Pair, kind: str, fields: dict[str, str], at: str
) -> None:
    response = browser.post(f"/hosts/add/?kind={kind}", tls_form(pair, **fields))
    said = text(response)
    assert (response.status_code, Host.objects.count()) == (422, 1)
    assert at in said
    assert "PRIVATE KEY-----\n" not in said and pair.key[60:100] not in said
    assert "hunter2" not in said


def test_a_form_never_shows_a_secret(browser: Client, pair: Pair) -> None:
    said = text(browser.post("/hosts/add/?kind=tcp", tls_form(pair, name="")))
    assert pair.key.splitlines()[1] not in said and pair.cert.splitlines()[1] not in said
    browser.post("/hosts/add/?kind=tcp", tls_form(pair))
    made = Host.objects.get()
    for path in (f"/hosts/{made.pk}/edit/", f"/hosts/{made.pk}/", f"/hosts/{made.pk}/remove/"):
        assert pair.key.splitlines()[1] not in text(browser.get(path))


def test_plain_tcp_wants_its_switch(browser: Client) -> None:
    form = {"name": "plain", "url": "10.0.0.1:2375", "environment": "lab"}
    assert "not secure" in text(browser.post("/hosts/add/?kind=tcp", form))
    browser.post("/hosts/add/?kind=tcp", form | {"insecure": "on"})
    assert Host.objects.get().insecure


# -- changing ------------------------------------------------------------------------------------


def test_saving_an_unchanged_form_keeps_everything(browser: Client, pair: Pair) -> None:
    browser.post("/hosts/add/?kind=tcp", tls_form(pair))
    before = Host.objects.get()
    form = tls_form(pair, tls_ca="", tls_cert="", tls_key="")
    assert browser.post(f"/hosts/{before.pk}/edit/", form).status_code == 302
    after = Host.objects.get()
    assert (after.tls_ca, after.tls_cert, after.tls_key) == (
        before.tls_ca, before.tls_cert, before.tls_key,
    )  # fmt: skip
    entry = AuditEntry.objects.get(action="host.update")
    assert entry.detail == {"changes": {}}


def test_it_removes_a_stored_credential_when_told(browser: Client, pair: Pair) -> None:
    browser.post("/hosts/add/?kind=tcp", tls_form(pair))
    made = Host.objects.get()
    form = tls_form(pair, tls_ca="", tls_cert="", tls_key="", tls_ca_remove="on")
    browser.post(f"/hosts/{made.pk}/edit/", form)
    made.refresh_from_db()
    assert made.tls_ca == "" and made.tls_cert


def test_it_switches_a_host_off_and_on(browser: Client, host: Host) -> None:
    response = browser.post(f"/hosts/{host.pk}/disable/", follow=True)
    assert "switched off" in text(response)
    answer = browser.post(f"/hosts/{host.pk}/enable/", headers={"Accept": "application/json"})
    assert answer.json() == {"message": "stage-1 is watched again."}
    assert Host.objects.get().state == HostState.UNKNOWN


def test_it_shows_the_key_before_it_forgets_it(browser: Client, host: Host) -> None:
    _private, public = make_ssh_key()
    Host.objects.filter(pk=host.pk).update(url="ssh://root@h", ssh_host_key=public)
    said = text(browser.get(f"/hosts/{host.pk}/forget-key/"))
    assert "SHA256:" in said and "SHA256:" in text(browser.get(f"/hosts/{host.pk}/"))
    assert Host.objects.get().ssh_host_key == public
    browser.post(f"/hosts/{host.pk}/forget-key/")
    assert Host.objects.get().ssh_host_key == ""


def test_it_removes_a_host_only_by_its_name(browser: Client, host: Host) -> None:
    make_container(host)
    assert "Nothing changes on the machine itself" in text(browser.get(f"/hosts/{host.pk}/remove/"))
    wrong = browser.post(f"/hosts/{host.pk}/remove/", {"typed": "Stage-1"})
    assert wrong.status_code == 422 and Host.objects.exists()
    assert browser.post(f"/hosts/{host.pk}/remove/", {"typed": "stage-1"}).status_code == 302
    assert not Host.objects.exists()


def test_it_says_why_a_host_cannot_go(browser: Client, host: Host) -> None:
    Job.objects.create(operation="container.stop", host=host, state="running")
    response = browser.post(f"/hosts/{host.pk}/remove/", {"typed": "stage-1"})
    assert "has not ended yet" in text(response) and Host.objects.exists()


# -- a host's page -------------------------------------------------------------------------------


def test_it_shows_what_is_known_of_a_host(browser: Client, host: Host) -> None:
    pair = make_pair("our client", days=5)
    Host.objects.filter(pk=host.pk).update(
        engine_version="28.1.0", product="Docker Engine", api_version="1.49", cpus=8,
        memory=16 * 2**30, os="Debian GNU/Linux 12", tls_cert=pair.cert, engine_id="ABCD:EFGH",
        disk_usage={"images": {"count": 3, "size": 2**30, "reclaimable": 2**29}},
        disk_usage_at=timezone.now(),
    )  # fmt: skip
    said = text(browser.get(f"/hosts/{host.pk}/"))
    for words in ("28.1.0", "16.0 GiB", "1.0 GiB", "512.0 MiB", "CN=our client", "it ends"):
        assert words in said


def test_an_unreachable_host_says_why_and_since_when(browser: Client, host: Host) -> None:
    Host.objects.filter(pk=host.pk).update(
        state=HostState.UNREACHABLE, state_message="The connection was refused."
    )
    said = text(browser.get(f"/hosts/{host.pk}/"))
    assert "The connection was refused." in said and "The last known state is shown." in said


@pytest.mark.parametrize("tab", ["", "events/", "jobs/"])
def test_tabs_ask_a_bounded_number_of_queries(
    browser: Client, host: Host, tab: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        container = make_container(host, f"c{number}")
        Job.objects.create(
            operation="container.stop", host=host, target_name="x", host_name="h", state="failed"
        )
        host.events.create(
            at=timezone.now(), kind="die", object_kind="container", object_id=container.engine_id
        )
    with django_assert_max_num_queries(17):
        assert browser.get(f"/hosts/{host.pk}/{tab}").status_code == 200


def test_measuring_is_a_job(browser: Client, host: Host) -> None:
    answer = browser.post(f"/hosts/{host.pk}/refresh/", headers={"Accept": "application/json"})
    job = Job.objects.get()
    assert (answer.status_code, answer.json()["job"]["id"]) == (202, job.pk)
    assert (job.operation, job.queue, job.host) == ("host.refresh", "transfer", host)


# -- testing a connection ------------------------------------------------------------------------


def test_it_tests_what_is_typed(browser: Client, fake: FakeEngine) -> None:
    form = {"url": fake.url}
    said = text(browser.post("/hosts/test/?kind=unix", form, headers={"HX-Request": "true"}))
    assert "The engine answers." in said and "<html" not in said
    whole = text(browser.post("/hosts/test/?kind=unix", form))
    assert "The engine answers." in whole and "<html" in whole
    assert not Host.objects.exists()


@pytest.mark.parametrize(
    ("kind", "url", "words"),
    [
        ("unix", "/nowhere/docker.sock", "no socket at this path"),
        ("tcp", "127.0.0.1:1", "refused"),
        ("tcp", "no-such-name.invalid", "could not be found"),
        ("tcp", "127.0.0.1:99999", "port must be a number"),
    ],
)
def test_it_says_in_words_what_is_wrong(browser: Client, kind: str, url: str, words: str) -> None:
    form = {"url": url, "insecure": "on"}
    assert words in text(browser.post(f"/hosts/test/?kind={kind}", form))


def test_it_tests_a_stored_host(browser: Client, fake: FakeEngine, host: Host) -> None:
    Host.objects.filter(pk=host.pk).update(url=fake.url)
    assert "The engine answers." in text(browser.post(f"/hosts/{host.pk}/test/"))
    entry = AuditEntry.objects.get(action="host.test")
    assert entry.detail["ok"] is True


def test_it_tests_a_change_with_what_is_stored(browser: Client, pair: Pair) -> None:
    browser.post("/hosts/add/?kind=tcp", tls_form(pair, url="127.0.0.1:1"))
    made = Host.objects.get()
    response = browser.post(f"/hosts/{made.pk}/edit/test/", {"url": "127.0.0.1:2"})
    assert "refused" in text(response)
    made.refresh_from_db()
    assert made.url == "tcp://127.0.0.1:1"


# -- who may -------------------------------------------------------------------------------------

PAGES = ["", "events/", "jobs/"]
CHANGES = [
    "edit/", "remove/", "forget-key/", "disable/", "enable/", "test/", "edit/test/",
]  # fmt: skip


def test_a_viewer_sees_hosts_and_changes_none(sign_in: SignIn, viewer: User, host: Host) -> None:
    client = sign_in(viewer)
    said = text(client.get(f"/hosts/{host.pk}/"))
    assert "Edit" not in said and "Test connection" not in said and "Measure" not in said
    for page in PAGES:
        assert client.get(f"/hosts/{host.pk}/{page}").status_code == 200
    for change in [*CHANGES, "refresh/"]:
        assert client.post(f"/hosts/{host.pk}/{change}").status_code == 403
    for path in ("/hosts/add/", "/hosts/test/", "/environments/add/"):
        assert client.post(path, {"url": "h"}).status_code == 403
    assert Host.objects.get() == host


def test_an_operator_may_measure_but_not_change(
    sign_in: SignIn, operator: User, host: Host
) -> None:
    client = sign_in(operator)
    assert client.post(f"/hosts/{host.pk}/refresh/").status_code == 302
    for change in CHANGES:
        assert client.post(f"/hosts/{host.pk}/{change}").status_code == 403


def test_a_hidden_host_does_not_exist(sign_in: SignIn, viewer: User, other_host: Host) -> None:
    client = sign_in(viewer)
    for page in PAGES:
        assert client.get(f"/hosts/{other_host.pk}/{page}").status_code == 404
    for change in [*CHANGES, "refresh/"]:
        assert client.post(f"/hosts/{other_host.pk}/{change}").status_code == 404
    assert client.get("/hosts/99999999999999999999/").status_code == 404


# -- environments --------------------------------------------------------------------------------
