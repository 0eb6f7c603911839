"""Removing, tagging and pushing an image: jobs, pages and API over a fake engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core import serializers
from django.test import Client

from fleet.access import Refused, Unknown
from fleet.actor import Actor, actor_for
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_images import FakeImage
from fleet.models import AuditEntry, Environment, Host, Image, Job, JobLine, JobState, Role, User
from fleet.operations.errors import Invalid
from fleet.operations.requests import request
from fleet.selectors.jobs import job_rows
from fleet.selectors.transfers import parts_of
from tests.conftest import grant, make_container, make_host, make_image
from tests.jobs.conftest import broker, lines, ran

__all__ = ["broker"]

DIALOG = {"HX-Request": "true", "Accept": "text/html"}
JSON = {"Accept": "application/json"}
NAMES = ["registry.test/app:1", "registry.test/app:2"]


@pytest.fixture
def host(fake: FakeEngine, staging: Environment) -> Host:
    """The fake engine's row."""
    return make_host("stage-1", staging, url=fake.url)


@pytest.fixture
def held(fake: FakeEngine) -> FakeImage:
    """An image with two names on the engine."""
    ident = f"sha256:{hashlib.sha256(NAMES[0].encode()).hexdigest()}"  # as its containers have it
    layers = [("ADD a /", 1000), ("RUN b", 4000)]
    return fake.images.add(*NAMES, id=ident, layers=layers)


@pytest.fixture
def image(held: FakeImage, host: Host) -> Image:
    """Its row."""
    return make_image(host, held.id, tags=list(held.tags))


@pytest.fixture
def client(administrator: User, sign_in: Callable[[User], Client]) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


def act(actor: Actor, image: Image, slug: str, **params: Any) -> Job:
    """Ask for it, run it, and return how it went."""
    return ran(request(f"image.{slug}", actor=actor, target_id=image.pk, params=params))


def test_one_name_goes_and_the_image_stays(actor: Actor, image: Image, fake: FakeEngine) -> None:
    job = act(actor, image, "remove", reference=NAMES[0])
    assert (job.state, job.message) == (JobState.SUCCEEDED, f"Removed {NAMES[0]}.")
    assert fake.images.known[image.engine_id].tags == [NAMES[1]]
    assert "The image itself stays" in lines()


def test_the_image_goes_with_all_its_names(actor: Actor, image: Image, fake: FakeEngine) -> None:
    job = act(actor, image, "remove")
    assert (job.state, job.message) == (JobState.SUCCEEDED, f"Removed {NAMES[0]}.")
    assert image.engine_id not in fake.images.known
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_kind) == ("image.remove", "image")


@pytest.mark.parametrize("state", ["running", "exited"])
@pytest.mark.parametrize("force", [False, True])
def test_who_uses_it_is_named_and_nothing_is_changed(
    actor: Actor, image: Image, fake: FakeEngine, state: str, force: bool
) -> None:
    fake.state.add("shop", NAMES[0], state=state)
    job = act(actor, image, "remove", force=force)
    if force and state == "exited":
        assert job.state == JobState.SUCCEEDED
        return
    assert job.state == JobState.FAILED and "shop" in job.message
    assert ("Force does not help" in job.message) == (state == "running")
    assert fake.images.known[image.engine_id].tags == NAMES
    assert act(actor, image, "remove", reference=NAMES[1]).state == JobState.SUCCEEDED


def test_a_name_that_went_to_another_image_stays_there(
    actor: Actor, image: Image, fake: FakeEngine
) -> None:
    other = fake.images.add(NAMES[0], id=f"sha256:{7:064x}")
    for slug in ("remove", "push"):
        job = act(actor, image, slug, reference=NAMES[0])
        assert job.state == JobState.FAILED and "Nothing was" in job.message
    assert other.tags == [NAMES[0]]


def test_an_image_that_is_gone(actor: Actor, image: Image, fake: FakeEngine) -> None:
    fake.images.known.clear()
    for slug, params in (("remove", {}), ("tag", {"reference": "a:1"})):
        job = act(actor, image, slug, **params)
        assert job.state == JobState.FAILED and "no such" in job.message.lower()
    (row,) = job_rows(actor, [job])
    assert row.may_retry
    Image.objects.all().delete()
    (row,) = job_rows(actor, [job])
    assert not row.may_retry


def test_it_gets_one_more_name(actor: Actor, image: Image, fake: FakeEngine) -> None:
    job = act(actor, image, "tag", reference="10.0.0.5:5000/team/app")
    assert job.state == JobState.SUCCEEDED
    assert "10.0.0.5:5000/team/app:latest" in fake.images.known[image.engine_id].tags


def test_it_pushes_layer_by_layer(actor: Actor, image: Image, fake: FakeEngine) -> None:
    job = act(actor, image, "push", reference=NAMES[1])
    assert (job.state, job.progress, job.queue) == (JobState.SUCCEEDED, 100, "transfer")
    assert job.message == f"Pushed {NAMES[1]}."
    assert [(part["state"], part["total"]) for part in parts_of(job)] == [
        ("done", 1000), ("done", 4000),
    ]  # fmt: skip
    assert f"The registry has it as {image.engine_id}." in lines()
    assert NAMES[1] in fake.pulls.registry
    again = act(actor, image, "push", reference=NAMES[1])
    assert {part["state"] for part in parts_of(again)} == {"exists"}


