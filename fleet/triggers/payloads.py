"""What a delivery tells: which branch or tag was pushed, to which commit, of which repository.

What is read here was signed, and still is checked: senders have bugs, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from fleet.builds.git import BAD_REF, REF_LIMIT
from fleet.triggers.signatures import Sent

COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
WHOLE_REF = re.compile(r"refs/(heads|tags)/.")
EVENT_LIMIT = 60
REPOSITORY_LIMIT = 300


class BadPayload(ValueError):
    """A body that says nothing; `str()` says what is wrong with it."""


@dataclass(frozen=True)
class Push:
    """A branch or a tag that moved, or was made; `event` alone for what is none."""

    event: str
    branch: str = ""
    tag: str = ""
    commit: str = ""
    repository: str = ""  # team/app; "" where it is not told
    deleted: bool = False
    is_push: bool = True

    @property
    def ref(self) -> str:
        """The branch or the tag."""
        return self.branch or self.tag


def read_push(kind: str, sent: Sent) -> Push:
    """Return what a delivery is about. Raises BadPayload."""
    return READERS[kind](sent)


def _github(sent: Sent) -> Push:
    return _like_github(sent, sent.header("x-github-event"))


def _gitea(sent: Sent) -> Push:
    event = sent.header("x-gitea-event", "x-forgejo-event")
    if not event and sent.header("x-gogs-event") == "create":
        return _made_in_gogs(sent)
    return _like_github(sent, event or sent.header("x-gogs-event"))


def _made_in_gogs(sent: Sent) -> Push:
    """Gogs tells of a new tag by this alone; of a new branch by a push, too."""
    data = _data(sent)
    if data.get("ref_type") != "tag":
        return Push("create", is_push=False)
    return _push("create", f"refs/tags/{data.get('ref')}", data.get("sha"), _full_name(data))


def _like_github(sent: Sent, event: str) -> Push:
    if not event:
        raise BadPayload(_("It does not say which event it is."))
    if event != "push":
        return Push(event[:EVENT_LIMIT], is_push=False)
    data = _data(sent)
    return _push(event, data.get("ref"), data.get("after"), _full_name(data))


def _full_name(data: dict[str, Any]) -> Any:
    repository = data.get("repository")
    return repository.get("full_name") if isinstance(repository, dict) else ""


def _gitlab(sent: Sent) -> Push:
    event = sent.header("x-gitlab-event")
    if event not in ("Push Hook", "Tag Push Hook"):
        if not event:
            raise BadPayload(_("It does not say which event it is."))
        return Push(event[:EVENT_LIMIT], is_push=False)
    data = _data(sent)
    project = data.get("project")
    name = project.get("path_with_namespace") if isinstance(project, dict) else ""
    return _push(event, data.get("ref"), data.get("after"), name)


def _plain(sent: Sent) -> Push:
    """Anything signed starts a build; `branch` or `tag` (or a whole `ref`) says of what."""
    data = _data(sent) if sent.body.strip() else {}
    if data.get("ref"):
        return _push("push", data["ref"], data.get("commit"), "")
    branch, tag = _name(data.get("branch")), _name(data.get("tag"))
    if branch and tag:
        raise BadPayload(_("Send a branch or a tag, not both."))
    return Push("push", branch=branch, tag=tag, commit=_commit(data.get("commit")))


def _push(event: str, ref: Any, after: Any, repository: Any) -> Push:
    if not isinstance(ref, str) or not WHOLE_REF.match(ref):
        raise BadPayload(_("“ref” must be a whole name, such as refs/heads/main."))
    commit = _commit(after)
    return Push(
        event=event[:EVENT_LIMIT],
        branch=_name(ref.removeprefix("refs/heads/")) if ref.startswith("refs/heads/") else "",
        tag=_name(ref.removeprefix("refs/tags/")) if ref.startswith("refs/tags/") else "",
        commit=commit,
        repository=repository[:REPOSITORY_LIMIT] if isinstance(repository, str) else "",
        deleted=bool(commit) and not commit.strip("0"),
    )


def _name(value: Any) -> str:
    """Return the name of a branch or tag, checked as those that people type are."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or len(value) > REF_LIMIT or BAD_REF.search(value):
        raise BadPayload(_("The name of its branch or tag cannot be one."))
    return value


def _commit(value: Any) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not COMMIT.match(value):
        raise BadPayload(_("Its commit must be 7 to 64 hexadecimal letters."))
    return value


def _data(sent: Sent) -> dict[str, Any]:
    """Return the JSON object of a body."""
    try:
        text = sent.json()
    except (KeyError, ValueError):
        raise BadPayload(_("A form must have the JSON in its field “payload”.")) from None
    try:
        data = json.loads(text)
    except RecursionError:
        raise BadPayload(_("Its JSON is nested too deeply.")) from None
    except ValueError:
        raise BadPayload(_("Its body is not JSON.")) from None
    if not isinstance(data, dict):
        raise BadPayload(_("Its JSON must be an object."))
    return data


READERS: dict[str, Callable[[Sent], Push]] = {
    "github": _github,
    "gitlab": _gitlab,
    "gitea": _gitea,
    "plain": _plain,
}
