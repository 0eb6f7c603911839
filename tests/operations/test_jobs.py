"""Cancelling jobs and trying again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.access import Refused, Unknown
from fleet.actor import Actor, actor_for
from fleet.jobs.claims import claim_job
from fleet.models import AuditEntry, Container, Environment, Job, JobState, Role, User
from fleet.operations.errors import Invalid
from fleet.operations.jobs import job_cancel, job_retry
from fleet.operations.registry import REGISTRY
from fleet.operations.requests import request
from fleet.selectors.jobs import JobQuery, job_detail
from fleet.tokens import create_token
from tests.conftest import grant


@pytest.fixture
def job(actor: Actor, container: Container) -> Job:
    """A queued restart."""
    return request("container.restart", actor=actor, target_id=container.pk)


def test_it_ends_a_queued_job_at_once(actor: Actor, job: Job) -> None:
    ended = job_cancel(actor=actor, job_id=job.pk)
    assert (ended.state, ended.message) == (
        JobState.CANCELLED,
        "Cancelled by root before it began.",
    )
    assert ended.finished_at is not None
    assert claim_job(job.pk) is None
    assert AuditEntry.objects.filter(action="job.cancel").count() == 1


def test_it_tells_a_running_job(actor: Actor, job: Job) -> None:
    claim_job(job.pk)
    told = job_cancel(actor=actor, job_id=job.pk)
    assert told.state == JobState.RUNNING
    assert told.cancel_requested_at is not None


def test_it_leaves_an_ended_job_as_it_is(actor: Actor, job: Job) -> None:
    Job.objects.update(state=JobState.SUCCEEDED)
    assert job_cancel(actor=actor, job_id=job.pk).state == JobState.SUCCEEDED
    assert not AuditEntry.objects.filter(action="job.cancel").exists()


def test_it_lets_only_those_cancel_who_may(
    operator: User, viewer: User, stranger: User, job: Job
) -> None:
    with pytest.raises(Unknown):
        job_cancel(actor=actor_for(stranger), job_id=job.pk)
    with pytest.raises(Refused):
        job_cancel(actor=actor_for(viewer), job_id=job.pk)
    assert job_cancel(actor=actor_for(operator), job_id=job.pk).state == JobState.CANCELLED


def test_it_lets_somebody_cancel_their_own_job_without_the_right(viewer: User, job: Job) -> None:
    Job.objects.update(actor=viewer)
    assert job_cancel(actor=actor_for(viewer), job_id=job.pk).state == JobState.CANCELLED


@pytest.mark.parametrize("state", ["failed", "errored", "lost", "cancelled"])
def test_it_tries_again_what_did_not_succeed(actor: Actor, job: Job, state: str) -> None:
    Job.objects.update(state=state)
    again = job_retry(actor=actor, job_id=job.pk)
    assert again != job
    assert (again.retry_of, again.state, again.params) == (job, JobState.QUEUED, job.params)


@pytest.mark.parametrize("state", ["queued", "running", "succeeded"])
def test_it_does_not_try_again_what_is_open_or_done(actor: Actor, job: Job, state: str) -> None:
    Job.objects.update(state=state)
    with pytest.raises(Invalid):
        job_retry(actor=actor, job_id=job.pk)


def test_it_needs_the_right_and_the_target_to_try_again(
    actor: Actor, viewer: User, job: Job, container: Container
) -> None:
    Job.objects.update(state=JobState.FAILED)
    with pytest.raises(Refused):
        job_retry(actor=actor_for(viewer), job_id=job.pk)
    container.delete()
    with pytest.raises(Unknown):
        job_retry(actor=actor, job_id=job.pk)


def test_it_lets_a_narrow_token_cancel_only_what_it_may(operator: User, job: Job) -> None:
    """A token for reading stays one, also for the jobs of its owner."""
    Job.objects.update(actor=operator)
    with pytest.raises(Refused):
        job_cancel(actor=by_token(operator, "viewer"), job_id=job.pk)
    job_cancel(actor=by_token(operator, "operator"), job_id=job.pk)


def test_it_lets_a_whole_token_cancel_the_jobs_of_its_owner(viewer: User, job: Job) -> None:
    Job.objects.update(actor=viewer)
    job_cancel(actor=by_token(viewer), job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


@pytest.fixture
def needs_stop(monkeypatch: pytest.MonkeyPatch) -> Role:
    """A restart is guarded by the permission to stop, which this role has; it may not restart."""
    guarded = replace(REGISTRY["container.restart"], needs="container.stop")
    monkeypatch.setitem(REGISTRY, "container.restart", guarded)
    permissions = ["container.view", "container.stop"]
    return Role.objects.create(name="stopper", permissions=permissions)


@pytest.mark.parametrize("many", [False, True])
def test_it_asks_for_the_permission_that_guards_the_operation(
    job: Job, stranger: User, staging: Environment, needs_stop: Role, many: bool
) -> None:
    """The list of operations says which one: it need not be called like the operation."""
    grant(stranger, needs_stop.name, staging)
    if many:
        parent = Job.objects.create(operation=job.operation, children_count=1)
        Job.objects.filter(pk=job.pk).update(parent=parent)
    mine = job_cancel(actor=actor_for(stranger), job_id=parent.pk if many else job.pk)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert job_detail(actor_for(stranger), mine.pk, JobQuery()).row.may_retry


def test_it_names_the_permission_that_was_missing(job: Job, viewer: User, needs_stop: Role) -> None:
    with pytest.raises(Refused) as refused:
        job_cancel(actor=actor_for(viewer), job_id=job.pk)
    assert refused.value.permission == "container.stop"


def by_token(user: User, role: str = "") -> Actor:
    """Return who came with a token, narrowed to a role if one is named."""
    narrow = Role.objects.get(name=role) if role else None
    token, _secret = create_token(user, "ci", role=narrow)
    return actor_for(user, via="api", token=token)
