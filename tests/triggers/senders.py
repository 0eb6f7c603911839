"""Deliveries as GitHub, GitLab, Gitea and a script send them, signed for real."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlencode

COMMIT = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
GONE = "0" * 40


def github_push(ref: str = "refs/heads/main", after: str = COMMIT, **more: Any) -> bytes:
    """A push as GitHub tells it, shortened; Gitea's has the same names."""
    return json.dumps(
        {
            "ref": ref, "before": "9" * 40, "after": after, "deleted": after == GONE,
            "repository": {
                "id": 1, "name": "app", "full_name": "team/app", "default_branch": "main",
                "clone_url": "https://git.test/team/app.git", "pushed_at": 1774000000,
            },
            "pusher": {"name": "ann", "email": "ann@example.org"},
            "head_commit": {"id": after, "message": "Say hello", "author": {"name": "Ann"}},
            "commits": [], **more,
        }
    ).encode()  # fmt: skip


def gitlab_push(ref: str = "refs/heads/main", kind: str = "push") -> bytes:
    """A push as GitLab tells it, shortened."""
    return json.dumps(
        {
            "object_kind": kind, "event_name": kind, "before": "9" * 40, "after": COMMIT,
            "ref": ref, "checkout_sha": COMMIT, "user_username": "ann", "project_id": 15,
            "project": {"name": "app", "path_with_namespace": "team/app",
                        "git_http_url": "https://git.test/team/app.git"},
            "commits": [], "total_commits_count": 0,
        }
    ).encode()  # fmt: skip


def hexadecimal(secret: str, body: bytes) -> str:
    """The HMAC of a body as GitHub and Gitea spell it."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(secret: str, body: bytes, delivery: str = "d-1", event: str = "push") -> dict[str, str]:
    """The headers of GitHub."""
    return {
        "X-GitHub-Event": event, "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={hexadecimal(secret, body)}",
    }  # fmt: skip


def gitea(secret: str, body: bytes, delivery: str = "d-1", event: str = "push") -> dict[str, str]:
    """The headers of Gitea."""
    return {
        "X-Gitea-Event": event, "X-Gitea-Delivery": delivery,
        "X-Gitea-Signature": hexadecimal(secret, body),
    }  # fmt: skip


def gitea_form(
    secret: str, body: bytes, delivery: str = "d-1", event: str = "push"
) -> dict[str, str]:
    """The headers of Gitea around a form: the JSON in it is what is signed."""
    return gitea(secret, parse_qs(body.decode())["payload"][0].encode(), delivery, event)


def gogs_tag(tag: str = "v1", kind: str = "tag") -> bytes:
    """A new tag as Gogs tells it, shortened: it sends no push for one."""
    return json.dumps(
        {
            "ref": tag, "ref_type": kind, "sha": COMMIT, "default_branch": "main",
            "repository": {"full_name": "team/app"}, "sender": {"username": "ann"},
        }
    ).encode()  # fmt: skip


def gogs(secret: str, body: bytes, delivery: str = "d-1", event: str = "push") -> dict[str, str]:
    """The headers of Gogs."""
    return {
        "X-Github-Event": event, "X-Github-Delivery": delivery, "X-Gogs-Event": event,
        "X-Gogs-Delivery": delivery, "X-Gogs-Signature": hexadecimal(secret, body),
    }  # fmt: skip


def bitbucket(
    secret: str, body: bytes, delivery: str = "d-1", event: str = "repo:push"
) -> dict[str, str]:
    """The headers of Bitbucket."""
    return {
        "X-Event-Key": event, "X-Request-UUID": delivery, "X-Hook-UUID": "always-the-same",
        "X-Hub-Signature": f"sha256={hexadecimal(secret, body)}",
    }  # fmt: skip


def bitbucket_push(*changes: tuple[str, str, str]) -> bytes:
    """A push as Bitbucket's cloud tells it, shortened: (type, name, commit or "") of each."""
    rows: list[dict[str, Any]] = []
    for kind, name, commit in changes or (("branch", "main", COMMIT),):
        here = {"type": kind, "name": name, "target": {"type": "commit", "hash": commit}}
        rows.append({"new": here if commit else None, "old": here, "closed": not commit})
    repository = {"full_name": "team/app", "name": "app", "scm": "git"}
    return json.dumps({"push": {"changes": rows}, "repository": repository}).encode()


def bitbucket_server_push(*changes: tuple[str, str]) -> bytes:
    """A push as Bitbucket's servers tell it, shortened: (ref, commit) of each."""
    rows = [
        {"ref": {"id": ref, "type": "BRANCH"}, "refId": ref, "toHash": commit, "type": "UPDATE"}
        for ref, commit in changes or (("refs/heads/main", COMMIT),)
    ]
    repository = {"slug": "app", "project": {"key": "TEAM"}}
    told = {"eventKey": "repo:refs_changed", "repository": repository, "changes": rows}
    return json.dumps(told).encode()


def bitbucket_server(
    secret: str, body: bytes, delivery: str = "d-1", event: str = "repo:refs_changed"
) -> dict[str, str]:
    """The headers of Bitbucket's servers."""
    headers = bitbucket(secret, body, delivery, event)
    headers["X-Request-Id"] = headers.pop("X-Request-UUID")
    return headers


def gitlab(
    secret: str, body: bytes, delivery: str = "d-1", event: str = "Push Hook"
) -> dict[str, str]:
    """The headers of GitLab with a secret token."""
    return {
        "X-Gitlab-Event": event, "X-Gitlab-Token": secret, "Idempotency-Key": delivery,
        "X-Gitlab-Webhook-UUID": "the-same-each-time", "X-Gitlab-Event-UUID": f"e-{delivery}",
    }  # fmt: skip


def standard(
    secret: str, body: bytes, delivery: str = "d-1", at: float | None = None
) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    moment = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{delivery}.{moment}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {
        "webhook-id": delivery, "webhook-timestamp": moment,
        "webhook-signature": f"v1,AAAA {signature}",
    }  # fmt: skip


def gitlab_signed(secret: str, body: bytes, delivery: str = "d-1", **more: Any) -> dict[str, str]:
    """The headers of GitLab with a signing token."""
    return {"X-Gitlab-Event": "Push Hook", **standard(secret, body, delivery, **more)}


def as_form(body: bytes) -> bytes:
    """A body as GitHub sends it when a form was chosen."""
    return urlencode({"payload": body.decode()}).encode()
