"""One pull as a job: its parts are kept and told, its credentials are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core import serializers

from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.engine.fake import FakeEngine
from fleet.jobs.claims import claim_job
from fleet.jobs.reporter import JobReporter
from fleet.jobs.runner import run_job
from fleet.models import AuditEntry, Event, Host, Job, JobLine, JobParts, JobState, User
from fleet.operations.errors import Invalid
from fleet.operations.jobs import job_retry
from fleet.operations.references import check_reference
from fleet.operations.requests import request
from fleet.selectors.transfers import Transfer, parts_of, transfer_of
from tests.pulls.conftest import IMAGE


def pull(actor: Actor, host: Host, reference: str = IMAGE, **params: str) -> Job:
    """Ask for it, run it, and return how it went."""
    given = {"reference": reference, **params}
    job = request("image.pull", actor=actor, target_id=host.pk, params=given)
    run_job(job.pk)
    job.refresh_from_db()
    return job


def test_it_keeps_how_far_each_layer_was(actor: Actor, host: Host, fake: FakeEngine) -> None:
    job = pull(actor, host)
    assert (job.state, job.progress, job.message) == (JobState.SUCCEEDED, 100, f"Pulled {IMAGE}.")
    assert (job.target_name, job.host_name, job.queue) == (IMAGE, "stage-1", "transfer")
    assert (job.bytes_done, job.bytes_total, job.bytes_per_second) == (5000, 5000, None)
    assert [(part["state"], part["total"]) for part in parts_of(job)] == [
        ("done", 1000),
        ("done", 4000),
    ]
    lines = "\n".join(JobLine.objects.values_list("text", flat=True))
    assert "Digest: sha256:" in lines and "Image sha256:" in lines and "linux/amd64" in lines
    assert IMAGE in fake.images.names


def test_layers_that_are_there_already_are_told_so(actor: Actor, host: Host) -> None:
    pull(actor, host)
    again = pull(actor, host)
    assert again.state == JobState.SUCCEEDED
    assert {part["state"] for part in parts_of(again)} == {"exists"}
    assert transfer_of(again) == Transfer(100, 0, 0, None)


def test_no_tag_means_latest(actor: Actor, host: Host) -> None:
    job = pull(actor, host, "registry.test/app")
    assert (job.target_name, job.state) == ("registry.test/app:latest", JobState.FAILED)
    assert "no such image" in job.message
    assert "manifest unknown" in job.error


def test_an_error_in_the_stream_fails_the_job(actor: Actor, host: Host, fake: FakeEngine) -> None:
    fake.pulls.refuse = "write /var/lib/docker/x: no space left on device"
    job = pull(actor, host)
    assert job.state == JobState.FAILED and "disk is full" in job.message
    event = Event.objects.get()
    assert (event.kind, event.object_kind, event.object_name) == ("job", "image", IMAGE)
    fake.pulls.refuse = ""
    again = job_retry(actor=actor, job_id=job.pk)
    run_job(again.pk)
    again.refresh_from_db()
    assert (again.state, again.retry_of_id) == (JobState.SUCCEEDED, job.pk)


def test_another_platform_than_asked_for_is_no_success(actor: Actor, host: Host) -> None:
    job = pull(actor, host, platform="linux/arm64")
    assert job.state == JobState.FAILED and "only for linux/amd64" in job.message


def test_credentials_are_asked_for_at_run_time_and_kept_nowhere(
    actor: Actor, host: Host, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.pulls.private = {"registry.test": ("ann", "hunter2")}
    assert "none are known" in pull(actor, host).message
    login = {"username": "ann", "password": "hunter2", "serveraddress": "registry.test"}
    monkeypatch.setattr("fleet.operations.images.auth_for", lambda host, reference: login)
    assert pull(actor, host).state == JobState.SUCCEEDED
    monkeypatch.setitem(login, "password", "hunter3")
    refused = pull(actor, host, "registry.test/other:1")
    assert "did not accept" in refused.message
    rows: list[Any] = [*Job.objects.all(), *JobLine.objects.all(), *AuditEntry.objects.all()]
    rows += [*JobParts.objects.all(), *Event.objects.all()]
    kept = serializers.serialize("json", rows)
    assert "hunter" not in kept and "ann" not in json.loads(kept)[0]["fields"]["params"]


def test_the_same_pull_is_one_job(actor: Actor, host: Host) -> None:
    first = request("image.pull", actor=actor, target_id=host.pk, params={"reference": "nginx"})
    same = request(
        "image.pull", actor=actor, target_id=host.pk, params={"reference": "nginx:latest"}
    )
    other = request("image.pull", actor=actor, target_id=host.pk, params={"reference": "nginx:1"})
    assert first.pk == same.pk != other.pk
    entries = AuditEntry.objects.filter(action="image.pull").order_by("number")
    details = list(entries.values_list("detail", flat=True))
    assert [detail["joined"] for detail in details] == [False, True, False]
    assert details[0]["params"]["reference"] == "nginx:latest"


def test_an_operator_may_not(host: Host, operator: User) -> None:
    with pytest.raises(Refused):
        request(
            "image.pull",
            actor=actor_for(operator),
            target_id=host.pk,
            params={"reference": IMAGE},
        )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("nginx", "nginx:latest"),
        (" nginx:1.27 ", "nginx:1.27"),
        ("10.0.0.5:5000/team/app:V2_x.y-z", "10.0.0.5:5000/team/app:V2_x.y-z"),
        ("Registry.Example.com/app:1", "Registry.Example.com/app:1"),
        ("localhost/app", "localhost/app:latest"),
        (f"app@sha256:{'0' * 64}", f"app@sha256:{'0' * 64}"),
        ("a__b/c-d.e:1", "a__b/c-d.e:1"),
    ],
)
def test_it_takes_names_as_people_write_them(text: str, kept: str) -> None:
    assert check_reference(text) == kept


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "Enter"),
        ("https://registry.example.com/app", "without https"),
        ("my app", "spaces"),
        ("Nginx", "lower case"),
        ("nginx:", "tag"),
        ("../etc/passwd", "host"),
        ("nginx:1?x=2", "tag"),
        ("-a", "cannot be part"),
        ("a@sha256:123", "digest"),
        ("a" * 300, "255"),
        ("nginx\x00", "control"),
        ("nginx:" + "1" * 200, "128"),
        ("x" * 100_000, "255"),
    ],
)
def test_it_says_what_is_wrong_with_a_name(text: str, word: str, actor: Actor, host: Host) -> None:
    with pytest.raises(ValueError, match=word):
        check_reference(text)
    with pytest.raises(Invalid) as caught:
        request("image.pull", actor=actor, target_id=host.pk, params={"reference": text})
    assert "reference" in caught.value.fields
    assert not Job.objects.exists()


def test_progress_is_written_at_most_twice_a_second(
    actor: Actor, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("fleet.jobs.reporter.monotonic", lambda: now[0])
    queued = request("image.pull", actor=actor, target_id=host.pk, params={"reference": IMAGE})
    job = claim_job(queued.pk)
    assert job is not None
    reporter = JobReporter(job)
    seen: list[int | None] = []
    for step in range(1, 21):  # two seconds
        now[0] += 0.1
        reporter.part("layer", "downloading", step * 50, 1000)
        if step % 2 == 0:
            reporter.line("talk")  # lines come more often, and carry nothing along
        reporter.flush()
        seen.append(Job.objects.get().bytes_done)
    assert len(set(seen)) == 4
    reporter.part("layer", "done")
    assert reporter.finish(JobState.SUCCEEDED, "Done.")
    assert Job.objects.get().bytes_done == 1000
    assert JobParts.objects.get().parts[0]["state"] == "done"


def test_who_lost_the_claim_writes_no_parts(actor: Actor, host: Host) -> None:
    queued = request("image.pull", actor=actor, target_id=host.pk, params={"reference": IMAGE})
    job = claim_job(queued.pk)
    assert job is not None
    reporter = JobReporter(job)
    Job.objects.update(claim=Job.new_claim())
    reporter.part("layer", "downloading", 5, 10)
    reporter.flush()
    assert not reporter.finish(JobState.SUCCEEDED, "Done.")
    assert not JobParts.objects.exists()
    assert Job.objects.get().bytes_done is None


def test_a_pull_that_comes_to_a_halt_shows_no_speed(
    actor: Actor, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("fleet.jobs.reporter.monotonic", lambda: now[0])
    queued = request("image.pull", actor=actor, target_id=host.pk, params={"reference": IMAGE})
    job = claim_job(queued.pk)
    assert job is not None
    reporter = JobReporter(job)
    reporter._meter.clock = lambda: now[0]
    speeds: list[int | None] = []
    for step in range(20):  # ten seconds, the first of which bring bytes
        if step < 3:
            reporter.part("layer", "downloading", step * 100_000, 10**6)
        reporter.flush()
        speeds.append(Job.objects.get().bytes_per_second)
        now[0] += 0.5
    assert speeds[2] and speeds[-1] == 0
    assert not reporter.dirty.is_set()


def test_a_layer_that_breaks_off_is_told_once(actor: Actor, host: Host, fake: FakeEngine) -> None:
    fake.pulls.breaks_off = 5
    assert pull(actor, host).state == JobState.SUCCEEDED
    assert JobLine.objects.filter(text__contains="broke off", level="error").count() == 1
    assert not JobLine.objects.filter(text__contains="Retrying").exists()
