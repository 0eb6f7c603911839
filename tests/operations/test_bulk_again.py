"""Trying again what was asked for on many containers."""

from __future__ import annotations

import pytest

from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.models import Container, Host, Job, JobState, User
from fleet.operations.bulk import request_many
from fleet.operations.jobs import job_retry
from tests.conftest import grant
from tests.jobs.conftest import at_once
from tests.operations.conftest import end, make_many


@pytest.fixture
def failed(actor: Actor, host: Host, transactional_db: None) -> Job:
    """A job of many whose children all failed."""
    make_many(host, 3)
    parent = request_many("container.restart", actor=actor, containers=Container.objects.all())
    for child in parent.children.all():
        end(child, JobState.FAILED)
    return parent


def test_it_tries_again_once_for_two_clicks(actor: Actor, failed: Job) -> None:
    found = at_once([lambda: job_retry(actor=actor, job_id=failed.pk).pk] * 4)
    assert len(set(found)) == 1
    again = Job.objects.get(retry_of=failed)
    assert again.children_count == 3


def test_it_tries_again_once_while_the_first_try_is_half_done(actor: Actor, failed: Job) -> None:
    again = job_retry(actor=actor, job_id=failed.pk)
    end(again.children.order_by("pk")[0], JobState.SUCCEEDED)
    assert job_retry(actor=actor, job_id=failed.pk) == again


def test_it_tries_again_when_the_first_try_has_ended(actor: Actor, failed: Job) -> None:
    again = job_retry(actor=actor, job_id=failed.pk)
    for child in again.children.all():
        end(child, JobState.FAILED)
    assert job_retry(actor=actor, job_id=failed.pk) != again


def test_a_second_try_is_refused_to_who_may_not(actor: Actor, viewer: User, failed: Job) -> None:
    job_retry(actor=actor, job_id=failed.pk)
    with pytest.raises(Refused):
        job_retry(actor=actor_for(viewer), job_id=failed.pk)


def test_one_who_may_less_tries_the_rest_apart(
    actor: Actor, operator: User, host: Host, other_host: Host, transactional_db: None
) -> None:
    grant(operator, "viewer")
    make_many(host, 1)
    make_many(other_host, 1)
    parent = request_many("container.restart", actor=actor, containers=Container.objects.all())
    for child in parent.children.all():
        end(child, JobState.FAILED)
    first = job_retry(actor=actor_for(operator), job_id=parent.pk)
    second = job_retry(actor=actor, job_id=parent.pk)
    hosts = [job.children.get().host for job in (first, second)]
    assert hosts == [host, other_host]
