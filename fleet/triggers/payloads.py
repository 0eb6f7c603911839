"""What a delivery tells: which branch or tag was pushed, to which commit, of which repository.

What is read here was signed, and still is checked: senders have bugs, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from fleet.builds.git import BAD_REF, REF_LIMIT
from fleet.triggers.signatures import Sent

COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
WHOLE_REF = re.compile(r"refs/(heads|tags)/.")
GONE = "0" * 40
CHANGES = 1000  # branches of one delivery that are looked at
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
    more: tuple[Push, ...] = ()  # what moved in the same delivery; Bitbucket alone tells of several

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
    return _of(data, "repository").get("full_name")


def _gitlab(sent: Sent) -> Push:
    event = sent.header("x-gitlab-event")
    if event not in ("Push Hook", "Tag Push Hook"):
        if not event:
            raise BadPayload(_("It does not say which event it is."))
        return Push(event[:EVENT_LIMIT], is_push=False)
    data = _data(sent)
    name = _of(data, "project").get("path_with_namespace")
    return _push(event, data.get("ref"), data.get("after"), name)


def _plain(sent: Sent) -> Push:
    """Anything signed starts a build; `branch` or `tag` (or a whole `ref`) says of what."""
    if sent.header("x-event-key"):
        return _bitbucket(sent.header("x-event-key"), _data(sent))
    data = _data(sent) if sent.body.strip() else {}
    if data.get("ref"):
        return _push("push", data["ref"], data.get("commit"), "")
    branch, tag = _name(data.get("branch")), _name(data.get("tag"))
    if branch and tag:
        raise BadPayload(_("Send a branch or a tag, not both."))
    return Push("push", branch=branch, tag=tag, commit=_commit(data.get("commit")))


def _bitbucket(event: str, data: dict[str, Any]) -> Push:
    """Bitbucket's cloud and its servers tell it differently, both several branches at once."""
    if event == "diagnostics:ping":
        return Push("ping", is_push=False)
    if event not in ("repo:push", "repo:refs_changed"):
        return Push(event[:EVENT_LIMIT], is_push=False)
    cloud = event == "repo:push"
    changes = _of(data, "push").get("changes") if cloud else data.get("changes")
    rows = [row for row in changes if isinstance(row, dict)] if isinstance(changes, list) else []
    if not rows:
        raise BadPayload(_("It does not say what was pushed."))
    name = _full_name(data) if cloud else _server_name(data)
    moved = [_cloud_change(row) if cloud else _server_change(row) for row in rows[:CHANGES]]
    first, *more = _all_that_can_be(event, moved, name)
    return replace(first, more=tuple(more))


def _all_that_can_be(event: str, moved: list[tuple[Any, Any]], name: Any) -> list[Push]:
    """Leave out what no build could be of. Raises BadPayload when nothing is left."""
    found, wrong = [], BadPayload("")
    for ref, after in moved:
        try:
            found.append(_push(event, ref, after, name))
        except BadPayload as error:
            wrong = error
    if not found:
        raise wrong
    return found


def _cloud_change(row: dict[str, Any]) -> tuple[Any, Any]:
    new, old = _of(row, "new"), _of(row, "old")
    told = new or old
    kind = "tags" if told.get("type") == "tag" else "heads"
    after = _of(new, "target").get("hash") if new else GONE
    return f"refs/{kind}/{told.get('name') or ''}", after


def _server_change(row: dict[str, Any]) -> tuple[Any, Any]:
    return _of(row, "ref").get("id"), row.get("toHash")


def _server_name(data: dict[str, Any]) -> str:
    repository = _of(data, "repository")
    return f"{_of(repository, 'project').get('key')}/{repository.get('slug')}"


def _of(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _push(event: str, ref: Any, after: Any, repository: Any) -> Push:
    if not isinstance(ref, str) or not WHOLE_REF.match(ref):
        raise BadPayload(_("“ref” must be a whole name, such as refs/heads/main."))
    commit = _commit(after)
    deleted = bool(commit) and not commit.strip("0")
    return Push(
        event=event[:EVENT_LIMIT],
        branch=_name(ref.removeprefix("refs/heads/")) if ref.startswith("refs/heads/") else "",
        tag=_name(ref.removeprefix("refs/tags/")) if ref.startswith("refs/tags/") else "",
        commit="" if deleted else commit,
        repository=repository[:REPOSITORY_LIMIT] if isinstance(repository, str) else "",
        deleted=deleted,
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
    except ValueError:
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
