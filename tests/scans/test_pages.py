"""Pages and API of scans: what is said in each state, and to whom."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from fleet.models import Host, Image, Job, JobState, User
from fleet.scans.report import Package
from tests.conftest import make_container, make_image
from tests.jobs.conftest import broker
from tests.scans.rows import BASH, HOLE, make_scan

__all__ = ["broker"]
ONE = f"sha256:{1:064x}"
NO_DATABASE = "Vulnerabilities were not looked for: no database is set"
KNOWN_NONE = "No vulnerability that the database knew of"
JSON = {"Accept": "application/json"}


@pytest.fixture
def image(host: Host) -> Image:
    """An image in use."""
    make_container(host, image_id=ONE)
    return make_image(host, ONE)


@pytest.fixture
def client(administrator: User, sign_in: Callable[[User], Client]) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


@pytest.fixture
def with_trivy(settings: Settings) -> None:
    """A machine that has it."""
    settings.TRIVY = "/bin/true"


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_without_trivy_the_button_says_how_to_get_it(client: Client, image: Image) -> None:
    page = text_of(client, f"/images/{image.pk}/scan/")
    assert "Not scanned yet" in page and "QUAYSIDE_TRIVY" in page and "disabled" in page
    answer = client.post(f"/images/{image.pk}/scan/", headers=JSON)
    assert answer.status_code == 422 and "QUAYSIDE_TRIVY" in answer.json()["message"]
    assert "QUAYSIDE_TRIVY" in text_of(client, "/scans/")
    assert not Job.objects.exists()


def test_it_is_asked_for_and_shown_while_it_runs(
    client: Client, image: Image, with_trivy: None
) -> None:
    page = text_of(client, f"/images/{image.pk}/scan/")
    assert f'formaction="/images/{image.pk}/scan/"' in page
    assert client.post(f"/images/{image.pk}/scan/", headers=JSON).status_code == 202
    Job.objects.update(
        state=JobState.RUNNING, bytes_done=120 * 2**20, bytes_total=170 * 2**20, progress=50
    )
    page = text_of(client, f"/images/{image.pk}/scan/")
    assert "120.0 MiB of 170.0 MiB" in page
    assert f'formaction="/images/{image.pk}/scan/"' not in page
    assert "1 scan is under way" in text_of(client, "/scans/")


def test_an_attempt_that_failed_is_told_until_the_next_scan(client: Client, image: Image) -> None:
    Job.objects.create(
        operation="image.scan", host=image.host, host_name="stage-1", target_kind="image",
        target_id=image.pk, target_name="shop/web:1", state=JobState.FAILED,
        message="The disk is full.", finished_at=timezone.now(),
    )  # fmt: skip
    path = f"/images/{image.pk}/scan/"
    assert "The disk is full." in text_of(client, path)
    make_scan(ONE)
    assert "The disk is full." not in text_of(client, path)


def test_none_is_only_said_where_it_was_looked_for(client: Client, image: Image) -> None:
    path = f"/images/{image.pk}/scan/?show=vulnerabilities"
    make_scan(ONE, looked="no_database", vulnerabilities=())
    page = text_of(client, path)
    assert NO_DATABASE in page and KNOWN_NONE not in page and "No known vuln" not in page
    make_scan(ONE, looked="database_failed", vulnerabilities=())
    assert "the database did not come" in text_of(client, path)
    make_scan(ONE, vulnerabilities=())
    page = text_of(client, path)
    assert KNOWN_NONE in page and "not looked for" not in page
    make_scan(ONE)
    page = text_of(client, path)
    assert "CVE-2024-0001" in page and "3.0.13-1" in page and KNOWN_NONE not in page


def test_a_search_without_a_hit_is_no_all_clear(client: Client, image: Image) -> None:
    make_scan(ONE, looked="no_database", vulnerabilities=())
    assert "That is no all-clear" in text_of(client, "/scans/?q=CVE-2024-3094")
    make_scan(ONE)
    page = text_of(client, "/scans/?q=CVE-2024-3094")
    assert "no all-clear" not in page and "were looked for in the 1 image in use" in page


def test_each_list_is_shown(client: Client, image: Image) -> None:
    make_scan(ONE, vulnerabilities=(HOLE,))
    path = f"/images/{image.pk}/scan/?show="
    assert "/app/creds:2" in text_of(client, path + "secrets")
    assert "Last USER is root" in text_of(client, path + "misconfigurations")
    packages = text_of(client, path + "packages")
    assert "GPL-3.0-or-later" in packages and "5.2.15-2" in packages
    assert "Nothing of it matches" in text_of(client, path + "packages&q=nothing-like-it")
    assert 'class="state severity' in text_of(client, "/images/")


def test_a_search_and_a_list_have_pages_by_number(client: Client, host: Host) -> None:
    many = [Package(f"lib-{number}", "1", "debian") for number in range(101)]
    for number in range(51):
        image = make_image(host, f"sha256:{number:064x}")
        make_scan(image.engine_id, packages=(*many, BASH) if not number else (BASH,))
    found = text_of(client, "/scans/?q=bash&page=2")
    assert "51–51 of 51" in found and '<a href="?q=bash&amp;page=1">1</a>' in found
    first = Image.objects.earliest("pk").pk
    tab = text_of(client, f"/images/{first}/scan/?show=packages")
    assert "1–100 of 102" in tab and '<a href="?show=packages&amp;page=2">2</a>' in tab


def test_the_bill_of_materials_is_downloaded(client: Client, image: Image) -> None:
    path = f"/images/{image.pk}/sbom.json"
    assert client.get(path).status_code == 404
    make_scan(ONE)
    answer = client.get(path)
    assert json.loads(answer.content)["bomFormat"] == "CycloneDX"
    assert "attachment" in answer["Content-Disposition"]


def test_all_that_are_missing_are_asked_for(
    client: Client, image: Image, with_trivy: None, viewer: User, sign_in: Callable[[User], Client]
) -> None:
    assert "Scan 1 image" in text_of(client, "/scans/")
    assert 'formaction="/scans/missing/"' not in text_of(sign_in(viewer), "/scans/")
    assert client.post("/scans/missing/", headers=JSON).status_code == 202
    job = Job.objects.get()
    assert (job.operation, job.host_id) == ("image.scan_missing", image.host_id)
    make_scan(ONE)
    answer = client.post("/scans/missing/", headers=JSON)
    assert answer.status_code == 422 and "has been scanned" in answer.json()["message"]


def test_comparing_asks_for_what_is_missing(
    client: Client, image: Image, host: Host, with_trivy: None
) -> None:
    other = make_image(host, f"sha256:{2:064x}", tags=["shop/web:2"])
    path = f"/images/compare/?left={image.pk}&right={other.pk}"
    make_scan(ONE)
    page = text_of(client, path)
    assert "Not scanned yet" in page and f'formaction="/images/{other.pk}/scan/"' in page
    make_scan(other.engine_id, packages=(), vulnerabilities=())
    assert "2 only left" in text_of(client, path)


def test_the_api_tells_it(client: Client, image: Image, host: Host) -> None:
    path = f"/api/v1/images/{image.pk}"
    assert client.get(f"{path}/scan").status_code == 404
    assert client.get(f"{path}/sbom").status_code == 404
    make_scan(ONE)
    said = client.get(f"{path}/scan").json()
    assert said["counts"]["critical"] == 1 and said["show"] == "vulnerabilities"
    (item,) = said["items"]
    assert (item["name"], item["severity"], item["fixed"]) == (
        "CVE-2024-0001", "critical", "3.0.13-1",
    )  # fmt: skip
    secrets = client.get(f"{path}/scan?show=secrets").json()["items"]
    assert [(one["path"], one["line"]) for one in secrets] == [("/app/creds", 2)]
    assert client.get(f"{path}/scan?show=nonsense").status_code == 422
    assert client.get(f"{path}/sbom").json()["bomFormat"] == "CycloneDX"
    for query in ("cve=CVE-2024-0001", "package=openssl&version=3.0", ""):
        found = client.get(f"/api/v1/scans?{query}").json()
        assert found["count"] == 1
        (hit,) = found["items"]
        assert [place["host"] for place in hit["hosts"]] == ["stage-1"]
        assert [one["name"] for one in hit["running"]] == ["web-1"]
        assert len(hit["matches"]) == (1 if query else 0)
    assert client.get("/api/v1/scans?cve=CVE-1&package=x").status_code == 422
    make_scan(ONE, looked="no_database", vulnerabilities=())
    assert client.get(f"{path}/scan").json()["counts"] is None
