"""What can be done to users, by those who manage people and by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.http import base36_to_int, int_to_base36
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.access import Unknown, find
from fleet.actor import Actor
from fleet.audit import record
from fleet.models import User
from fleet.operations.errors import Gathered, Invalid
from fleet.operations.passwords import NAME_LIMIT, check_new_password, check_username
from fleet.operations.people import WHOLE, change, limit_person, operation
from fleet.publish import AccessChanged, publish_on_commit
from fleet.reach import NOTHING
from fleet.sessions import end_sessions

CREATE = operation(
    "user.create",
    gettext_lazy("Add user"),
    gettext_lazy("Adding %(target)s"),
    gettext_lazy("Added %(target)s"),
    gettext_lazy("Makes an account; it may do nothing until it gets a grant."),
)
UPDATE = operation(
    "user.update",
    gettext_lazy("Change user"),
    gettext_lazy("Changing %(target)s"),
    gettext_lazy("Changed %(target)s"),
    gettext_lazy("Changes the names and the email address of a user."),
)
DISABLE = operation(
    "user.disable",
    gettext_lazy("Disable"),
    gettext_lazy("Disabling %(target)s"),
    gettext_lazy("Disabled %(target)s"),
    gettext_lazy("Ends all sessions of a user and lets nobody sign in as them."),
    destructive=True,
)
ENABLE = operation(
    "user.enable",
    gettext_lazy("Enable"),
    gettext_lazy("Enabling %(target)s"),
    gettext_lazy("Enabled %(target)s"),
    gettext_lazy("Lets a disabled user sign in again."),
)
RESET = operation(
    "user.reset_password",
    gettext_lazy("Reset password"),
    gettext_lazy("Resetting the password of %(target)s"),
    gettext_lazy("Reset the password of %(target)s"),
    gettext_lazy("Ends the old password and all sessions; a one-time link sets a new password."),
    destructive=True,
)
SIGN_OUT = operation(
    "user.sign_out",
    gettext_lazy("Sign out everywhere"),
    gettext_lazy("Signing out %(target)s"),
    gettext_lazy("Signed out %(target)s"),
    gettext_lazy("Ends all sessions of a user."),
)
REMOVE = operation(
    "user.remove",
    gettext_lazy("Remove"),
    gettext_lazy("Removing %(target)s"),
    gettext_lazy("Removed %(target)s"),
    gettext_lazy("Removes an account with its grants, sessions and tokens; its history stays."),
    destructive=True,
)
EMAIL_LIMIT = 254


def user_create(
    *, actor: Actor, username: str, password: str = "", profile: Mapping[str, Any] | None = None
) -> User:
    """Make an account. Without a password it waits for a one-time link (`link_of`).

    Raises Refused, or Invalid with all that is wrong with `username`, `password`, `first_name`,
    `last_name` and `email`.
    """
    with change(actor, CREATE.name, name_field="username") as changing:
        user, wrong = User(username=username[:NAME_LIMIT]), Gathered()
        with wrong.of():
            user.username = check_username(username)
        with wrong.of():
            _set_profile(user, profile or {})
        if password:
            with wrong.of():
                check_new_password(password, user)
        wrong.tell()
        if password:
            user.set_password(password)
        else:
            user.set_unusable_password()
        user.save(force_insert=True)
        changing.note(user)
    return user


def user_update(
    *, actor: Actor, user: User, username: str, profile: Mapping[str, Any] | None = None
) -> User:
    """Change the names and the address of a user. Raises Refused or Invalid."""
    with change(actor, UPDATE.name, name_field="username") as changing:
        limit_person(actor, user)
        before, wrong = user.username, Gathered()
        with wrong.of():
            user.username = check_username(username, of=user)
        with wrong.of():
            _set_profile(user, profile or {})
        wrong.tell()
        user.save(update_fields=["username", "first_name", "last_name", "email"])
        changing.note(user, **({"before": before} if before != user.username else {}))
    return user


def user_disable(*, actor: Actor, user: User) -> None:
    """End a user's sessions and let them sign in no more. Raises Refused or Invalid."""
    _not_yourself(actor, user)
    with change(actor, DISABLE.name) as changing:
        limit_person(actor, user)
        user.is_active = False
        user.save(update_fields=["is_active"])
        end_sessions(user)
        changing.note(user)


def user_enable(*, actor: Actor, user: User) -> None:
    """Let a disabled user sign in again. Raises Refused."""
    with change(actor, ENABLE.name) as changing:
        limit_person(actor, user)
        user.is_active = True
        user.save(update_fields=["is_active"])
        changing.note(user)


def user_sign_out(*, actor: Actor, user: User) -> int:
    """End all sessions of a user; return how many. Raises Refused."""
    with change(actor, SIGN_OUT.name) as changing:
        limit_person(actor, user)
        count = end_sessions(user)
        changing.note(user, sessions=count)
    return count


