"""The stages of a run: each end goes on once; a failure ends it in words, and is gone on with."""

from __future__ import annotations

from functools import partial

import pytest
from django.db.models import Q

from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.engine.recreate import Aside
from fleet.jobs.endings import end_job
from fleet.jobs.reaper import reap
from fleet.models import AuditEntry, Environment, Grant, Host, Job, JobState, RunStage, User
from fleet.operations.builds import build_update
from fleet.operations.errors import Invalid
from fleet.operations.jobs import job_cancel, job_retry
from fleet.operations.release_plan import RECREATE
from fleet.operations.requests import request
from fleet.operations.stages import advance, run_go_on
from tests.conftest import make_container, make_host
from tests.jobs.conftest import at_once
from tests.releases.conftest import Define, built, end, jobs, last, stage, started, states

IMAGE = "registry.test/team/web:1"


def test_without_more_a_build_is_all(actor: Actor, define: Define) -> None:
    run = built(actor, define())
    assert (states(run), jobs(run)) == ("", [])


def test_each_stage_follows_the_one_before(actor: Actor, define: Define, second: Host) -> None:
    for name in ("web-1", "web-2"):
        make_container(second, name, image=IMAGE)
    make_container(second, "pinned", image=f"{IMAGE}@sha256:{5:064x}")
    make_container(second, "stopped", image=IMAGE, state="exited")
    make_container(second, "other", image="registry.test/team/other:1")
    run = started(actor, define(push=True, deploy="restart", deploy_hosts=[second.pk]))
    assert states(run) == "push:waiting deploy:waiting"
    run.tags = [IMAGE]
    run.save(update_fields=["tags"])
    end(run.job)
    assert (states(run), jobs(run)) == ("push:running deploy:waiting", ["build.push"])
    assert last(run).params == {"run": 1}
    end(last(run))
    assert states(run) == "push:succeeded deploy:running"
    pull = last(run)
    assert (pull.operation, pull.host, pull.params["reference"]) == ("image.pull", second, IMAGE)
    end(pull)
    restart = last(run)
    names = sorted(restart.children.values_list("target_name", flat=True))
    assert (restart.operation, names) == ("container.restart", ["web-1", "web-2"])
    end(restart)
    assert states(run) == "push:succeeded deploy:succeeded"
    assert jobs(run) == ["build.push", "image.pull", "container.restart"]


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.ERRORED, JobState.LOST])
def test_a_failed_push_ends_it_and_is_gone_on_with(
    actor: Actor, define: Define, second: Host, state: JobState
) -> None:
    run = built(actor, define(push=True, deploy="pull", deploy_hosts=[second.pk]))
    end(last(run), state, "The registry is away.")
    assert states(run) == "push:failed deploy:skipped"
    assert stage(run, "push").why == "The registry is away."
    assert "did not succeed" in stage(run, "deploy").why
    build_id = run.build_id
    run_go_on(actor=actor, build_id=build_id, number=1)
    run_go_on(actor=actor, build_id=build_id, number=1)  # a double click
    assert states(run) == "push:running deploy:waiting"
    assert jobs(run) == ["build.push", "build.push"]
    end(last(run))
    end(last(run))
    assert states(run) == "push:succeeded deploy:succeeded"
    with pytest.raises(Invalid, match="no stage"):
        run_go_on(actor=actor, build_id=build_id, number=1)


@pytest.mark.parametrize(
    ("state", "why"), [(JobState.FAILED, "did not succeed"), (JobState.CANCELLED, "cancelled")]
)
def test_after_a_bad_build_nothing_comes(
    actor: Actor, define: Define, state: JobState, why: str
) -> None:
    run = started(actor, define(push=True))
    end(run.job, state)
    assert (states(run), jobs(run)) == ("push:skipped", [])
    assert why in stage(run, "push").why
    with pytest.raises(Invalid):
        run_go_on(actor=actor, build_id=run.build_id, number=1)


def test_cancelling_its_job_ends_it(actor: Actor, define: Define, second: Host) -> None:
    run = built(actor, define(push=True, deploy="pull", deploy_hosts=[second.pk]))
    job_cancel(actor=actor, job_id=last(run).pk)
    assert states(run) == "push:cancelled deploy:skipped"
    again = job_retry(actor=actor, job_id=last(run).pk)  # from the job's page: as a part of it
    assert last(run) == again
    end(again)
    pull = last(run)
    job_cancel(actor=actor, job_id=pull.pk)
    assert states(run) == "push:succeeded deploy:cancelled"


