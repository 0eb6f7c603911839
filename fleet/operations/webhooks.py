"""Webhooks of builds: add, change, give a new secret, remove."""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet import audit
from fleet.access import access_webhook
from fleet.actor import Actor
from fleet.models import Webhook, WebhookKind
from fleet.operations.errors import Invalid
from fleet.operations.inputs import Reader
from fleet.operations.requests import lock_row
from fleet.operations.triggers import (
    CHANGE,
    LIMIT,
    access_to_change,
    changes_of,
    operation,
    take_over,
)
from fleet.publish import BuildsChanged, publish_on_commit
from fleet.triggers.globs import LENGTH_LIMIT, BadGlobs, parse_globs
from fleet.triggers.signatures import PREFIX, key_of, new_secret

FIELDS = ("name", "kind", "branches", "tags", "enabled")
ID_BYTES = 24
SECRET_LEAST, SECRET_MOST = 16, 200


def webhook_create(*, actor: Actor, build_id: int, data: Mapping[str, Any]) -> tuple[Webhook, str]:
    """Add a webhook from FIELDS and `secret` (without: one is made); return it and the secret.

    The secret is not told a second time. Raises Unknown, Refused or Invalid.
    """
    build = access_to_change(actor, build_id)
    with transaction.atomic():
        lock_row(build)
        if build.webhooks.count() >= LIMIT:
            sentence = _("This build has %(limit)d webhooks. Remove one first.")
            raise Invalid({"": [sentence % {"limit": LIMIT}]})
        new = Webhook(build=build, branches=build.git_ref or "main")
        row, secret = _read(data, new, secret=True)
        row.public_id = random.token_urlsafe(ID_BYTES)
        row.secret = secret
        take_over(row, actor)
        row.save(force_insert=True)
        audit.record(actor, CREATE.name, build, detail=_facts(row))
        publish_on_commit(BuildsChanged([build.pk]))
    return row, secret


def webhook_update(
    *, actor: Actor, build_id: int, webhook_id: int, data: Mapping[str, Any]
) -> Webhook:
    """Change what `data` names; it runs as the actor from now on.

    Raises Unknown, Refused or Invalid.
    """
    build = access_to_change(actor, build_id)
    with transaction.atomic():
        lock_row(build)
        row = access_webhook(actor, build_id, webhook_id, CHANGE)
        before = _facts(row)
        row, _secret = _read(data, row, secret=False)
        take_over(row, actor)
        row.save()
        detail = {"webhook": row.name, "changes": changes_of(before, _facts(row))}
        audit.record(actor, UPDATE.name, row.build, detail=detail)
        publish_on_commit(BuildsChanged([row.build_id]))
    return row


def webhook_rotate(
    *, actor: Actor, build_id: int, webhook_id: int, secret: str = ""
) -> tuple[Webhook, str]:
    """Replace the secret, by a given one or by a new one; return it, this once.

    The old one counts for nothing at once. Raises Unknown, Refused or Invalid.
    """
    build = access_to_change(actor, build_id)
    with transaction.atomic():
        lock_row(build)
        row = access_webhook(actor, build_id, webhook_id, CHANGE)
        reader = Reader({"secret": secret}, ("secret",))
        row.secret = new = _secret(reader)
        reader.finish()
        row.secret_at, row.refused_at, row.refused_why = timezone.now(), None, ""
        take_over(row, actor)
        row.save()
        audit.record(actor, ROTATE.name, row.build, detail={"webhook": row.name})
        publish_on_commit(BuildsChanged([row.build_id]))
    return row, new


def webhook_remove(*, actor: Actor, build_id: int, webhook_id: int) -> None:
    """Remove a webhook with its deliveries. Raises Unknown or Refused."""
    row = access_webhook(actor, build_id, webhook_id, CHANGE)
    with transaction.atomic():
        audit.record(actor, REMOVE.name, row.build, detail=_facts(row))
        Webhook.objects.filter(pk=row.pk).delete()
        publish_on_commit(BuildsChanged([row.build_id]))


def _read(data: Mapping[str, Any], row: Webhook, *, secret: bool) -> tuple[Webhook, str]:
    reader = Reader(data, (*FIELDS, "secret") if secret else FIELDS)
    row.name = reader.name("name", row.name)
    others = Webhook.objects.filter(build=row.build, name__iexact=row.name).exclude(pk=row.pk)
    if others.exists():
        reader.refuse("name", gettext_lazy("This build has a webhook of this name already."))
    row.kind = _kind(reader, row)
    row.branches = _globs(reader, "branches", row.branches)
    row.tags = _globs(reader, "tags", row.tags)
    row.enabled = reader.switch("enabled", row.enabled)
    if not row.branches and not row.tags and row.kind != WebhookKind.PLAIN:
        sentence = gettext_lazy("Name a branch or a tag, or nothing would ever start it. * is all.")
        if not reader.problems.keys() & {"branches", "tags"}:
            reader.refuse("branches", sentence)
    found = _secret(reader) if secret else ""
    reader.finish()
    return row, found


def _kind(reader: Reader, row: Webhook) -> str:
    value = reader.text("kind", row.kind, limit=20)
    if value not in WebhookKind.values:
        known = ", ".join(WebhookKind.values)
        reader.refuse("kind", _("Choose one of %(names)s.") % {"names": known})
    return value


def _globs(reader: Reader, field: str, default: str) -> str:
    text = reader.text(field, default, limit=LENGTH_LIMIT)
    try:
        return ", ".join(parse_globs(text))
    except BadGlobs as error:
        reader.refuse(field, str(error))
        return ""


def _secret(reader: Reader) -> str:
    given = reader.text("secret", limit=SECRET_MOST)
    if not given:
        return new_secret()
    if len(given) < SECRET_LEAST or not given.isascii() or not given.isprintable() or " " in given:
        sentence = _("Use %(least)d to %(most)d letters, digits and signs, without spaces.")
        reader.refuse("secret", sentence % {"least": SECRET_LEAST, "most": SECRET_MOST})
    elif given.startswith(PREFIX) and key_of(given) == given.encode():
        reader.refuse("secret", _("After whsec_ this is not base64. Copy it again, all of it."))
    return given


def _facts(row: Webhook) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS}


CREATE = operation(
    "webhook.create", "bolt",
    gettext_lazy("Add webhook"), gettext_lazy("Adding a webhook of %(target)s"),
    gettext_lazy("Added a webhook of %(target)s"),
    gettext_lazy("Lets a push start a build, with the rights of who added it."),
)  # fmt: skip
UPDATE = operation(
    "webhook.update", "bolt",
    gettext_lazy("Change webhook"), gettext_lazy("Changing a webhook of %(target)s"),
    gettext_lazy("Changed a webhook of %(target)s"),
    gettext_lazy("Changes what starts a build; it runs with the rights of who changed it last."),
)  # fmt: skip
ROTATE = operation(
    "webhook.rotate", "key",
    gettext_lazy("New secret"), gettext_lazy("Replacing a secret of %(target)s"),
    gettext_lazy("Replaced a secret of %(target)s"),
    gettext_lazy("Replaces a webhook's secret: what is signed with the old one is refused."),
    destructive=True,
)  # fmt: skip
REMOVE = operation(
    "webhook.remove", "trash",
    gettext_lazy("Remove webhook"), gettext_lazy("Removing a webhook of %(target)s"),
    gettext_lazy("Removed a webhook of %(target)s"),
    gettext_lazy("Ends a webhook: its address is nobody's."), destructive=True,
)  # fmt: skip
