"""A scan of an image of a real engine by the real Trivy, from its host to what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from fleet.actor import Actor
from fleet.jobs.runner import run_job
from fleet.models import Environment, JobLine, JobState, Scan
from fleet.operations.requests import request
from fleet.selectors.scan_search import search_scans
from tests.conftest import make_host, make_image
from tests.jobs.conftest import broker
from tests.lab.lab import Lab
from tests.programs import program
from tests.scans.saved import DPKG, OS_RELEASE, saved_image

__all__ = ["broker"]
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not program("trivy"), reason="There is no Trivy here."),
]
FILES = {
    "etc/os-release": OS_RELEASE,
    "etc/debian_version": "12.5\n",
    "var/lib/dpkg/status": DPKG,
    "large": "x" * 2_000_000,
}


def test_an_image_of_a_host_is_scanned(
    lab: Lab, actor: Actor, staging: Environment, tmp_path: Path, settings: Settings
) -> None:
    settings.TRIVY = program("trivy")
    settings.BUILD_DIR, settings.TRIVY_CACHE_DIR = tmp_path / "builds", tmp_path / "cache"
    place = tmp_path / "image.tar"
    saved_image(place, FILES, env=("AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPL0",))
    lab[1].docker("load", "-i", str(place))
    # Where containerd keeps images, an id is not that of the config.
    ident = lab[1].docker("inspect", "-f", "{{.Id}}", "shop/web:1")
    try:
        host = make_host("lab-1", staging, url=lab[1].socket_url)
        job = request(
            "image.scan",
            actor=actor,
            target_id=make_image(host, ident, tags=["shop/web:1"]).pk,
        )
        run_job(job.pk)
    finally:
        lab[1].docker("rmi", "-f", ident)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED, [*JobLine.objects.values_list("text"), job.error]
    assert job.bytes_done and job.bytes_done > 2_000_000
    scan = Scan.objects.get(engine_id=ident)
    assert (scan.packages_count, scan.looked) == (1, "no_database")
    assert scan.secrets_count > 0 and scan.misconfigurations_count > 0
    assert '"bash"' in scan.document.text
    assert search_scans(actor, "bash 5.2").total == 1
    assert list((tmp_path / "builds").iterdir()) == []