def test_a_job_of_many_is_cancelled_as_a_whole(actor: Actor, define: Define, host: Host) -> None:
    for name in ("web-1", "web-2"):
        make_container(host, name, image=IMAGE)
    run = built(actor, define(deploy="restart", deploy_hosts=[host.pk]))
    first = last(run).children.order_by("pk").first()
    end(first)
    assert states(run) == "deploy:running"
    job_cancel(actor=actor, job_id=last(run).pk)
    assert states(run) == "deploy:cancelled"
    run_go_on(actor=actor, build_id=run.build_id, number=1)
    assert last(run).children.get().target_name == "web-2"


def test_only_what_did_not_go_well_is_done_again(
    actor: Actor, define: Define, host: Host, second: Host, staging: Environment
) -> None:
    for place in (host, second):
        make_container(place, "web", image=IMAGE)
    run = built(actor, define(push=True, deploy="restart", deploy_environments=[staging.pk]))
    end(last(run))
    pull = last(run)
    good, bad = pull.children.order_by("host__name")
    end(bad, JobState.FAILED, "No route.")
    end(good)
    assert states(run) == "push:succeeded deploy:failed"
    assert stage(run, "deploy").why == "1 of 2 did not succeed."
    run_go_on(actor=actor, build_id=run.build_id, number=1)
    again = last(run)
    assert (again.operation, again.host, again.children_count) == ("image.pull", second, 0)
    end(again)
    end(last(run))
    assert states(run) == "push:succeeded deploy:succeeded"
    assert jobs(run)[1:] == ["image.pull", "image.pull", "container.restart"]


def test_two_ends_at_once_go_on_once(actor: Actor, define: Define, second: Host) -> None:
    run = built(actor, define(push=True, deploy="pull", deploy_hosts=[second.pk]))
    job = last(run)
    ends = [partial(end_job, job, Q(), JobState.SUCCEEDED, "Done.") for _ in range(2)]
    won = at_once([*ends, partial(advance, stage(run, "push").pk)])
    assert sorted(map(bool, won)) == [False, False, True]
    advance(stage(run, "push").pk)
    advance(stage(run, "deploy").pk)
    assert jobs(run) == ["build.push", "image.pull"]


