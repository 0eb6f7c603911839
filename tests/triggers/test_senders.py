"""What only one sender does, or two do differently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from fleet.models import Job, Webhook, WebhookDelivery
from fleet.triggers import signatures
from fleet.triggers.signatures import Sent
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
    gitea_form,
    github,
    github_push,
    gitlab,
    gitlab_push,
    gitlab_signed,
    gogs,
    gogs_tag,
)

Hook = Callable[..., tuple[Webhook, str]]
Sign = Callable[..., dict[str, str]]


@pytest.mark.parametrize(
    ("kind", "headers", "words"),
    [
        ("github", gogs("s", b"{}"), "It looks like Gogs, and this webhook is of another kind"),
        ("github", {**github("s", b"{}"), "X-Gitea-Event": "push"}, "It looks like Gitea"),
        ("plain", gitlab("s", b"{}"), "It looks like GitLab"),
        ("github", bitbucket("s", b"{}"), "It looks like Bitbucket"),
        ("gitea", gitea("s", b"{}"), "Its signature does not fit"),
        ("gitea", {"X-Gitea-Event": "push", "X-Gitea-Signature": ""}, "Is the secret set there?"),
    ],
)
def test_another_sender_than_was_chosen_is_told(
    kind: str, headers: dict[str, str], words: str, hook: Hook, deliver: Deliver
) -> None:
    webhook, _secret = hook(kind)
    assert deliver(webhook, b"{}", headers).status_code == 401
    webhook.refresh_from_db()
    assert words in webhook.refused_why


def test_a_signature_that_does_not_fit_is_not_helped_by_a_token(
    hook: Hook, deliver: Deliver
) -> None:
    webhook, secret = hook("gitlab")
    body = gitlab_push()
    both = {**gitlab(secret, body), **gitlab_signed(secret, b"another")}
    assert deliver(webhook, body, both).status_code == 401


@pytest.mark.parametrize("more", [{}, {"commits": [{"message": "größer & = +"}]}])
def test_a_form_of_gitea_is_signed_inside(
    more: dict[str, Any], hook: Hook, deliver: Deliver
) -> None:
    webhook, secret = hook("gitea")
    push = github_push(**more)
    body, form = as_form(push), "application/x-www-form-urlencoded"
    outside = gitea(secret, body)
    assert deliver(webhook, body, outside, content_type=form).status_code == 401
    signed = gitea_form(secret, body)
    assert deliver(webhook, body, signed, content_type=form).status_code == 202
    # What was signed is the same, however it is packed.
    assert deliver(webhook, push, gitea(secret, push, "d-2")).status_code == 409
    for bad in (b"other=1", b"payload=%7B", b"&".join([b"a=1"] * 20)):
        assert deliver(webhook, bad, signed, content_type=form).status_code == 401


@pytest.mark.parametrize("piece", [3, 4, 64])
def test_a_form_is_unpacked_piece_by_piece(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No escape is cut in two, and nothing but the field is unpacked."""
    monkeypatch.setattr(signatures, "PIECE", piece)
    raw = bytes(range(256)) + b"%41 + & payload=%"
    for form in (
        urlencode({"payload": raw}),
        urlencode({"a": "payload=1", "payload": raw, "z": 2}),
    ):
        sent = Sent({"content-type": f"{signatures.FORM}; charset=utf-8"}, form.encode(), 0)
        assert sent.json() == raw
    for bad in (b"", b"payload", b"payload=", b"xpayload=1", b"a=1&payload=&b=2"):
        with pytest.raises(ValueError, match="payload"):
            Sent({"content-type": signatures.FORM}, bad, 0).json()


