"""One worker wins a job, and a host runs only as many as it may."""

from __future__ import annotations

from functools import partial

from fleet.jobs.claims import claim_job
from fleet.jobs.dispatch import dispatch, dispatch_on_commit
from fleet.jobs.places import Place
from fleet.jobs.tasks import dispatch as dispatch_task
from fleet.models import Environment, Host, Job, JobState
from tests.conftest import make_host
from tests.jobs.conftest import at_once, make_jobs, messages


def test_it_lets_exactly_one_of_many_claim_a_job(queued: Job) -> None:
    results = at_once([partial(claim_job, queued.pk)] * 12)
    won = [job for job in results if job is not None]
    assert len(won) == 1
    queued.refresh_from_db()
    assert (queued.state, queued.attempt) == (JobState.RUNNING, 1)
    assert queued.claim == won[0].claim  # type: ignore[attr-defined]
    assert queued.heartbeat_at is not None


def test_it_keeps_the_limit_of_a_host_when_many_claim_at_once(host: Host) -> None:
    jobs = make_jobs(host, 16)
    results = at_once([partial(claim_job, job.pk) for job in jobs])
    assert sum(job is not None for job in results) == 8
    assert Job.objects.filter(state=JobState.RUNNING).count() == 8


def test_it_counts_each_queue_of_a_host_apart(host: Host) -> None:
    for job in make_jobs(host, 8, queue="transfer"):
        claim_job(job.pk)
    (click,) = make_jobs(host, 1)
    assert claim_job(click.pk) is not None


def test_it_puts_a_job_back_whose_host_is_full(host: Host) -> None:
    jobs = make_jobs(host, 9, sent_at="2026-01-01T00:00:00Z")
    for job in jobs:
        claim_job(job.pk)
    last = Job.objects.get(pk=jobs[8].pk)
    assert (last.state, last.sent_at) == (JobState.QUEUED, None)
    assert messages() == 0


def test_it_does_not_claim_what_is_over_or_was_never_there(queued: Job) -> None:
    Job.objects.update(state=JobState.CANCELLED)
    assert claim_job(queued.pk) is None
    assert claim_job(10**12) is None


def test_it_sends_no_more_messages_than_a_host_has_seats(host: Host) -> None:
    make_jobs(host, 40)
    at_once([partial(dispatch, Place(host.pk, "control"))] * 6)
    assert messages() == 8
    assert Job.objects.filter(sent_at__isnull=False).count() == 8


def test_it_sends_single_jobs_before_the_children_of_a_large_one(host: Host) -> None:
    parent = make_jobs(host, 1, children_count=20)[0]
    make_jobs(host, 20, parent=parent)
    (click,) = make_jobs(host, 1)
    dispatch(Place(host.pk, "control"))
    assert Job.objects.filter(pk=click.pk, sent_at__isnull=False).exists()
    assert not Job.objects.filter(pk=parent.pk, sent_at__isnull=False).exists()


def test_it_starts_a_parent_with_its_first_child(host: Host) -> None:
    parent = make_jobs(host, 1, children_count=2)[0]
    first, _second = make_jobs(host, 2, parent=parent)
    claim_job(first.pk)
    parent.refresh_from_db()
    assert parent.state == JobState.RUNNING
    assert parent.started_at is not None


def test_it_leaves_many_hosts_to_a_worker(staging: Environment) -> None:
    places = []
    for number in range(7):
        host = make_host(f"h{number}", staging)
        make_jobs(host, 2)
        places.append(Place(host.pk, "control"))
    dispatch_on_commit(places)
    assert messages() == 1
    dispatch_task([[place.host_id, place.queue] for place in places])
    assert messages() == 15
