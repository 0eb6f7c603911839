"""Deliveries of each sender: what starts a run, what does not, and what is not told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from fleet.actor import Actor
from fleet.models import (
    AuditEntry,
    Build,
    BuildRun,
    Host,
    Job,
    User,
    Webhook,
    WebhookDelivery,
    WebhookMemory,
)
from fleet.operations import deliveries
from fleet.operations.requests import request
from fleet.operations.webhooks import webhook_rotate, webhook_update
from fleet.triggers.globs import BadGlobs, matches, parse_globs
from tests.triggers.conftest import Deliver
from tests.triggers.senders import (
    COMMIT,
    GONE,
    as_form,
    bitbucket,
    bitbucket_push,
    bitbucket_server,
    bitbucket_server_push,
    gitea,
    github,
    github_push,
    gitlab,
    gitlab_push,
    gitlab_signed,
    gogs,
    standard,
)

Hook = Callable[..., tuple[Webhook, str]]
Sign = Callable[..., dict[str, str]]
SENDERS: list[tuple[str, Sign, bytes]] = [
    ("github", github, github_push()),
    ("gitea", gitea, github_push()),
    ("gitea", gogs, github_push()),
    ("gitlab", gitlab, gitlab_push()),
    ("gitlab", gitlab_signed, gitlab_push()),
    ("plain", bitbucket, bitbucket_push()),
    ("plain", bitbucket_server, bitbucket_server_push()),
    ("plain", standard, b'{"branch": "main", "commit": "6dcb09b"}'),
]
ALL = pytest.mark.parametrize(("kind", "sign", "body"), SENDERS)


@ALL
def test_a_push_starts_a_run_once(
    kind: str, sign: Sign, body: bytes, hook: Hook, deliver: Deliver, build: Build
) -> None:
    webhook, secret = hook(kind)
    answer = deliver(webhook, body, sign(secret, body))
    assert (answer.status_code, answer.json()) == (
        202, {"message": "Started run #1.", "result": "started", "run": 1},
    )  # fmt: skip
    job = Job.objects.get()
    assert (job.operation, job.via, job.actor_name, job.params) == (
        "build.run", "webhook", "dora", {},
    )  # fmt: skip
    row = WebhookDelivery.objects.get()
    assert (row.delivery_id, row.ref, row.result, row.job) == ("d-1", "main", "started", job)
    assert COMMIT.startswith(row.commit)
    # The same again, whatever became of the run.
    Job.objects.update(state="succeeded")
    again = deliver(webhook, body, sign(secret, body))
    assert again.status_code == 409
    assert again.json()["message"].startswith("This came before")
    assert WebhookDelivery.objects.latest("pk").ref == "main"
    assert Job.objects.count() == 1
    entry = AuditEntry.objects.get(action="build.run")
    assert (entry.via, entry.actor_name, entry.target_name) == ("webhook", "dora", "app")


@pytest.mark.parametrize(("kind", "sign"), [("github", github), ("gitea", gitea), ("gitea", gogs)])
def test_the_same_body_under_another_id_is_a_replay(
    kind: str, sign: Sign, hook: Hook, deliver: Deliver
) -> None:
    """Their id is not signed: whoever caught one could give it another."""
    webhook, secret = hook(kind)
    body = github_push()
    assert deliver(webhook, body, sign(secret, body, "d-1")).status_code == 202
    Job.objects.update(state="succeeded")
    assert deliver(webhook, body, sign(secret, body, "d-2")).status_code == 409
    headers = sign(secret, body)
    assert deliver(webhook, body, {k: v for k, v in headers.items() if "Delivery" not in k}
                   ).status_code == 409  # fmt: skip
    assert Job.objects.count() == 1


@ALL
def test_whoever_cannot_sign_learns_nothing(
    kind: str, sign: Sign, body: bytes, hook: Hook, deliver: Deliver
) -> None:
    webhook, secret = hook(kind)
    other = hook(kind, name="other")[1]
    nobodys = deliver("x" * 32, body, sign(secret, body))
    refused = [
        deliver(webhook, body, sign(other, body)),  # another secret
        deliver(webhook, body, {}),  # none
        deliver(webhook, b"", {}),
        deliver(webhook, body, {name: f"{value}é" for name, value in sign(secret, body).items()}),
    ]
    if sign is not gitlab:  # a token says nothing about the body
        refused.append(deliver(webhook, body.replace(b"main", b"evil"), sign(secret, body)))
    assert {(one.status_code, one.content) for one in refused} == {(401, nobodys.content)}
    assert nobodys.status_code == 401
    assert not Job.objects.exists()
    assert not WebhookDelivery.objects.exists()
    webhook.refresh_from_db()
    assert webhook.refused_at is not None
    assert secret not in webhook.refused_why
    assert secret not in webhook.secret_encrypted


@pytest.mark.parametrize(
    ("late", "status"), [(0, 202), (290, 202), (-290, 202), (310, 401), (-310, 401)]
)
def test_a_signed_time_is_near_ours(late: int, status: int, hook: Hook, deliver: Deliver) -> None:
    webhook, secret = hook("plain")
    headers = standard(secret, b"{}", at=time.time() - late)
    assert deliver(webhook, b"{}", headers).status_code == status
    webhook.refresh_from_db()
    assert ("clock" in webhook.refused_why) == (status == 401)


@pytest.mark.parametrize("at", ["\u00b2", "-1", "1e9", "9" * 13, "now"])
def test_a_signed_time_is_a_number(at: str, hook: Hook, deliver: Deliver) -> None:
    webhook, secret = hook("plain")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"d-1.{at}.".encode() + b"{}", hashlib.sha256).digest()
    headers = {
        "webhook-id": "d-1", "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }  # fmt: skip
    assert deliver(webhook, b"{}", headers).status_code == 401
    webhook.refresh_from_db()
    assert "clock" in webhook.refused_why


def test_a_time_that_was_not_signed_does_not_count(hook: Hook, deliver: Deliver) -> None:
    webhook, secret = hook("plain")
    headers = standard(secret, b"{}", at=time.time() - 400)
    headers["webhook-timestamp"] = str(int(time.time()))
    assert deliver(webhook, b"{}", headers).status_code == 401


@pytest.mark.parametrize(
    ("ref", "status", "params"),
    [
        ("refs/heads/main", 202, {}),
        ("refs/heads/release/1", 202, {"ref": "release/1"}),
        ("refs/heads/feature", 200, None),
        ("refs/tags/v1.2", 202, {"ref": "v1.2"}),
        ("refs/tags/test", 200, None),
        ("refs/notes/x", 400, None),
        ("refs/heads/", 400, None),
        ("refs/heads/--upload-pack=x", 400, None),
        ("refs/heads/" + "x" * 300, 400, None),
    ],
)
def test_which_branch_is_built(
    ref: str, status: int, params: dict[str, str] | None, hook: Hook, deliver: Deliver
) -> None:
    webhook, secret = hook(tags="v*")
    body = github_push(ref)
    assert deliver(webhook, body, github(secret, body)).status_code == status
    assert [job.params for job in Job.objects.all()] == ([] if params is None else [params])


def test_pushes_while_a_run_waits_are_that_run(
    hook: Hook, deliver: Deliver, build: Build, deployer: Actor
) -> None:
    webhook, secret = hook()
    asked = request("build.run", actor=deployer, target_id=build.pk)
    for number in (1, 2):
        body = github_push(after=f"{number}" * 40)
        answer = deliver(webhook, body, github(secret, body, f"d-{number}"))
        assert answer.json()["result"] == "joined"
    other = github_push("refs/heads/release/1")
    assert deliver(webhook, other, github(secret, other, "d-3")).json()["run"] == 2
    assert Job.objects.count() == BuildRun.objects.count() == 2
    assert WebhookDelivery.objects.filter(job=asked).count() == 2


@pytest.mark.parametrize(
    ("event", "body", "words"),
    [
        ("ping", b'{"zen": "x"}', "A ping"),
        ("issues", b"{}", "“issues” is no push"),
        ("push", github_push(after=GONE), "was deleted"),
        ("push", github_push(repository={"full_name": "team/other"}), "“team/other”"),
        ("push", github_push(repository={"full_name": "m/app"}), "“m/app”"),
        ("push", github_push(repository={"full_name": "Team/App"}), "Started run"),
        ("push", github_push(repository=None), "Started run"),
    ],
)
def test_what_is_not_for_this_build_is_ignored(
    event: str, body: bytes, words: str, hook: Hook, deliver: Deliver
) -> None:
    webhook, secret = hook()
    answer = deliver(webhook, body, github(secret, body, event=event))
    assert answer.status_code in (200, 202)
    assert words in answer.json()["message"]
    assert Job.objects.count() == ("Started" in words)


def test_what_was_ignored_may_come_again(
    hook: Hook, deliver: Deliver, deployer: Actor, build: Build
) -> None:
    webhook, secret = hook(branches="release/*")
    body = github_push()
    assert deliver(webhook, body, github(secret, body)).json()["result"] == "ignored"
    change = {"branches": "main"}
    webhook_update(actor=deployer, build_id=build.pk, webhook_id=webhook.pk, data=change)
    assert deliver(webhook, body, github(secret, body)).json()["result"] == "started"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"{", "application/json", "not JSON"),
        (b"[]", "application/json", "an object"),
        (b"[" * 500_000, "application/json", "nested"),
        (b'{"ref": 5}', "application/json", "whole name"),
        (b'{"ref": "refs/heads/main", "after": ["x"]}', "application/json", "hexadecimal"),
        (b"\xff\xfe", "application/json", "not JSON"),
        (b"payload=%7B", "application/x-www-form-urlencoded", "not JSON"),
        (b"other=1", "application/x-www-form-urlencoded", "payload"),
    ],
)
def test_a_body_that_says_nothing(
    body: bytes, kind: str, words: str, hook: Hook, deliver: Deliver
) -> None:
    webhook, secret = hook()
    answer = deliver(webhook, body, github(secret, body), content_type=kind)
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert WebhookDelivery.objects.get().result == "refused"


def test_a_form_and_nothing_at_all(hook: Hook, deliver: Deliver) -> None:
    webhook, secret = hook()
    body = as_form(github_push())
    form = "application/x-www-form-urlencoded; charset=utf-8"
    assert deliver(webhook, body, github(secret, body), content_type=form).status_code == 202
    plain, secret = hook("plain", branches="")
    answer = deliver(plain, b"", standard(secret, b""))
    assert answer.json()["result"] == "joined"
    zipped = deliver(plain, b"x", {**standard(secret, b"x"), "Content-Encoding": "gzip"})
    assert zipped.status_code == 415


def test_it_runs_with_what_its_owner_may_now(
    hook: Hook, deliver: Deliver, dora: User, build: Build
) -> None:
    webhook, secret = hook()

    def sent(number: int) -> Any:
        body = github_push(after=f"{number}" * 40)
        return deliver(webhook, body, github(secret, body, f"d-{number}"))

    dora.grants.update(role=1)  # a viewer
    assert sent(1).status_code == 403
    assert "dora may not run" in WebhookDelivery.objects.latest("pk").words
    dora.grants.all().delete()
    assert sent(2).status_code == 403
    User.objects.filter(pk=dora.pk).update(is_superuser=True, is_active=False)
    assert sent(3).status_code == 403
    Webhook.objects.update(owner=None)
    assert "owner is gone" in sent(4).json()["message"]
    assert not Job.objects.exists()
    refused = AuditEntry.objects.filter(action="build.run", result="refused")
    assert [(entry.via, entry.target_name) for entry in refused] == [("webhook", "app")] * 4


def test_a_host_that_is_off_and_a_webhook_that_is(hook: Hook, deliver: Deliver, host: Host) -> None:
    webhook, secret = hook()
    body = github_push()
    Host.objects.update(state="disabled")
    answer = deliver(webhook, body, github(secret, body))
    assert (answer.status_code, answer.json()["result"]) == (422, "refused")
    assert "switched off" in answer.json()["message"]
    Host.objects.update(state="reachable")
    Webhook.objects.update(enabled=False)
    assert deliver(webhook, body, github(secret, body)).json()["result"] == "ignored"
    assert not Job.objects.exists()


def test_a_new_secret_ends_the_old_one(
    hook: Hook, deliver: Deliver, deployer: Actor, build: Build
) -> None:
    webhook, old = hook()
    _row, new = webhook_rotate(actor=deployer, build_id=build.pk, webhook_id=webhook.pk)
    body = github_push()
    assert deliver(webhook, body, github(old, body)).status_code == 401
    assert deliver(webhook, body, github(new, body)).status_code == 202


def test_what_is_kept_is_bounded_and_outlasts_the_list(
    hook: Hook, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "KEPT", 3)
    monkeypatch.setattr(deliveries, "REMEMBERED", 12)
    webhook, secret = hook()
    first = github_push()
    for number in range(6):
        body = first if not number else github_push(after=f"{number}" * 40)
        deliver(webhook, body, github(secret, body, f"d-{number}"))
        Job.objects.update(state="succeeded")
    assert WebhookDelivery.objects.count() == 3
    assert deliver(webhook, first, github(secret, first, "d-9")).status_code == 409
    body = github_push(after="a" * 40)
    deliver(webhook, body, github(secret, body, "d-10"))
    assert WebhookMemory.objects.count() == 12


def test_it_slows_down_who_guesses_and_nobody_else(
    hook: Hook, deliver: Deliver, settings: Any
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"webhook_failed": "2/m/ip", "webhook": "2/m/key"}
    webhook, secret = hook()
    body = github_push()
    for number in range(2):  # right ones are not counted as failures
        headers = github(secret, body, f"d-{number}")
        assert deliver(webhook, body, headers).status_code in (202, 409)
    assert deliver(webhook, body, github(secret, body, "d-3")).status_code == 429
    for status in (401, 401, 429):
        assert deliver("y" * 32, body, {}).status_code == status
    assert deliver("y" * 32, body, {}, REMOTE_ADDR="10.9.8.7").status_code == 401
    other, other_secret = hook(name="other")  # from the address of who guesses
    assert deliver(other, body, github(other_secret, body, "d-4")).status_code in (202, 409)


def test_a_refusal_is_noted_once_a_minute(hook: Hook, deliver: Deliver) -> None:
    webhook, _secret = hook()
    deliver(webhook, b"{}", {})
    webhook.refresh_from_db()
    first = webhook.refused_at
    deliver(webhook, b"{}", {})
    webhook.refresh_from_db()
    assert webhook.refused_at == first
    Webhook.objects.update(refused_at=F("refused_at") - timedelta(minutes=2))
    deliver(webhook, b"{}", {})
    webhook.refresh_from_db()
    assert first is not None
    assert webhook.refused_at is not None
    assert webhook.refused_at > first


@pytest.mark.parametrize(
    ("globs", "name", "meant"),
    [
        ("", "main", False),
        ("*", "feature/x", True),
        ("main, release/*", "release/1/2", True),
        ("main, release/*", "mainline", False),
        ("*, !wip/*", "wip/x", False),
        ("!wip/*", "main", True),
        ("v?.*.*", "v1.2.3", True),
        ("v?.*.*", "v1.2", False),
        ("a*a", "a", False),
        ("a**b*c", "axxbyyc", True),
        ("*" * 3 + "x", "y" * 200, False),
        (",".join(["*a" * 100]), "a" * 200, True),
        ("*a" * 100, "a" * 99 + "b", False),
    ],
)
def test_globs(globs: str, name: str, meant: bool) -> None:
    assert matches(parse_globs(globs), name) is meant


@pytest.mark.parametrize("globs", ["a..b\\", "[ab]", "x:y", "!", "!!x", "a " * 31, "x" * 501])
def test_what_is_no_glob(globs: str) -> None:
    with pytest.raises(BadGlobs):
        parse_globs(" ".join(f"{n}{part}" for n, part in enumerate(globs.split()))
                    if "a " in globs else globs)  # fmt: skip
