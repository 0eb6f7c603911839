"""The push of all names of a run in one job, over a fake engine; and sizes of runs."""

from __future__ import annotations

import pytest

from fleet.actor import Actor
from fleet.engine.fake import FakeEngine
from fleet.jobs.runner import run_job
from fleet.models import BuildRun, Environment, Host, JobState
from fleet.operations.stages import run_go_on
from fleet.selectors.builds import build_page, run_page
from fleet.selectors.transfers import parts_of
from tests.conftest import make_host
from tests.jobs.conftest import lines
from tests.releases.conftest import Define, built, end, last, stage, started, states

NAMES = ["registry.test/app:1", "locked.test/app:1", "other.test/app:1"]


@pytest.fixture
def host(fake: FakeEngine, staging: Environment) -> Host:
    """The fake engine's row."""
    return make_host("stage-1", staging, url=fake.url)


@pytest.fixture
def run(actor: Actor, define: Define, fake: FakeEngine) -> BuildRun:
    """A run whose image has three names on the engine, in three registries."""
    ident = f"sha256:{7:064x}"
    fake.images.add(*NAMES, id=ident, layers=[("ADD a /", 1000)])
    fake.pulls.private = {"locked.test": ("ann", "hunter2")}
    return built(actor, define(push=True, tags=NAMES))


def test_a_name_that_fails_tells_of_the_others_and_is_gone_on_with(
    actor: Actor, run: BuildRun, fake: FakeEngine
) -> None:
    run_job(last(run).pk)
    why = stage(run, "push").why
    assert why.startswith("locked.test/app:1 was not pushed: ")
    assert "Pushed before it: registry.test/app:1." in why
    assert why.endswith("Not tried: other.test/app:1.")
    run.refresh_from_db()
    assert list(run.digests) == NAMES[:1]
    fake.pulls.private = {}
    run_go_on(actor=actor, build_id=run.build_id, number=1)
    job = last(run)
    run_job(job.pk)
    run.refresh_from_db()
    assert (states(run), run.digests.keys()) == ("push:succeeded", set(NAMES))
    assert "registry.test/app:1 is there already." in lines(job)
    job.refresh_from_db()
    assert {part["label"].split()[0] for part in parts_of(job)} == {"locked.test", "other.test"}


def test_with_a_name_of_another_image_none_is_pushed(run: BuildRun, fake: FakeEngine) -> None:
    fake.images.known[f"sha256:{7:064x}"].tags.remove(NAMES[2])
    fake.images.add(NAMES[2], layers=[("ADD b /", 10)])
    run_job(last(run).pk)
    assert "other.test/app:1 is another image by now" in stage(run, "push").why
    assert not set(NAMES) & set(fake.pulls.registry)


def test_sizes_are_compared_with_the_last_good_run(actor: Actor, define: Define) -> None:
    build = define()
    for number, (size, state) in enumerate(
        [(100, JobState.SUCCEEDED), (900, JobState.FAILED), (130, JobState.SUCCEEDED)], start=1
    ):
        run = started(actor, build)
        BuildRun.objects.filter(pk=run.pk).update(size=size)
        end(run.job, state)
        assert run.number == number
    assert [row.grown for row in build_page(actor, build).runs] == [30, 800, None]
    page = run_page(actor, build.pk, 3)
    assert page.before is not None
    assert (page.grown, page.before.number) == (30, 1)
