"""Celery's entrances: ids in, nothing out, no logic."""

from __future__ import annotations

import os
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutdown
from django.utils import timezone

from fleet.jobs import reaper, retention
from fleet.jobs.dispatch import DISPATCH_TASK, RUN_TASK, dispatch_all
from fleet.jobs.places import Place
from fleet.jobs.pulse import pulse
from fleet.jobs.roster import WorkerFacts, common_facts
from fleet.jobs.runner import run_job


@shared_task(name=RUN_TASK, ignore_result=True)
def run(job_id: int) -> None:
    """Run one job, if it is still to be had."""
    run_job(job_id)


@shared_task(name=DISPATCH_TASK, ignore_result=True)
def dispatch(places: list[list[Any]]) -> None:
    """Send the next jobs of many places, each a host's id and a queue."""
    dispatch_all(Place(host_id, queue) for host_id, queue in places)


@shared_task(name="fleet.jobs.reap", ignore_result=True)
def reap() -> None:
    """Make one pass of the reaper."""
    reaper.reap()


@shared_task(name="fleet.jobs.purge", ignore_result=True)
def purge() -> None:
    """Delete jobs that ended long ago."""
    retention.purge_jobs()


@shared_task(name="fleet.jobs.purge_events", ignore_result=True)
def purge_events() -> None:
    """Delete events that happened long ago."""
    from fleet.watch.retention import purge_events as purge_old_events

    purge_old_events()


@shared_task(name="fleet.jobs.measure_disks", ignore_result=True)
def measure_disks() -> None:
    """Ask for the disk usage of hosts where it is old."""
    from fleet.operations.measuring import measure_disks as measure_old_disks

    measure_old_disks()


@shared_task(name="fleet.jobs.check_updates", ignore_result=True)
def check_updates() -> None:
    """Ask registries for what runs and is due."""
    from fleet.updates.turn import check_due

    check_due()


@shared_task(name="fleet.jobs.end_left_terminals", ignore_result=True)
def end_left_terminals() -> None:
    """End what killed web processes left in containers."""
    from fleet.terminal.traces import end_left

    end_left()


@shared_task(name="fleet.jobs.sweep_builds", ignore_result=True)
def sweep_builds() -> None:
    """Remove the folders of builds whose worker died, and images that nobody will load."""
    from fleet.builds.folders import sweep
    from fleet.moves.store import sweep as sweep_tars

    sweep()
    sweep_tars()


@shared_task(name="fleet.jobs.bound_build_caches", ignore_result=True)
def bound_build_caches() -> None:
    """Remove build cache that is too much, where builds have ended."""
    from fleet.operations.build_cache import bound_caches

    bound_caches()


@shared_task(name="fleet.jobs.fire_schedules", ignore_result=True)
def fire_schedules() -> None:
    """Run the builds whose time has come."""
    from fleet.operations.schedules import fire_due

    fire_due()


@shared_task(name="fleet.jobs.purge_scans", ignore_result=True)
def purge_scans() -> None:
    """Remove scans of images that are nowhere any more."""
    from fleet.scans.keeping import purge_scans as purge_old_scans

    purge_old_scans()


@shared_task(name="fleet.jobs.roll_up_usage", ignore_result=True)
def roll_up_usage() -> None:
    """Put readings of hours that are over together, and delete old ones."""
    from fleet.stats.keeping import purge_usage, roll_up_hours

    roll_up_hours()
    purge_usage()


@worker_ready.connect
def _arrive(sender: Any = None, **_kwargs: Any) -> None:
    from fleet.scans.place import has_trivy

    now = timezone.now()
    sweep_builds()  # what a worker before it may have left on this machine
    pulse.start(
        WorkerFacts(
            id=f"{sender.hostname}-{os.getpid()}",
            queues=sorted(queue.name for queue in sender.task_consumer.queues),
            concurrency=int(sender.pool.limit or 1),
            busy=0,
            started_at=now,
            seen_at=now,
            scans=has_trivy(),
            **common_facts(),
        )
    )


@worker_shutdown.connect
def _leave(**_kwargs: Any) -> None:
    pulse.stop()
