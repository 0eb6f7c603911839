"""Pruning the build cache of hosts: page, API, the job, and the bound that builds keep."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fleet.access import visible_hosts
from fleet.actor import Actor
from fleet.engine.build_cache import CachePruned
from fleet.engine.build_types import BuildOptions, Built
from fleet.engine.builds import build
from fleet.engine.client import open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.fake import FakeEngine
from fleet.jobs.runner import run_job
from fleet.models import Environment, Host, Job, JobLine, JobState, User
from fleet.operations.build_cache import bound_caches, keep_within_bounds, words_of
from fleet.operations.many_hosts import ask_on_hosts
from tests.conftest import make_host
from tests.engine.target import IMAGE
from tests.jobs.conftest import broker
from tests.lab.lab import Lab

__all__ = ["broker"]


def ran(actor: Actor, **params: int) -> Job:
    hosts = visible_hosts(actor)
    job = ask_on_hosts("build.prune", actor=actor, hosts=hosts, params=params).job
    run_job(job.pk)
    job.refresh_from_db()
    return job


def test_an_engine_without_one_says_so(
    actor: Actor, fake: FakeEngine, staging: Environment
) -> None:
    host = make_host("stage-1", staging, url=fake.url)
    job = ran(actor)
    assert job.state == JobState.FAILED
    assert job.message == "This host's engine keeps no build cache of its own."
    keep_within_bounds(host)  # a build does not fail because of it


def test_it_is_told_in_words() -> None:
    assert words_of(CachePruned()) == "There was no build cache to remove."
    assert words_of(CachePruned(1, 1024**2)).startswith(
        "1 part of the build cache was removed; 1.0"
    )


def test_the_page_and_the_api_ask_for_it(
    administrator: User,
    operator: User,
    staging: Environment,
    sign_in: Callable[[User], Client],
    broker: object,
) -> None:
    cache = {"count": 3, "size": 3 * 1024**3, "reclaimable": 1024**3}
    host = make_host("stage-1", staging, disk_usage={"cache": cache})
    client = sign_in(administrator)
    page = client.get(f"/builds/cache/?host={host.pk}").text
    assert "3.0 GiB" in page and "checked" in page
    wrong = client.post("/builds/cache/", {"host": host.pk, "unused_days": "soon"})
    assert wrong.status_code == 400 and "Enter a whole number." in wrong.text
    assert client.post("/builds/cache/", {"unused_days": "1"}).status_code == 400
    assert not Job.objects.exists()
    client.post("/builds/cache/", {"host": host.pk, "unused_days": "7", "keep_gib": ""})
    assert Job.objects.get().params == {"keep_gib": 0, "unused_days": 7}
    body = json.dumps({"hosts": [host.pk], "rules": {"keep_gib": 5}})
    answer = client.post("/api/v1/builds/cache/prune", body, "application/json")
    assert answer.status_code == 202
    assert Job.objects.get(pk=answer.json()["id"]).params == {"keep_gib": 5, "unused_days": 0}
    assert sign_in(operator).get("/builds/cache/").status_code == 403


@pytest.mark.lab
def test_builds_keep_it_within_bounds(
    actor: Actor, lab: Lab, staging: Environment, tmp_path: Path, settings: Any
) -> None:
    url = f"unix://{lab.hosts[0].socket}"
    host = make_host("lab-1", staging, url=url)
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN head -c 3000000 /dev/urandom > /f\n")
    with open_engine(Endpoint(url)) as engine:
        (made,) = [
            item for item in build(engine, tmp_path, BuildOptions()) if isinstance(item, Built)
        ]
        engine.remove_image(made.image_id)
        settings.BUILD_CACHE_BYTES = 0
        bound_caches()
        assert engine.disk_usage().build_cache.size >= 3_000_000
        settings.BUILD_CACHE_BYTES = 1_000_000
        bound_caches()  # no build has ended there of late
        assert engine.disk_usage().build_cache.size >= 3_000_000
        Job.objects.create(
            operation="build.run", host=host, state=JobState.FAILED, finished_at=timezone.now()
        )
        bound_caches()
        assert engine.disk_usage().build_cache.size < 1_000_000
    assert ran(actor).state == JobState.SUCCEEDED
    assert JobLine.objects.filter(text__contains="build cache").exists()
    assert Host.objects.get().pk == host.pk
