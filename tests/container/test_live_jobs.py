"""The tab Jobs of an open page, of a container and of a host: it changes by itself."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db.models import F
from django.utils import timezone

from dashboard.live.topics.container import args_of
from fleet.actor import actor_for
from fleet.models import Container, Event, Host, Job, JobState, User
from fleet.operations.jobs import job_retry
from fleet.publish import JobsChanged, publish_async
from tests.conftest import make_container
from tests.live.pages import Page

pytestmark = pytest.mark.django_db(transaction=True)


async def asked(row: Container, **fields: Any) -> Job:
    """Make a job on a container as somebody elsewhere would, with its hint."""
    job = await Job.objects.acreate(
        operation="container.restart", host_id=row.host_id, host_name="stage-1",
        target_kind="container", target_id=row.pk, target_name=row.name, **fields,
    )  # fmt: skip
    await publish_async(JobsChanged([job.pk]))
    return job


async def went_on(job: Job, **fields: Any) -> None:
    """Write how a job went on, and send its hint."""
    await Job.objects.filter(pk=job.pk).aupdate(revision=F("revision") + 1, **fields)
    await publish_async(JobsChanged([job.pk]))


async def test_a_job_appears_and_moves(viewer: User, container: Container) -> None:
    async with Page(viewer) as page:
        await page.follow(args_of(container), topic="container-jobs")
        assert "No jobs yet" in page.html["jobs-empty"]
        job = await asked(container)
        row = f"container-job-{job.pk}"
        await page.shows(lambda page: "queued" in page.html.get(row, ""))
        assert "No jobs yet" not in page.html["jobs-empty"]
        await went_on(job, state=JobState.RUNNING, progress=40, message="Stopping")
        await page.shows(lambda page: "Stopping" in page.html[row])
        await went_on(job, state=JobState.SUCCEEDED)
        await page.shows(lambda page: "succeeded" in page.html[row])


async def test_only_its_own_jobs_appear(viewer: User, container: Container) -> None:
    other = await sync_to_async(make_container)(container.host, "web-2")
    async with Page(viewer) as page:
        await page.follow(args_of(container), topic="container-jobs")
        await asked(other)
        job = await asked(container)
        await page.shows(lambda page: f"container-job-{job.pk}" in page.html)
        assert [name for name in page.html if "-job-" in name] == [f"container-job-{job.pk}"]


async def test_a_part_of_a_larger_job_says_what_is_done(viewer: User, container: Container) -> None:
    many = await Job.objects.acreate(operation="container.restart", children_count=1)
    async with Page(viewer) as page:
        await page.follow(args_of(container), topic="container-jobs")
        job = await asked(container, parent=many)
        await page.shows(lambda page: f"container-job-{job.pk}" in page.html)
        assert "Restart" in page.html[f"container-job-{job.pk}"]


async def test_the_job_that_removed_it_is_followed_to_its_end(
    operator: User, container: Container
) -> None:
    async with Page(operator) as page:
        await page.follow(args_of(container), topic="container-jobs")
        job = await asked(container, state=JobState.RUNNING)
        await page.shows(lambda page: f"container-job-{job.pk}" in page.html)
        await Event.objects.acreate(
            host_id=container.host_id, at=timezone.now(), kind="destroy",
            object_kind="container", object_id=container.engine_id, object_name="web-1",
        )  # fmt: skip
        await Container.objects.all().adelete()
        await went_on(job, state=JobState.SUCCEEDED)
        await page.shows(lambda page: "succeeded" in page.html[f"container-job-{job.pk}"])


async def test_strangers_are_told_of_none(stranger: User, container: Container) -> None:
    async with Page(stranger) as page:
        found = await page.follow(args_of(container), topic="container-jobs")
        assert found[0]["type"] == "gone" and page.html == {}


async def test_a_host_shows_the_jobs_of_all_its_containers(viewer: User, host: Host) -> None:
    rows = [await sync_to_async(make_container)(host, name) for name in ("web-1", "web-2")]
    async with Page(viewer) as page:
        await page.follow(f"id={host.pk}", topic="host-jobs")
        jobs = [await asked(row) for row in rows]
        await page.shows(lambda page: all(f"host-job-{job.pk}" in page.html for job in jobs))
        assert "web-2" in page.html[f"host-job-{jobs[1].pk}"]


async def test_an_open_job_names_its_newest_try(operator: User, container: Container) -> None:
    job = await asked(container, state=JobState.FAILED)
    async with Page(operator) as page:
        await page.follow(f"id={job.pk}", topic="job")
        assert "Tried again" not in page.html["job-head"]
        retry = sync_to_async(job_retry)
        again = await retry(actor=await sync_to_async(actor_for)(operator), job_id=job.pk)
        told = f"Tried again as job {again.pk}"
        await page.shows(lambda page: told in page.html["job-head"])


async def test_an_open_job_of_many_names_its_newest_try(
    operator: User, container: Container
) -> None:
    many = await Job.objects.acreate(
        operation="container.restart", children_count=1, children_failed=1, state=JobState.FAILED
    )
    await asked(container, parent=many, state=JobState.FAILED)
    async with Page(operator) as page:
        await page.follow(f"id={many.pk}", topic="job")
        retry = sync_to_async(job_retry)
        again = await retry(actor=await sync_to_async(actor_for)(operator), job_id=many.pk)
        await page.shows(lambda page: f"as job {again.pk}" in page.html["job-head"])
