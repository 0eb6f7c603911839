"""Pruning images of hosts: the rules, the preview from rows, the job, page and API."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from fleet.access import Refused, visible_hosts
from fleet.actor import Actor, actor_for
from fleet.engine.fake import FakeEngine
from fleet.jobs.runner import run_job
from fleet.models import AuditEntry, Environment, Host, Job, JobState, User
from fleet.operations.errors import Invalid
from fleet.operations.many_hosts import ask_on_hosts
from fleet.operations.prune import prune_preview
from fleet.operations.prune_rules import Candidate, PruneParams, choose
from tests.conftest import make_container, make_host, make_image
from tests.jobs.conftest import broker, lines

__all__ = ["broker"]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
MIB = 1024**2


def image(name: str, *tags: str, days: int = 0, **more: Any) -> Candidate:
    fields: dict[str, Any] = {"size": 1, "labels": {}, "used": False, **more}
    return Candidate(name, tags, created_at=NOW - timedelta(days=days), **fields)


FLEET = [
    image("new", "app:3", "app:latest", days=1),
    image("mid", "app:2", days=10, size=5),
    image("old", "app:1", "other:1", days=50),
    image("used", "app:0", days=90, used=True),
    image("dangling", days=40, size=9),
    image("fresh dangling", days=2, labels={"stage": "build"}),
    image("pinned", "base:1", days=400, labels={"keep": "yes"}),
]


@pytest.mark.parametrize(
    ("rules", "going"),
    [
        ({}, ["dangling", "fresh dangling"]),
        ({"older_days": 30}, ["dangling"]),
        ({"which": "unused", "older_days": 30}, ["dangling", "old", "pinned"]),
        ({"which": "unused", "keep_last": 1}, ["dangling", "mid", "fresh dangling"]),
        ({"which": "unused", "keep_last": 2}, ["dangling", "fresh dangling"]),
        ({"which": "unused", "older_days": 30, "keep_labels": ["keep"]}, ["dangling", "old"]),
        ({"which": "unused", "older_days": 300, "keep_labels": ["keep=no"]}, ["pinned"]),
        ({"keep_labels": ["stage=build"]}, ["dangling"]),
    ],
)
def test_the_rules_choose(rules: dict[str, Any], going: list[str]) -> None:
    found = choose(FLEET, PruneParams(**rules), NOW)
    assert sorted(one.engine_id for one in found) == sorted(going)
    assert [one.size for one in found] == sorted((one.size for one in found), reverse=True)


def test_of_unknown_age_is_not_old() -> None:
    unknown = Candidate("x", (), 1, {}, None, used=False)
    assert choose([unknown], PruneParams(older_days=1), NOW) == []
    assert choose([unknown], PruneParams(), NOW) == [unknown]


@pytest.fixture
def host(fake: FakeEngine, staging: Environment) -> Host:
    """The fake engine's row; it has images that are in use, unused and dangling."""
    fake.state.add("shop", "shop:1")
    for tags, size in ((["app:1", "app:old"], 4 * MIB), (["app:2"], 3 * MIB), ([], 2 * MIB)):
        fake.images.add(*tags, size=size, created_ns=int(NOW.timestamp()) * 10**9)
    made = make_host("stage-1", staging, url=fake.url)
    for it in fake.images.known.values():
        make_image(made, it.id, tags=list(it.tags), size=it.size, created_at=NOW)
    make_container(made, image_id=fake.images.find("shop:1").id)
    return made


@pytest.fixture
def client(administrator: User, sign_in: Callable[[User], Client]) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


def ran(actor: Actor, **params: Any) -> Job:
    hosts = visible_hosts(actor)
    job = ask_on_hosts("image.prune", actor=actor, hosts=hosts, params=params).job
    run_job(job.pk)
    job.refresh_from_db()
    return job


def test_dangling_ones_go(actor: Actor, host: Host, fake: FakeEngine) -> None:
    job = ran(actor)
    assert (job.state, job.message) == (JobState.SUCCEEDED, "Pruned images of stage-1.")
    assert fake.images.names == {"shop:1", "app:1", "app:old", "app:2"}
    assert len(fake.images.known) == 3
    assert "1 image was removed; 2.0 MiB came back." in lines()
    assert AuditEntry.objects.get().action == "image.prune"


def test_all_unused_go_and_are_listed(actor: Actor, host: Host, fake: FakeEngine) -> None:
    preview = prune_preview(actor=actor, hosts=visible_hosts(actor), params={"which": "unused"})
    assert (preview.count, preview.size) == (3, 9 * MIB)
    ran(actor, which="unused")
    assert fake.images.names == {"shop:1"}
    assert "Removed app:1, 4.0 MiB." in lines()
    assert "3 images were removed; 9.0 MiB came back." in lines()


