"""Making and revoking API tokens, audited."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.access import Refused, Unknown
from fleet.actor import Actor
from fleet.audit import record
from fleet.models import ApiToken, Role
from fleet.operations.errors import Invalid
from fleet.operations.people import PERMISSION, WHOLE, check_name, limit_person, operation
from fleet.publish import AccessChanged, publish_on_commit
from fleet.tokens import create_token

REVOKE = operation(
    "token.revoke",
    gettext_lazy("Revoke"),
    gettext_lazy("Revoking the token %(target)s"),
    gettext_lazy("Revoked the token %(target)s"),
    gettext_lazy("Ends an API token at once. Everybody may revoke their own."),
    destructive=True,
)
LIMIT = 100  # living tokens of one user
NAME_LIMIT = 100


def token_create(
    *, actor: Actor, name: str, expires_at: datetime | None = None, role: Role | None = None
) -> tuple[ApiToken, str]:
    """Make a token of the actor's own; return it and its secret, shown once.

    Raises Refused for who came with a token (a narrow one could make a wide one), and
    Invalid for `name` or `expires_at`.
    """
    user = actor.user
    if user is None:
        raise Unknown(_("user"))
    if actor.via == "api":
        raise Refused(PERMISSION, user)
    living = user.api_tokens.filter(revoked_at__isnull=True)
    checked = check_name(name, living, limit=NAME_LIMIT)
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid({"expires_at": [_("Choose a time that is still to come.")]})
    if living.count() >= LIMIT:
        sentence = _("You have %(limit)d tokens. Revoke some first.") % {"limit": LIMIT}
        raise Invalid({WHOLE: [sentence]})
    with transaction.atomic():
        token, secret = create_token(user, checked, expires_at, role)
        narrowed = {"role": role.name} if role else {}
        record(actor, "token.create", token, detail=narrowed)
    return token, secret


def token_revoke(*, actor: Actor, token: ApiToken) -> None:
    """End a token, one's own or (with `people.manage`) another's. Raises Refused.

    A token that may less than its owner ends only others', with that permission: who found a
    script's token must not cut off all of its owner's.
    """
    if actor.user is None or token.user_id != actor.user.pk or actor.narrowed:
        if not actor.access.may(PERMISSION):
            raise Refused(PERMISSION, token)
        limit_person(actor, token.user)
    with transaction.atomic():
        ended = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True)
        if ended.update(revoked_at=timezone.now()):
            record(actor, REVOKE.name, token, detail={"of": token.user.username})
            publish_on_commit(AccessChanged())
