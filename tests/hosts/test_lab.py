"""Test connection against real engines, through the pages: right, and wrong in every way."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from fleet.jobs.runner import run_job
from fleet.models import Host, HostState, Job
from fleet.operations.host_jobs import hosts_to_measure
from tests.hosts.certificates import make_pair, make_ssh_key
from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.django_db]


def tls(lab: Lab, **more: str) -> dict[str, str]:
    host = lab[1]
    found = {"tls_ca": host.tls_ca, "tls_cert": host.tls_cert, "tls_key": host.tls_key}
    return {"url": host.url, **found, **more}


def answer(client: Client, kind: str, form: dict[str, str]) -> str:
    """Return what the test of a form answers; never later than it promises."""
    began = time.monotonic()
    response: Any = client.post(f"/hosts/test/?kind={kind}", form, headers={"HX-Request": "true"})
    assert time.monotonic() - began < 12
    return str(response.content.decode())


def test_it_shows_the_facts_of_a_tls_host(lab: Lab, browser: Client) -> None:
    said = answer(browser, "tcp", tls(lab))
    assert "The engine answers." in said and "Docker Engine" in said and "GiB" in said


def test_it_shows_the_key_of_an_ssh_host(lab: Lab, browser: Client) -> None:
    form = {"url": lab[2].ssh_url, "ssh_key": lab[2].ssh_key}
    said = answer(browser, "ssh", form)
    assert "The engine answers." in said and "SHA256:" in said


def test_it_says_what_podman_cannot_do(lab: Lab, browser: Client) -> None:
    said = answer(browser, "unix", {"url": str(lab.podman_socket)})
    assert "Podman Engine" in said and "Swarm" in said


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tls_ca": make_pair("other ca").cert}, "not signed by the given CA"),
        ({"tls_cert": "", "tls_key": ""}, "asks for a client certificate"),
        ({"tls_ca": "", "tls_cert": "", "tls_key": "", "insecure": "on"}, "wants TLS"),
    ],
)
def test_it_says_what_is_wrong_with_tls(
    lab: Lab, browser: Client, wrong: dict[str, str], words: str
) -> None:
    assert words in answer(browser, "tcp", tls(lab, **wrong))


def test_it_says_that_our_certificate_is_not_accepted(lab: Lab, browser: Client) -> None:
    other = make_pair("stranger")
    form = tls(lab, tls_cert=other.cert, tls_key=other.key)
    assert "did not accept our client certificate" in answer(browser, "tcp", form)


def test_it_says_that_the_ssh_key_is_refused(lab: Lab, browser: Client) -> None:
    form = {"url": lab[2].ssh_url, "ssh_key": make_ssh_key()[0]}
    assert "refused the user or its key" in answer(browser, "ssh", form)


def test_it_says_that_the_host_key_changed(lab: Lab, browser: Client) -> None:
    form = {"name": "s", "environment": "x", "url": lab[2].ssh_url, "ssh_key": lab[2].ssh_key}
    browser.post("/hosts/add/?kind=ssh", form)
    Host.objects.update(ssh_host_key=make_ssh_key()[1])
    said = browser.post(f"/hosts/{Host.objects.get().pk}/test/").content.decode()
    assert "not the one that was pinned" in said and "SHA256:" in said


def test_a_host_that_is_cut_off_answers_in_time(lab: Lab, browser: Client) -> None:
    lab.cut(3)
    try:
        said = answer(browser, "tcp", tls(lab, url=lab[3].url))
        # After some seconds the kernel itself may know that nobody is there.
        assert "did not answer in time" in said or "no network route" in said
    finally:
        lab.heal(3)


@pytest.mark.django_db(transaction=True)
def test_it_measures_the_disk_of_a_real_host(lab: Lab, browser: Client) -> None:
    form = {"name": "disk", "environment": "x", "url": str(lab[1].socket)}
    browser.post("/hosts/add/?kind=unix", form)
    made = Host.objects.get()
    Host.objects.update(state=HostState.REACHABLE)
    assert hosts_to_measure() == [made.pk]
    browser.post(f"/hosts/{made.pk}/refresh/")
    assert hosts_to_measure() == []
    job = Job.objects.get()
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == ("succeeded", "")
    said = browser.get(f"/hosts/{made.pk}/").content.decode()
    assert "Measured" in said and "Build cache" in said
    made.refresh_from_db()
    assert made.disk_usage["images"]["size"] > 0