def test_what_is_used_by_then_stays(actor: Actor, host: Host, fake: FakeEngine) -> None:
    hosts = visible_hosts(actor)
    job = ask_on_hosts("image.prune", actor=actor, hosts=hosts, params={"which": "unused"}).job
    held = fake.images.find("app:2").id
    fake.images._users = lambda ident: list(fake.state.containers.values()) * (ident == held)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert "app:2" in fake.images.names and "app:2 stays: A container" in lines()


def test_a_name_that_moves_meanwhile_stays_with_its_new_image(
    actor: Actor, host: Host, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build gives names to what it made while the job removes, the largest first."""
    remove = fake.images.remove

    def build_ends(ref: str, force: bool) -> Any:
        gone = remove(ref, force)
        if ref == "app:1":
            fake.images.add("app:old", "app:2", id="sha256:built")
        return gone

    monkeypatch.setattr(fake.images, "remove", build_ends)
    assert ran(actor, which="unused").state == JobState.SUCCEEDED
    assert fake.images.known["sha256:built"].tags == ["app:old", "app:2"]
    assert "app:old stays: It means another image by now." in lines()
    assert "app:2 stays: It means another image by now." in lines()


def test_nothing_to_do(actor: Actor, host: Host) -> None:
    assert ran(actor, older_days=3000).state == JobState.SUCCEEDED
    assert "There is nothing to remove." in lines()


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"which": "all"}, "which"),
        ({"older_days": -1}, "older_days"),
        ({"older_days": "9" * 400}, "older_days"),
        ({"keep_last": 101}, "keep_last"),
        ({"keep_labels": ["=x"]}, "keep_labels"),
        ({"keep_labels": ["x"] * 21}, "keep_labels"),
        ({"force": True}, "force"),
    ],
)
def test_rules_that_are_none(actor: Actor, host: Host, params: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        prune_preview(actor=actor, hosts=visible_hosts(actor), params=params)
    assert field in caught.value.fields


def test_the_page_shows_what_will_go_before_it_asks(
    client: Client, host: Host, production: Environment
) -> None:
    off = make_host("prod-1", production, state="disabled")
    sent = {"which": "unused", "keep_labels": "a\nb=c", "host": [host.pk]}
    page = client.post("/images/prune/", sent).text
    assert "3 images would go" in page and "9.0 MiB" in page and "shop:1" not in page
    assert not Job.objects.exists()
    answer = client.post("/images/prune/", {**sent, "confirmed": "1"})
    job = Job.objects.get()
    assert answer.headers["Location"] == f"/jobs/{job.pk}/"
    assert job.params == {
        "which": "unused", "older_days": 0, "keep_last": 0, "keep_labels": ["a", "b=c"],
    }  # fmt: skip
    assert "a, b=c" in client.get(f"/jobs/{job.pk}/").text
    assert client.get(f"/images/prune/?which=unused&host={host.pk}").text.count("checked") >= 1
    wrong = client.post("/images/prune/", {"host": host.pk, "older_days": "soon"})
    assert wrong.status_code == 400 and "Enter a whole number." in wrong.text
    assert client.post("/images/prune/", {"which": "unused"}).status_code == 400
    assert off.name in client.get("/images/prune/").text


def test_careful_hosts_want_the_number(client: Client, host: Host) -> None:
    Environment.objects.update(careful=True)
    sent = {"which": "unused", "host": host.pk, "confirmed": "1"}
    for typed in ("", "2", "x\x00"):
        assert client.post("/images/prune/", {**sent, "typed": typed}).status_code == 400
    assert not Job.objects.exists()
    assert client.post("/images/prune/", {**sent, "typed": "3"}).status_code == 302


def test_only_who_may(
    host: Host, operator: User, make_user: Callable[..., User], sign_in: Callable[[User], Client]
) -> None:
    with pytest.raises(Refused):
        prune_preview(actor=actor_for(operator), hosts=Host.objects.all(), params={})
    assert sign_in(operator).get("/images/prune/").status_code == 403
    assert "/images/prune/" not in sign_in(operator).get("/images/").text
    deployer = sign_in(make_user("dora", role="deployer", on=host))
    assert "/images/prune/" in deployer.get("/images/").text
    assert deployer.get("/images/prune/").status_code == 200


def test_the_api_previews_and_prunes(client: Client, host: Host, staging: Environment) -> None:
    make_host("stage-2", staging)
    hosts = list(Host.objects.values_list("pk", flat=True))
    body = json.dumps({"hosts": hosts, "rules": {"which": "unused", "keep_last": 1}})
    found = client.post("/api/v1/images/prune/preview", body, "application/json").json()
    assert found["images"] == 2
    assert found["hosts"][0]["going"][0].keys() == {"engine_id", "name", "size"}
    answer = client.post("/api/v1/images/prune", body, "application/json")
    assert answer.status_code == 202 and Job.objects.count() == 3
    bad = json.dumps({"hosts": hosts, "rules": {"which": "everything"}})
    assert client.post("/api/v1/images/prune", bad, "application/json").status_code == 422
    page = client.get(f"/jobs/{answer.json()['id']}/").text
    assert "Prune images: 2 hosts" in page
