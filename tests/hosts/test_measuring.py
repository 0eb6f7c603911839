"""Disk usage: which hosts are due, and one job for each of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from fleet.models import Environment, Host, HostState, Job
from fleet.operations.host_jobs import AT_ONCE, hosts_to_measure
from fleet.operations.measuring import measure_disks
from tests.conftest import make_host

pytestmark = pytest.mark.django_db


def test_it_measures_what_is_unknown_or_old_and_answers(staging: Environment) -> None:
    now = timezone.now()
    old = make_host("old", staging, disk_usage_at=now - timedelta(hours=7))
    unknown = make_host("unknown", staging)
    make_host("fresh", staging, disk_usage_at=now - timedelta(minutes=5))
    make_host("away", staging, state=HostState.UNREACHABLE)
    make_host("off", staging, state=HostState.DISABLED)
    assert hosts_to_measure() == [unknown.pk, old.pk]


def test_it_asks_once_while_a_job_is_open(host: Host) -> None:
    assert measure_disks() == 1
    assert measure_disks() == 0
    job = Job.objects.get()
    assert (job.operation, job.via, job.actor_name) == ("host.refresh", "schedule", "system")


def test_it_does_not_ask_for_everything_at_once(staging: Environment) -> None:
    for number in range(AT_ONCE + 5):
        make_host(f"h{number}", staging)
    assert measure_disks() == AT_ONCE