def test_little_work_is_done_for_a_form_before_it_proves_anything(
    hook: Hook, deliver: Deliver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"webhook_failed": "2/m/ip", "webhook": "9/m/key"}
    webhook, secret = hook("gitea")
    unpacked = []

    def field(form: bytes) -> bytes:
        unpacked.append(len(form))
        return b""

    monkeypatch.setattr(signatures, "_field", field)
    signed, kind = gitea("wrong", b"{}"), signatures.FORM
    long = b"payload=" + b"%41" * (signatures.FORM_BYTES // 3)
    assert deliver(webhook, long, signed, content_type=kind).status_code == 401
    webhook.refresh_from_db()
    assert "larger than 1 MB" in webhook.refused_why and not unpacked
    statuses = [
        deliver(webhook, b"payload=1", signed, content_type=kind).status_code for _ in range(3)
    ]
    assert (statuses, unpacked) == ([401, 429, 429], [9])
    body = github_push()  # JSON is little work: whoever signs is let in from there, too
    assert deliver(webhook, body, gitea(secret, body)).status_code == 202


def test_gogs_tells_of_a_tag_in_its_own_way(hook: Hook, deliver: Deliver) -> None:
    webhook, secret = hook("gitea", tags="v*")

    def sent(number: int, body: bytes, sign: Sign = gogs) -> str:
        headers = sign(secret, body, f"d-{number}", event="create")
        return str(deliver(webhook, body, headers).json()["message"])

    assert sent(1, gogs_tag()) == "Started run #1."
    assert Job.objects.get().params == {"ref": "v1"}
    assert "not one of those" in sent(2, gogs_tag("test"))
    assert "whole name" in sent(3, gogs_tag(""))
    assert "no push" in sent(4, gogs_tag("main", "branch"))
    # Gitea sends a push for a tag, so that this would be a second run.
    assert "no push" in sent(5, gogs_tag("v2"), gitea)
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "words", "ref"),
    [
        (bitbucket_push(("branch", "wip", COMMIT), ("branch", "release/2", COMMIT)), "Started",
         "release/2"),
        (bitbucket_push(("tag", "v3", COMMIT)), "Started", "v3"),
        (bitbucket_push(("branch", "main", "")), "“main” was deleted", "main"),
        (bitbucket_push(("branch", "wip", COMMIT), ("tag", "x", COMMIT)), "“wip” is not", "wip"),
        (bitbucket_push(("branch", "--x", COMMIT)), "cannot be one", ""),
        (b'{"push": {"changes": []}}', "what was pushed", ""),
        (b'{"push": [], "changes": [{}]}', "what was pushed", ""),
    ],
)  # fmt: skip
def test_bitbucket_tells_of_several_at_once(
    body: bytes, words: str, ref: str, hook: Hook, deliver: Deliver
) -> None:
    webhook, secret = hook("plain", tags="v*")
    assert words in deliver(webhook, body, bitbucket(secret, body)).json()["message"]
    row = WebhookDelivery.objects.get()
    assert (row.ref, row.commit) == (ref, COMMIT if ref and "deleted" not in words else "")


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([("branch", "main", COMMIT)], "Started run #1."),
        ([("branch", "wip", COMMIT), ("branch", "--x", COMMIT)], "Started run #1."),
        ([("tag", "v1", COMMIT)],
         "Started run #1. 1 more branch or tag was pushed and not built."),
        ([("branch", f"release/{number}", COMMIT) for number in range(40)],
         "Started run #1. 40 more branches or tags were pushed and not built."),
    ],
)  # fmt: skip
def test_what_was_pushed_and_not_built_is_told(
    others: list[tuple[str, str, str]], words: str, hook: Hook, deliver: Deliver
) -> None:
    webhook, secret = hook("plain", tags="v*")
    body = bitbucket_push(("branch", "--odd", COMMIT), ("branch", "main", COMMIT), *others)
    assert deliver(webhook, body, bitbucket(secret, body)).json()["message"] == words
    assert WebhookDelivery.objects.get().words == words


@pytest.mark.parametrize(
    ("body", "event", "words"),
    [
        (bitbucket_server_push(("refs/tags/v1", COMMIT)), "repo:refs_changed", "Started"),
        (bitbucket_server_push(("refs/heads/main", GONE)), "repo:refs_changed", "was deleted"),
        (b'{"changes": [{"ref": "x"}]}', "repo:refs_changed", "whole name"),
        (b'{"test": true}', "diagnostics:ping", "A ping"),
        (b"{}", "pr:merged", "“pr:merged” is no push"),
    ],
)
def test_a_server_of_bitbucket_has_words_of_its_own(
    body: bytes, event: str, words: str, hook: Hook, deliver: Deliver
) -> None:
    webhook, secret = hook("plain", tags="v*")
    headers = bitbucket_server(secret, body, event=event)
    assert words in deliver(webhook, body, headers).json()["message"]
