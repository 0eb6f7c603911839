"""Lines come in order, and only the holder of the claim writes."""

from __future__ import annotations

import pytest
from django.utils import timezone

from fleet.jobs.claims import claim_job
from fleet.jobs.reporter import Cancelled, ClaimLost, JobReporter
from fleet.models import Host, Job, JobLine, JobState
from tests.jobs.conftest import make_jobs


@pytest.fixture
def reporter(queued: Job) -> JobReporter:
    """The reporter of a claimed job."""
    job = claim_job(queued.pk)
    assert job is not None
    return JobReporter(job)


def lines() -> list[tuple[int, str]]:
    return list(JobLine.objects.values_list("number", "text"))


def test_it_saves_lines_in_the_order_they_came(reporter: JobReporter) -> None:
    for number in range(5):
        reporter.line(f"line {number}")
    reporter.flush()
    reporter.line("last")
    assert reporter.finish(JobState.SUCCEEDED, "Done.")
    assert lines() == [*((n + 1, f"line {n}") for n in range(5)), (6, "last")]


def test_it_saves_progress_and_the_last_line(reporter: JobReporter) -> None:
    reporter.percent(250)
    reporter.line("pulling", level="engine")
    reporter.flush()
    job = Job.objects.get()
    assert (job.progress, job.message) == (100, "pulling")


def test_it_takes_whatever_an_engine_writes(reporter: JobReporter) -> None:
    reporter.line("a\x00b" + "x" * 10_000, level="nonsense")
    reporter.flush()
    line = JobLine.objects.get()
    assert line.text.startswith("a\N{REPLACEMENT CHARACTER}b")
    assert (len(line.text), line.level) == (4000, "info")


def test_it_keeps_no_endless_output(reporter: JobReporter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.jobs.reporter.LINES_LIMIT", 3)
    for number in range(9):
        reporter.line(str(number))
    reporter.flush()
    reporter.line("more")
    reporter.finish(JobState.SUCCEEDED, "Done.")
    assert lines() == [(1, "0"), (2, "1"), (3, "Further lines are not kept.")]


def test_it_writes_nothing_once_the_claim_is_lost(reporter: JobReporter) -> None:
    Job.objects.update(claim=Job.new_claim())
    reporter.line("from the past")
    reporter.flush()
    assert reporter.lost.is_set()
    assert not reporter.finish(JobState.SUCCEEDED, "Done.")
    assert lines() == []
    assert Job.objects.get().state == JobState.RUNNING
    with pytest.raises(ClaimLost):
        reporter.line("again")


def test_it_stops_before_the_next_call_when_the_claim_is_lost(reporter: JobReporter) -> None:
    reporter.check()
    Job.objects.update(state=JobState.LOST)
    with pytest.raises(ClaimLost):
        reporter.check()


def test_it_stops_before_the_next_call_when_cancelled(reporter: JobReporter) -> None:
    Job.objects.update(cancel_requested_at=timezone.now())
    with pytest.raises(Cancelled):
        reporter.check()
    with pytest.raises(Cancelled):
        reporter.percent(50)


def test_it_ends_a_job_once(reporter: JobReporter) -> None:
    assert reporter.finish(JobState.FAILED, "No.", "raw words")
    assert not reporter.finish(JobState.SUCCEEDED, "Yes.")
    job = Job.objects.get()
    assert (job.state, job.message, job.error) == (JobState.FAILED, "No.", "raw words")


def test_it_goes_on_counting_lines_in_the_next_attempt(host: Host) -> None:
    (job,) = make_jobs(host, 1, attempt=1)
    JobLine.objects.create(job=job, number=7, text="first attempt")
    claimed = claim_job(job.pk)
    assert claimed is not None
    again = JobReporter(claimed)
    again.line("second attempt")
    again.flush()
    assert lines() == [(7, "first attempt"), (8, "second attempt")]
