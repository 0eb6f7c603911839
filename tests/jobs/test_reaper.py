"""What the reaper brings home."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery import current_app
from django.core.management import call_command
from django.utils import timezone

from fleet.jobs.claims import claim_job
from fleet.jobs.reaper import reap
from fleet.jobs.reporter import JobReporter
from fleet.jobs.retention import purge_jobs
from fleet.models import Host, Job, JobLine, JobState
from tests.jobs.conftest import at_once, make_jobs, messages


def silence(job: Job, seconds: int = 60) -> None:
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=seconds))


def test_it_leaves_living_jobs_alone(queued: Job) -> None:
    claim_job(queued.pk)
    assert not reap()
    queued.refresh_from_db()
    assert queued.state == JobState.RUNNING


def test_it_queues_a_silent_job_again_that_is_safe_to_repeat(queued: Job) -> None:
    worker = claim_job(queued.pk)
    assert worker is not None
    silence(queued)
    current_app.control.purge()
    assert reap().requeued == 1
    queued.refresh_from_db()
    assert (queued.state, queued.claim) == (JobState.QUEUED, None)
    assert messages() == 1
    assert "attempt 2 of 3" in JobLine.objects.get().text
    assert not JobReporter(worker).finish(JobState.SUCCEEDED, "too late")


def test_it_gives_up_after_three_attempts(queued: Job) -> None:
    claim_job(queued.pk)
    Job.objects.update(attempt=3)
    silence(queued)
    assert reap().ended == 1
    queued.refresh_from_db()
    assert queued.state == JobState.LOST


def test_it_ends_a_silent_job_as_lost_that_must_not_be_repeated(host: Host) -> None:
    (job,) = make_jobs(host, 1)
    Job.objects.update(operation="container.pause")
    claim_job(job.pk)
    silence(job)
    reap()
    job.refresh_from_db()
    assert job.state == JobState.LOST
    assert job.message == JobLine.objects.get().text
    assert job.finished_at is not None


def test_it_ends_a_silent_job_as_cancelled_that_was_to_be(queued: Job) -> None:
    claim_job(queued.pk)
    Job.objects.update(cancel_requested_at=timezone.now())
    silence(queued)
    reap()
    queued.refresh_from_db()
    assert queued.state == JobState.CANCELLED


def test_it_brings_a_job_home_once_when_many_reap(queued: Job) -> None:
    claim_job(queued.pk)
    silence(queued)
    results = at_once([reap] * 6)
    assert sum(done.requeued for done in results) == 1  # type: ignore[attr-defined]
    assert JobLine.objects.count() == 1


def test_it_sends_a_lost_message_again(queued: Job) -> None:
    assert messages() == 1
    current_app.control.purge()
    Job.objects.update(sent_at=timezone.now() - timedelta(seconds=30))
    reap()
    assert messages() == 1


def test_it_sends_nothing_twice_while_messages_wait(queued: Job) -> None:
    Job.objects.update(sent_at=timezone.now() - timedelta(seconds=30))
    reap()
    assert messages() == 1


def test_it_sends_what_was_never_sent(host: Host) -> None:
    make_jobs(host, 20)
    reap()
    assert messages() == 8


def test_it_ends_queued_jobs_of_a_host_that_is_gone(host: Host) -> None:
    (job,) = make_jobs(host, 1)
    host.delete()
    reap()
    job.refresh_from_db()
    assert (job.state, job.message) == (
        JobState.FAILED,
        "The host was removed in the meantime.",
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("succeeded", "succeeded"), "succeeded"),
        (("succeeded", "lost"), "failed"),
    ],
)
def test_it_closes_parents_that_were_left_open(
    host: Host, states: tuple[str, str], expected: str
) -> None:
    (parent,) = make_jobs(host, 1, children_count=2, state="running")
    for state in states:
        make_jobs(host, 1, parent=parent, state=state)
    assert reap().closed == 1
    parent.refresh_from_db()
    assert (parent.state, parent.children_ended) == (expected, 2)


def test_it_keeps_parents_open_whose_children_go_on(host: Host) -> None:
    (parent,) = make_jobs(host, 1, children_count=2, state="running")
    make_jobs(host, 2, parent=parent)
    reap()
    parent.refresh_from_db()
    assert parent.state == JobState.RUNNING


def test_it_says_what_the_command_did(queued: Job, capsys: pytest.CaptureFixture[str]) -> None:
    claim_job(queued.pk)
    silence(queued)
    call_command("reap_jobs")
    assert "queued again 1" in capsys.readouterr().out


def test_it_purges_what_ended_long_ago(host: Host) -> None:
    old = {"state": "succeeded", "finished_at": timezone.now() - timedelta(days=91)}
    (parent,) = make_jobs(host, 1, **old, children_count=3)
    for child in make_jobs(host, 3, **old, parent=parent):
        JobLine.objects.create(job=child, number=1, text="old")
    (fresh,) = make_jobs(host, 1, state="succeeded", finished_at=timezone.now())
    (waiting,) = make_jobs(host, 1)
    assert purge_jobs() == 1
    assert set(Job.objects.all()) == {fresh, waiting}
    assert not JobLine.objects.exists()
