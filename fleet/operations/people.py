"""What all changes to people share: one permission, two limits, one way to write them down.

All of them need `people.manage`, as one permission on purpose: whoever may change one of
users, teams, roles or grants could give themselves the others. Nobody can give, take or
touch more than they have themselves, and an administrator always stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from fleet.access import Refused, require
from fleet.actor import Actor
from fleet.audit import record
from fleet.models import Grant, Host, Scope, User
from fleet.models.hosts import NAME
from fleet.operations.errors import Invalid
from fleet.operations.registry import Operation, Text, register
from fleet.publish import AccessChanged, publish_on_commit
from fleet.reach import Access, Reach, access_of

PERMISSION = "people.manage"
WHOLE = ""  # the key of sentences about no single field
LOCK = 7_041_778  # a number of our own for PostgreSQL's advisory lock


class BeyondYou(Refused):
    """What is asked for reaches further than the actor's own rights."""

    def __init__(self, target: Any = None) -> None:
        super().__init__(PERMISSION, target)
        self.args = (_("You may not do this: it reaches further than your own rights."),)


def operation(
    name: str, verb: Text, doing: Text, done: Text, sentence: Text, *, destructive: bool = False
) -> Operation:
    """Register a change to people; all are done at once and need the one permission."""
    return register(
        Operation(
            name=name,
            target="people",
            verb=verb,
            doing=doing,
            done=done,
            sentence=sentence,
            icon="users",
            destructive=destructive,
            needs=PERMISSION,
        )
    )


@contextmanager
def change(actor: Actor, action: str, *, name_field: str = "name") -> Iterator[Change]:
    """Run a change and its audit entry in one transaction; hint at it on commit.

    One change at a time: limits that are checked inside hold until it is done, so that no role
    grows while it is given away, and no two remove the administrator that the other counts on.

    Raises Refused without the permission, and Invalid when a name was taken meanwhile or
    when nobody would be left who administers the fleet; then nothing has changed.
    """
    require(actor, PERMISSION)
    try:
        with transaction.atomic():
            _one_at_a_time()
            administered = administrators().exists()
            changing = Change(actor, action)
            yield changing
            changing.write()
            if administered:
                keep_an_administrator()
            publish_on_commit(AccessChanged())
    except IntegrityError as error:
        raise Invalid({name_field: [_("This exists already.")]}) from error


def _one_at_a_time() -> None:
    """Wait for other changes; SQLite's immediate transactions do so by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


class Change:
    """What the audit entry of a change will say."""

    def __init__(self, actor: Actor, action: str) -> None:
        self.actor = actor
        self.action = action
        self.target: models.Model | None = None
        self.detail: dict[str, Any] = {}
        self._written = False

    def note(self, target: models.Model, **detail: Any) -> None:
        """Keep the target and details for the entry."""
        self.target = target
        self.detail = detail

    def write(self) -> None:
        """Append the entry, once; before its target is deleted, please."""
        if not self._written:
            record(self.actor, self.action, self.target, detail=self.detail)
        self._written = True


def administrators() -> models.QuerySet[User]:
    """Return the active users with a password who have the whole fleet."""
    role = {"role__name": "administrator", "role__built_in": True, "scope": Scope.FLEET}
    grants = Grant.objects.filter(**role)
    return (
        User.objects.filter(is_active=True)
        .exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
        .filter(
            Q(is_superuser=True)
            | Q(pk__in=grants.filter(user__isnull=False).values("user"))
            | Q(teams__in=grants.filter(team__isnull=False).values("team"))
        )
        .distinct()
    )


def keep_an_administrator() -> None:
    """Raise Invalid when nobody is left who administers the whole fleet."""
    if not administrators().exists():
        sentence = _(
            "This would leave nobody who administers the fleet."
            " Make somebody else an administrator first."
        )
        raise Invalid({WHOLE: [sentence]})


def _reach_covers(mine: Reach, theirs: Reach) -> bool:
    if mine.everywhere:
        return True
    if theirs.everywhere or not theirs.environments <= mine.environments:
        return False
    rest = theirs.hosts - mine.hosts
    inside = Host.objects.filter(pk__in=rest, environment_id__in=mine.environments)
    return not rest or inside.count() == len(rest)


def covers(mine: Access, theirs: Access) -> bool:
    """Return whether `mine` allows everything that `theirs` allows."""
    return all(_reach_covers(mine.reach(name), reach) for name, reach in theirs.reaches)


def limit_grant(actor: Actor, grant: Grant, permissions: list[str] | None = None) -> None:
    """Raise BeyondYou when a grant (with other permissions) gives more than the actor has."""
    names = grant.role.permissions if permissions is None else permissions
    reach = Reach.of(grant.scope, grant.environment_id, grant.host_id)
    if not covers(actor.access, Access.of_grants([(names, reach)])):
        raise BeyondYou(grant.user or grant.team)


def limit_person(actor: Actor, user: User) -> None:
    """Raise BeyondYou when a user, if active, may do more than the actor."""
    active = copy(user)
    active.is_active = True
    if not covers(actor.access, access_of(active)):
        raise BeyondYou(user)


def check_name(text: str, rows: models.QuerySet[Any], *, limit: int, field: str = "name") -> str:
    """Return a name, stripped, that none of the rows has. Raises Invalid: {field: …}."""
    name = text.strip()
    if not name:
        raise Invalid({field: [_("Enter a name.")]})
    if len(name) > limit:
        raise Invalid({field: [_("Use at most %(limit)d characters.") % {"limit": limit}]})
    try:
        NAME(name)
    except ValidationError as error:
        raise Invalid({field: error.messages}) from error
    if rows.filter(name__iexact=name).exists():
        raise Invalid({field: [_("There is one of this name already.")]})
    return name