def test_what_breaks_off_leaves_no_tag(actor: Actor, image: Image, fake: FakeEngine) -> None:
    words = {
        "dial tcp 10.0.0.5:5000: connect: connection refused": "could not reach the registry",
        "denied: requested access to the resource is denied": "no account for it is known",
        'failed to copy: failed to do request: Put "http://r/v2/a": write tcp 1->2: use of closed'
        " network connection": "broke off in the middle",
        "received unexpected HTTP status: 500 Internal Server Error": "an error of its own",
        "blob upload invalid: no space left on device": "disk is full",
    }
    for refusal, expected in words.items():
        fake.pulls.refuse = refusal
        job = act(actor, image, "push", reference=NAMES[0])
        assert job.state == JobState.FAILED and expected in job.message
        assert job.error == refusal
        assert NAMES[0] not in fake.pulls.registry


def test_credentials_of_a_push_are_kept_nowhere(
    actor: Actor, image: Image, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.pulls.private = {"registry.test": ("ann", "hunter2")}
    assert "none are known" in act(actor, image, "push", reference=NAMES[0]).message
    login = {"username": "ann", "password": "hunter2", "serveraddress": "registry.test"}
    monkeypatch.setattr("fleet.operations.pushing.auth_for", lambda host, reference: login)
    assert act(actor, image, "push", reference=NAMES[0]).state == JobState.SUCCEEDED
    kept = serializers.serialize("json", [*Job.objects.all(), *JobLine.objects.all()])
    assert "hunter" not in kept


@pytest.mark.parametrize(
    "reference",
    ["", "A:1", "a b", "../x:1", "a:1?x=2", "x" * 5000, "a\x00", "a@sha256:" + "0" * 64],
)
def test_names_that_are_none_are_refused(
    actor: Actor, image: Image, client: Client, reference: str
) -> None:
    for slug in ("tag", "push"):
        with pytest.raises(Invalid) as caught:
            request(
                f"image.{slug}", actor=actor, target_id=image.pk, params={"reference": reference}
            )
        assert "reference" in caught.value.fields
        sent = {"reference": reference, "confirmed": "1"}
        answer = client.post(f"/images/{image.pk}/{slug}/", sent, headers=JSON)
        assert answer.status_code == 400
    assert not Job.objects.exists()


def test_who_may_not(
    image: Image, operator: User, stranger: User, sign_in: Callable[[User], Client]
) -> None:
    for user, error, status in ((operator, Refused, 403), (stranger, Unknown, 404)):
        with pytest.raises(error):
            request("image.remove", actor=actor_for(user), target_id=image.pk)
        for slug in ("remove", "tag", "push"):
            assert sign_in(user).post(f"/images/{image.pk}/{slug}/").status_code == status
    assert sign_in(operator).get(f"/images/{image.pk}/nothing/").status_code == 404
    assert "formaction" not in sign_in(operator).get(f"/images/{image.pk}/").text


def test_a_deployer_may(
    image: Image, make_user: Callable[..., User], sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(make_user("dora", role="deployer", on=image.host))
    assert client.get(f"/images/{image.pk}/").text.count(f"/images/{image.pk}/remove/") == 1
    asked = {"reference": "shop:2", "confirmed": "1"}
    assert client.post(f"/images/{image.pk}/tag/", asked).status_code == 302
    assert Job.objects.get().target_kind == "image"


def test_the_dialog_says_what_uses_it(
    image: Image, client: Client, host: Host, production: Environment
) -> None:
    make_container(host, "shop-1", image_id=image.engine_id)
    make_image(make_host("prod-1", production), image.engine_id)
    page = client.post(f"/images/{image.pk}/remove/", headers=DIALOG)
    for words in ("shop-1", "While a container of it runs", "1 other host", *NAMES, "2 names"):
        assert words in page.text
    assert not Job.objects.exists()


def test_what_one_may_not_see_is_told_without_its_name(
    image: Image, host: Host, make_user: Callable[..., User], sign_in: Callable[[User], Client]
) -> None:
    make_container(host, "hidden-1", image_id=image.engine_id)
    Role.objects.create(name="cleaner", permissions=["host.view", "image.view", "image.remove"])
    user = make_user("carl")
    grant(user, "cleaner", host)
    page = sign_in(user).get(f"/images/{image.pk}/remove/").text
    assert "Containers that you may not see" in page and "hidden-1" not in page


def test_a_careful_environment_wants_the_name_typed(
    fake: FakeEngine, held: FakeImage, production: Environment, client: Client
) -> None:
    image = make_image(make_host("prod-1", production, url=fake.url), held.id, tags=NAMES)
    address = f"/images/{image.pk}/remove/"
    assert client.post(address, {"confirmed": "1"}).status_code == 400
    wrong = client.post(address, {"confirmed": "1", "typed": NAMES[1]})
    assert wrong.status_code == 400 and not Job.objects.exists()
    assert client.post(address, {"confirmed": "1", "typed": NAMES[0]}).status_code == 302


def test_without_a_name_there_is_nothing_to_push(host: Host, client: Client) -> None:
    image = make_image(host, tags=[])
    assert "tag it first" in client.get(f"/images/{image.pk}/push/", headers=DIALOG).text


def test_the_api_answers_with_the_job(image: Image, client: Client) -> None:
    for slug, params in (("tag", {"reference": "a:1"}), ("remove", {"force": True})):
        address = f"/api/v1/images/{image.pk}/{slug}"
        answer = client.post(address, json.dumps(params), "application/json")
        assert answer.status_code == 202, answer.content
        assert answer.json()["target_kind"] == "image"
    wrong = client.post(f"/api/v1/images/{image.pk}/tag", "{}", "application/json")
    assert wrong.status_code == 422