def user_reset_password(*, actor: Actor, user: User, password: str = "") -> None:
    """End the old password and all sessions; set a new one, or none until a link is used.

    Raises Refused or Invalid.
    """
    with change(actor, RESET.name) as changing:
        limit_person(actor, user)
        if password:
            check_new_password(password, user)
            user.set_password(password)
        else:
            user.set_unusable_password()  # also ends links that were made before
        user.save(update_fields=["password"])
        end_sessions(user)
        changing.note(user, by="password" if password else "link")


def user_remove(*, actor: Actor, user: User) -> None:
    """Remove an account. Raises Refused or Invalid."""
    _not_yourself(actor, user)
    with change(actor, REMOVE.name) as changing:
        limit_person(actor, user)
        changing.note(user, grants=user.grants.count(), tokens=user.api_tokens.count())
        end_sessions(user)
        changing.write()
        User.objects.filter(pk=user.pk).delete()  # the row in hand stays usable if undone


def _not_yourself(actor: Actor, user: User) -> None:
    if actor.user is not None and actor.user.pk == user.pk:
        raise Invalid({WHOLE: [_("You cannot do this to your own account.")]})


def _set_profile(user: User, profile: Mapping[str, Any]) -> None:
    """Take `first_name`, `last_name` and `email` over, if given. Raises Invalid."""
    problems: dict[str, list[str]] = {}
    for name in ("first_name", "last_name", "email"):
        text = str(profile.get(name, getattr(user, name)) or "").strip()
        limit = EMAIL_LIMIT if name == "email" else NAME_LIMIT
        if len(text) > limit:
            problems[name] = [_("Use at most %(limit)d characters.") % {"limit": limit}]
        elif not text.isprintable():
            problems[name] = [_("This contains a character that is not allowed.")]
        setattr(user, name, text)
    if user.email and "email" not in problems:
        try:
            validate_email(user.email)
        except ValidationError as error:
            problems["email"] = error.messages
    if problems:
        raise Invalid(problems)


def link_of(user: User) -> str:
    """Return the secret part of a one-time link with which the user sets a password.

    It ends when it is used, when the password is reset again, and after three days
    (Django's PASSWORD_RESET_TIMEOUT).
    """
    return f"{int_to_base36(user.pk)}-{default_token_generator.make_token(user)}"


def user_of_link(text: str) -> User | None:
    """Return the active user that a one-time link is for, or None for a link that ended."""
    number, dash, token = text.partition("-")
    try:
        pk = base36_to_int(number)
    except ValueError:
        return None
    user = find(User.objects.filter(is_active=True), pk)
    return user if user and dash and default_token_generator.check_token(user, token) else None


def password_from_link(*, link: str, password: str, address: str = "") -> User:
    """Set the password of the user that a one-time link is for.

    Raises Unknown for a link that ended, Invalid for `password`.
    """
    found = user_of_link(link)
    if found is None:
        raise Unknown(_("link"))
    check_new_password(password, found)
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=found.pk)
        if user_of_link(link) is None:  # used meanwhile
            raise Unknown(_("link"))
        user.set_password(password)
        user.save(update_fields=["password"])
        end_sessions(user)
        record(Actor(user=user, access=NOTHING, address=address), "account.password", user)
        publish_on_commit(AccessChanged())
    return user


def password_change(*, actor: Actor, password: str, keep_session: str = "") -> User:
    """Set the actor's own password; all their sessions but `keep_session` end.

    Raises Unknown for nobody, Invalid for `password`. The caller has checked the old one.
    """
    user = _self(actor)
    check_new_password(password, user)
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        ended = end_sessions(user, keep=keep_session)
        record(actor, "account.password", user, detail={"sessions_ended": ended})
        publish_on_commit(AccessChanged())
    return user


def profile_change(*, actor: Actor, profile: Mapping[str, Any]) -> User:
    """Change the actor's own names and address. Raises Invalid."""
    user = _self(actor)
    with transaction.atomic():
        _set_profile(user, profile)
        user.save(update_fields=["first_name", "last_name", "email"])
        record(actor, "account.profile", user)
    return user


def preferences_change(*, actor: Actor, preferences: Mapping[str, Any]) -> User:
    """Remember preferences of the actor; others that are stored stay."""
    user = _self(actor)
    with transaction.atomic():
        fresh = User.objects.select_for_update().get(pk=user.pk)
        user.preferences = {**fresh.preferences, **preferences}
        user.save(update_fields=["preferences"])
    return user


def _self(actor: Actor) -> User:
    if actor.user is None:
        raise Unknown(_("user"))
    return actor.user