def test_the_reaper_goes_on_for_who_died(
    actor: Actor, define: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(actor, define(push=True))
    with monkeypatch.context() as dying:
        dying.setattr("fleet.operations.stages.advance", lambda pk: None)
        end(run.job)
    assert (states(run), jobs(run)) == ("push:running", [])
    reap()
    reap()
    assert jobs(run) == ["build.push"]
    Job.objects.filter(pk=last(run).pk).update(
        state="running", attempt=3, heartbeat_at="2026-01-01T00:00:00Z"
    )
    reap()  # its worker fell silent for the third time
    assert states(run) == "push:failed"
    assert "fell silent" in stage(run, "push").why


def test_who_lost_the_right_is_refused_in_words(
    define: Define, host: Host, second: Host, make_user: object
) -> None:
    user: User = make_user("dora", role="deployer", on=host.environment)  # type: ignore[operator]
    dora = actor_for(user)
    run = built(dora, define(dora, push=True, deploy="pull", deploy_hosts=[second.pk]))
    Grant.objects.filter(user=user).delete()
    end(last(run))
    found = stage(run, "deploy")
    assert states(run) == "push:succeeded deploy:failed"
    assert found.why.startswith("dora may not do this: it needs the permission “Pull images”")
    entry = AuditEntry.objects.order_by("-number").first()
    assert entry is not None
    assert (entry.action, entry.result, entry.actor_name) == ("image.pull", "refused", "dora")
    user.delete()
    run.stages.filter(kind="deploy").update(state="running", attempt=2)
    reap()
    assert stage(run, "deploy").why == "dora is no user any more."


def test_another_goes_on_with_rights_of_their_own(
    actor: Actor, define: Define, host: Host, second: Host, make_user: object
) -> None:
    run = built(actor, define(push=True, deploy="pull", deploy_hosts=[second.pk]))
    end(last(run), JobState.FAILED)
    dora = actor_for(make_user("dora", role="deployer", on=host))  # type: ignore[operator]
    with pytest.raises(Refused, match="Pull images"):  # not on the second host
        run_go_on(actor=dora, build_id=run.build_id, number=1)
    assert states(run) == "push:failed deploy:skipped"
    dan = actor_for(make_user("dan", role="deployer", on=host.environment))  # type: ignore[operator]
    run_go_on(actor=dan, build_id=run.build_id, number=1)
    end(last(run))
    assert last(run).actor_name == "dan"


def test_what_others_do_already_is_waited_for_and_asked_again(
    actor: Actor, define: Define, host: Host, second: Host
) -> None:
    """A pull that began before the push may bring the image of before."""
    run = built(actor, define(push=True, deploy="pull", deploy_hosts=[host.pk, second.pk]))
    params = {"reference": IMAGE}
    other = request("image.pull", actor=actor, target_id=second.pk, params=params)
    end(last(run))
    mine = Job.objects.get(stage_links__stage__kind="deploy", stage_links__joined=False)
    assert mine.host == host
    end(mine)
    assert states(run) == "push:succeeded deploy:running"
    end(other, JobState.FAILED)
    again = last(run)
    assert (again.host, again.pk > other.pk) == (second, True)
    end(again)
    assert states(run) == "push:succeeded deploy:succeeded"


def test_a_host_that_is_off_is_left_out_and_told(
    actor: Actor, define: Define, host: Host, second: Host
) -> None:
    Host.objects.filter(pk=second.pk).update(state="disabled")
    run = built(actor, define(push=True, deploy="pull", deploy_hosts=[host.pk, second.pk]))
    end(last(run))
    assert last(run).host == host
    end(last(run))
    assert states(run) == "push:succeeded deploy:succeeded"
    assert stage(run, "deploy").why == "1 host is switched off and was left out."


def test_places_that_are_gone_or_off(actor: Actor, define: Define, second: Host) -> None:
    build = define(push=True, deploy="pull", deploy_hosts=[second.pk])
    run = built(actor, build)
    Host.objects.filter(pk=second.pk).update(state="disabled")
    end(last(run))
    assert "switched off" in stage(run, "deploy").why
    second.delete()
    run_go_on(actor=actor, build_id=build.pk, number=1)
    assert states(run) == "push:succeeded deploy:failed"
    assert "is left" in stage(run, "deploy").why


def test_nobody_uses_it(actor: Actor, define: Define, second: Host) -> None:
    run = built(actor, define(push=True, deploy="restart", deploy_hosts=[second.pk]))
    end(last(run))
    assert states(run) == "push:succeeded deploy:succeeded"
    assert stage(run, "deploy").why == "Nothing there uses it."


def test_an_update_asks_for_new_containers_once(actor: Actor, define: Define, host: Host) -> None:
    """What was made again is a row of its own, under the name of before."""
    old = make_container(host, "web", image=IMAGE)
    run = built(actor, define(deploy="update", deploy_hosts=[host.pk]))
    job = last(run)
    assert (job.operation, job.params) == (RECREATE, {"pull": False})
    old.delete()
    make_container(host, "web", image=IMAGE, engine_id="f" * 64)
    end(job)
    assert (states(run), jobs(run)) == ("deploy:succeeded", [RECREATE])


@pytest.mark.parametrize("written", ["made", "renamed", "exchanged", "moved"])
def test_rows_that_lag_behind_an_update_are_not_asked_for_again(
    actor: Actor, define: Define, host: Host, written: str
) -> None:
    """The job ends before the watcher has written all that it did: the old one's row is there."""
    old = make_container(host, "web", image=IMAGE)
    run = built(actor, define(deploy="update", deploy_hosts=[host.pk]))
    job = last(run)
    if written == "made":
        beside = str(Aside("web", "new", old.engine_id, "running"))
        make_container(host, beside, image=IMAGE, engine_id="f" * 64, state="created")
    else:
        old.name = "moved" if written == "moved" else str(Aside("web", "old", "f" * 12, "running"))
        old.state = "exited"
        old.save()
        if written != "renamed":
            make_container(host, "web", image=IMAGE, engine_id="f" * 64)
    end(job)
    assert (states(run), jobs(run)) == ("deploy:succeeded", [RECREATE])


def test_a_run_does_what_was_asked_for(actor: Actor, define: Define, second: Host) -> None:
    build = define(push=True)
    first = started(actor, build)
    assert started(actor, build) == first
    build_update(actor=actor, build_id=build.pk, data={"push": False})
    other = started(actor, build)  # that one pushes, this one does not
    assert (states(first), states(other), other.number) == ("push:waiting", "", 2)


def test_who_asks_for_a_run_must_be_allowed_all_of_it(
    actor: Actor, define: Define, host: Host, make_user: object
) -> None:
    prod = make_host("prod-1", Environment.objects.create(name="production"))
    build = define(push=True, deploy="pull", deploy_hosts=[prod.pk])
    dora = actor_for(make_user("dora", role="deployer", on=host))  # type: ignore[operator]
    with pytest.raises(Refused, match="Pull images"):
        started(dora, build)
    assert not RunStage.objects.exists()
