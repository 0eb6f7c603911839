"""What is awaited and does not come is told: at some moments, and only while it is awaited."""

from __future__ import annotations

import pytest

from fleet.jobs.claims import claim_job
from fleet.jobs.reporter import JobReporter
from fleet.jobs.silence import Silence
from fleet.models import Job, JobLine


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def silence(now: list[float]) -> Silence:
    return Silence(clock=lambda: now[0])


def after(silence: Silence, now: list[float], seconds: float) -> int:
    now[0] += seconds
    return silence.due()


def test_each_moment_is_told_once(silence: Silence, now: list[float]) -> None:
    with silence.waiting():
        told = [after(silence, now, seconds) for seconds in (29, 1, 1, 28, 1, 61, 119, 1, 178, 1)]
    assert told == [0, 30, 0, 0, 60, 121, 240, 0, 0, 420]


def test_long_silence_is_told_every_few_minutes(silence: Silence, now: list[float]) -> None:
    with silence.waiting():
        told = [after(silence, now, seconds) for seconds in (500, 99, 1, 179, 1)]
    assert told == [500, 0, 600, 0, 780]


def test_news_begins_it_anew(silence: Silence, now: list[float]) -> None:
    with silence.waiting():
        assert after(silence, now, 29) == 0
        assert not silence.heard()
        assert after(silence, now, 29) == 0
        assert after(silence, now, 2) == 31
        assert silence.heard() and not silence.heard()
        assert after(silence, now, 30) == 30


def test_nobody_is_told_who_does_not_wait(silence: Silence, now: list[float]) -> None:
    assert after(silence, now, 500) == 0
    with silence.waiting():
        pass
    assert not silence.heard()
    assert after(silence, now, 500) == 0


@pytest.fixture
def reporter(queued: Job, now: list[float]) -> JobReporter:
    """That of a job that runs, by our clock."""
    job = claim_job(queued.pk)
    assert job is not None
    made = JobReporter(job)
    made._silence = Silence(clock=lambda: now[0])
    return made


def test_the_job_says_it_and_that_it_is_over(reporter: JobReporter, now: list[float]) -> None:
    with reporter.awaiting():
        reporter.tell_silence()
        now[0] += 40
        reporter.tell_silence()
        reporter.flush()
        said = Job.objects.get(pk=reporter.job.pk).message
        assert said.startswith("Nothing has moved for 40 s.")
        reporter.part("a", "downloading", 1, 2)
        reporter.flush()
    texts = list(JobLine.objects.values_list("level", "text"))
    assert [level for level, _text in texts] == ["error", "info"]
    assert texts[1][1] == "It moves again."


def test_an_engine_that_packs_is_not_taken_for_a_fault(
    reporter: JobReporter, now: list[float]
) -> None:
    with reporter.awaiting(packs=True):
        now[0] += 700
        reporter.tell_silence()
    with reporter.awaiting():
        now[0] += 40
        reporter.tell_silence()
    reporter.flush()
    first, second = JobLine.objects.all()
    assert (first.level, second.level) == ("info", "error")
    assert first.text.startswith("Nothing has come for 700 s; an engine may still be packing")
