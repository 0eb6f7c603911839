"""What comes after a build: what is refused at which field, and who may save it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.models import Build, Environment, Host, JobState, Role, User
from fleet.operations.builds import build_archive, build_update
from fleet.operations.errors import Invalid
from fleet.tokens import create_token
from tests.conftest import make_host
from tests.releases.conftest import TAG, Define, built, end, last, started

Why = Callable[..., dict[str, list[str]]]


@pytest.fixture
def why(define: Define) -> Why:
    def tell(**data: Any) -> dict[str, list[str]]:
        with pytest.raises(Invalid) as refused:
            define(**data)
        assert not Build.objects.exists()
        return refused.value.fields

    return tell


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        ({"push": "yes"}, "push", "true or false"),
        ({"push": True, "tags": []}, "push", "a name"),
        ({"deploy": "explode"}, "deploy", "Choose one of pull"),
        ({"push": True, "deploy": "pull"}, "deploy_hosts", "Choose where"),
        ({"deploy": "pull", "deploy_hosts": ["own"]}, "deploy", "only what was pushed"),
        ({"deploy": "restart", "deploy_hosts": ["other"]}, "deploy_hosts", "only on stage-1"),
        ({"deploy": "restart", "deploy_environments": ["own"]}, "deploy_environments", "only on"),
        ({"push": True, "deploy": "pull", "deploy_hosts": [99]}, "deploy_hosts", "no such host"),
        ({"push": True, "deploy": "pull", "deploy_hosts": "all"}, "deploy_hosts", "list of ids"),
    ],
)
def test_it_refuses_with_reasons(
    why: Why, host: Host, second: Host, data: dict[str, Any], field: str, words: str
) -> None:
    ids = {"own": host.pk, "other": second.pk}
    environments = {"own": host.environment_id}
    for name, known in (("deploy_hosts", ids), ("deploy_environments", environments)):
        if isinstance(data.get(name), list):
            data = {**data, name: [known.get(one, one) for one in data[name]]}
    assert words in " ".join(why(**data)[field])


def test_without_a_push_only_its_own_host(define: Define, host: Host) -> None:
    build = define(deploy="restart", deploy_hosts=[host.pk])
    assert list(build.deploy_hosts.all()) == [host]


def test_who_saves_it_must_be_allowed_all_of_it(
    actor: Actor, define: Define, host: Host, second: Host, make_user: Any
) -> None:
    prod = make_host("prod-1", Environment.objects.create(name="production"))
    dora = actor_for(make_user("dora", role="deployer", on=host))
    with pytest.raises(Invalid, match="no such host"):  # that she may not even see
        define(dora, push=True, deploy="pull", deploy_hosts=[prod.pk])
    with pytest.raises(Invalid, match="no such environment"):
        define(dora, push=True, deploy="pull", deploy_environments=[prod.environment_id])
    with pytest.raises(Invalid, match="in all of: staging"):  # she may on one host of it
        define(dora, push=True, deploy="pull", deploy_environments=[host.environment_id])
    build = define(dora, push=True, deploy="pull", deploy_hosts=[host.pk])
    build_update(actor=actor, build_id=build.pk, data={"deploy_hosts": [host.pk, prod.pk]})
    # Nobody changes what others' runs bring to where they themselves may not.
    with pytest.raises(Invalid, match="others that you do not see"):
        build_update(actor=dora, build_id=build.pk, data={"dockerfile_text": "FROM evil"})
    build_update(actor=actor, build_id=build.pk, data={"source": "archive"})
    with pytest.raises(Invalid, match="others that you do not see") as refused:
        build_archive(actor=dora, build_id=build.pk, name="x.tar", pieces=[b""])
    assert list(refused.value.fields) == ["archive"]
    build_update(actor=dora, build_id=build.pk, data={"push": False, "deploy": ""})
    build.refresh_from_db()
    assert (build.push, build.deploy, build.deploy_hosts.count()) == (False, "", 0)


@pytest.fixture
def client(sign_in: Callable[[User], Client], administrator: User) -> Client:
    return sign_in(administrator)


def test_the_form_keeps_what_it_is_given(client: Client, host: Host, second: Host) -> None:
    sent = {
        "name": "web", "host": host.pk, "dockerfile_text": "FROM scratch", "tags": TAG,
        "push": "on", "deploy": "restart", "deploy_hosts": [second.pk],
        "deploy_environments": [host.environment_id],
    }  # fmt: skip
    wrong = client.post("/builds/add/", {**sent, "push": "", "deploy_environments": []})
    assert wrong.status_code == 422
    assert "only on stage-1: choose just that host" in wrong.content.decode()
    assert client.post("/builds/add/", sent).status_code == 302
    build = Build.objects.get()
    assert (build.push, build.deploy) == (True, "restart")
    assert list(build.deploy_hosts.all()) == [second]
    Environment.objects.create(name="later")  # of no hosts yet
    page = client.get(f"/builds/{build.pk}/edit/").content.decode()
    assert re.findall(r'data-host-group="(\w+)"', page) == ["later", "staging"]
    assert f'name="deploy_hosts" value="{second.pk}" checked' in page
    assert f'name="deploy_hosts" value="{host.pk}"> ' in page
    page = client.get(f"/builds/{build.pk}/").content.decode()
    assert "all of staging, stage-2" in page
    assert "Restart the containers that use it" in page


def test_places_that_one_does_not_see_stay(
    actor: Actor, define: Define, host: Host, make_user: Any, sign_in: Callable[[User], Client]
) -> None:
    prod = make_host("prod-1", Environment.objects.create(name="production"))
    build = define(push=True, deploy="pull", deploy_hosts=[host.pk, prod.pk])
    dora = make_user("dora", role="deployer", on=host)
    client = sign_in(dora)
    page = client.get(f"/builds/{build.pk}/").content.decode()
    assert "places that you do not see" in page
    assert "prod-1" not in page
    assert f"/builds/{build.pk}/run/" not in page  # she may not do all that comes after it
    told = client.get(f"/api/v1/builds/{build.pk}").json()
    assert (told["deploy"], told["deploy_hosts"]) == ("pull", [host.pk])
    sent = {"name": "web", "host": host.pk, "dockerfile_text": "FROM x", "tags": TAG,
            "push": "on", "deploy": "pull"}  # fmt: skip
    answer = client.post(f"/builds/{build.pk}/edit/", sent)
    assert answer.status_code == 422
    assert "others that you do not see" in answer.content.decode()
    assert build.deploy_hosts.count() == 2


# --- Its runs, as they are told ------------------------------------------------------------


def test_the_strip_tells_each_stage(
    actor: Actor, define: Define, second: Host, client: Client
) -> None:
    build = define(push=True, deploy="pull", deploy_hosts=[second.pk])
    run = built(actor, build)
    path = f"/builds/{build.pk}/runs/1/"
    push = last(run)
    assert f'href="/jobs/{push.pk}/"' in client.get(path).content.decode()
    assert "Part of run #1 of web" in client.get(f"/jobs/{push.pk}/").content.decode()
    end(push, JobState.FAILED, "The registry is away.")
    page = client.get(path).content.decode()
    for words in ("The registry is away.", "skipped", "The push did not succeed.",
                  "Go on from here", "failed"):  # fmt: skip
        assert words in page
    assert "push failed" in client.get("/builds/").content.decode()
    assert "push failed" in client.get(f"/builds/{build.pk}/").content.decode()
    assert client.post(f"{path}go-on/").headers["Location"] == path
    run.digests = {run.tags[0] if run.tags else "registry.test/team/web:1": f"sha256:{9:064x}"}
    run.save(update_fields=["digests"])
    end(last(run))
    end(last(run))
    page = client.get(path).content.decode()
    assert "Go on from here" not in page
    assert page.count("circle-check tone-ok") >= 3
    assert "sha256:000000000000" in page
    told = client.get(f"/api/v1/builds/{build.pk}/runs/1").json()
    assert [(one["kind"], one["state"]) for one in told["stages"]] == [
        ("push", "succeeded"), ("deploy", "succeeded"),
    ]  # fmt: skip
    assert [len(one["jobs"]) for one in told["stages"]] == [2, 1]
    assert list(told["digests"].values()) == [f"sha256:{9:064x}"]
    listed = client.get(f"/api/v1/builds/{build.pk}/runs").json()["items"]
    assert listed[0]["stages"] == told["stages"]


def test_the_api_goes_on(actor: Actor, define: Define, client: Client) -> None:
    build = define(push=True)
    run = built(actor, build)
    path = f"/api/v1/builds/{build.pk}/runs/1/go-on"
    end(last(run), JobState.LOST, "Gone.")
    answer = client.post(path)
    assert (answer.status_code, answer.json()["stages"][0]["state"]) == (202, "running")
    end(last(run))
    assert client.post(path).status_code == 422


def test_words_of_jobs_that_one_does_not_see_are_not_told(
    actor: Actor, define: Define, host: Host, make_user: Any, sign_in: Callable[[User], Client]
) -> None:
    prod = make_host("prod-1", Environment.objects.create(name="production"))
    build = define(push=True, deploy="pull", deploy_hosts=[prod.pk])
    run = built(actor, build)
    end(last(run))
    end(last(run), JobState.FAILED, "Could not reach prod-1.")
    client = sign_in(make_user("vic", role="viewer", on=host))
    page = client.get(f"/builds/{build.pk}/runs/1/").content.decode()
    assert "It did not succeed." in page
    assert "prod-1" not in page
    with pytest.raises(Refused):
        build_update(actor=actor_for(User.objects.get(username="vic")), build_id=build.pk, data={})


def test_a_token_that_may_less_starts_no_release(
    define: Define, host: Host, administrator: User
) -> None:
    role = Role.objects.create(
        name="builder", permissions=["host.view", "build.view", "build.run", "build.update"]
    )
    token = create_token(administrator, "ci", role=role)[0]
    narrow = actor_for(administrator, via="api", token=token)
    plain, pushes = define(name="plain"), define(name="pushes", push=True)
    assert started(narrow, plain).number == 1
    with pytest.raises(Refused, match="Push images"):
        started(narrow, pushes)
    with pytest.raises(Invalid, match="Only who may push images on stage-1"):
        build_update(actor=narrow, build_id=plain.pk, data={"push": True})
