"""What can be done to teams."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from fleet.actor import Actor
from fleet.models import Team, User
from fleet.operations.people import change, check_name, limit_grant, operation

NAME_LIMIT = 60
CREATE = operation(
    "team.create",
    _("Add team"),
    _("Adding the team %(target)s"),
    _("Added the team %(target)s"),
    _("Makes a named group of users; a grant to it is a grant to each of them."),
)
UPDATE = operation(
    "team.update",
    _("Change team"),
    _("Changing the team %(target)s"),
    _("Changed the team %(target)s"),
    _("Changes the name and the members of a team."),
)
REMOVE = operation(
    "team.remove",
    _("Remove"),
    _("Removing the team %(target)s"),
    _("Removed the team %(target)s"),
    _("Removes a team with its grants; its members lose what only the team gave them."),
    destructive=True,
)


def team_create(*, actor: Actor, name: str, members: Iterable[User] = ()) -> Team:
    """Make a team. Raises Refused or Invalid."""
    with change(actor, CREATE.name) as changing:
        team = Team.objects.create(name=check_name(name, Team.objects.all(), limit=NAME_LIMIT))
        team.members.set(members)
        changing.note(team, members=_names(team))
    return team


def team_update(
    *, actor: Actor, team: Team, name: str, members: Iterable[User] | None = None
) -> Team:
    """Rename a team and, unless None, set its members. Raises Refused or Invalid.

    Joining gives a person the team's grants, and leaving takes them: the actor needs them.
    """
    others = Team.objects.exclude(pk=team.pk)
    with change(actor, UPDATE.name) as changing:
        _limit(actor, team)
        before = _names(team)
        team.name = check_name(name, others, limit=NAME_LIMIT)
        team.save(update_fields=["name"])
        if members is not None:
            team.members.set(members)
        after = _names(team)
        changing.note(
            team,
            joined=sorted(set(after) - set(before)),
            left=sorted(set(before) - set(after)),
        )
    return team


def team_remove(*, actor: Actor, team: Team) -> None:
    """Remove a team. Raises Refused or Invalid."""
    with change(actor, REMOVE.name) as changing:
        _limit(actor, team)
        changing.note(team, members=_names(team), grants=team.grants.count())
        changing.write()
        Team.objects.filter(pk=team.pk).delete()


def _limit(actor: Actor, team: Team) -> None:
    for grant in team.grants.select_related("role", "team"):
        limit_grant(actor, grant)


def _names(team: Team) -> list[str]:
    return list(team.members.values_list("username", flat=True))
