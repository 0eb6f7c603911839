"""What user names and passwords must be like, in words."""

from __future__ import annotations

import unicodedata

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from fleet.models import User
from fleet.operations.errors import Gathered, Invalid

RESERVED = {"system", "anonymous"}  # the audit log speaks of them
NAME_LIMIT = 150
PASSWORD_LIMIT = 256  # Argon2 would hash more, but slowly


def check_username(text: str, *, of: User | None = None) -> str:
    """Return the user name, normalised. Raises Invalid: {"username": …}.

    Names that differ only by case are the same name.
    """
    name = unicodedata.normalize("NFKC", text.strip())
    field = User._meta.get_field("username")
    if not name:
        raise Invalid({"username": [_("Enter a user name.")]})
    if len(name) > NAME_LIMIT:
        sentence = _("Use at most %(limit)d characters.") % {"limit": NAME_LIMIT}
        raise Invalid({"username": [sentence]})
    try:
        field.run_validators(name)
    except ValidationError as error:
        sentence = _("Use letters, digits and @ . + - _ only.")
        raise Invalid({"username": [sentence]}) from error
    if name.lower() in RESERVED:
        raise Invalid({"username": [_("This name is kept for Quayside itself.")]})
    others = User.objects.filter(username__iexact=name)
    if of is not None:
        others = others.exclude(pk=of.pk)
    if others.exists():
        raise Invalid({"username": [_("There is a user of this name already.")]})
    return name


def check_new_password(password: str, user: User, *, field: str = "password") -> None:
    """Check a password by the rules of the settings. Raises Invalid: {field: …}."""
    if not password:
        raise Invalid({field: [_("Enter a password.")]})
    if len(password) > PASSWORD_LIMIT:
        sentence = _("Use at most %(limit)d characters.") % {"limit": PASSWORD_LIMIT}
        raise Invalid({field: [sentence]})
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        raise Invalid({field: error.messages}) from error


def check_account(username: str, password: str) -> User:
    """Return a new user of that name, neither saved nor given the password.

    Raises Invalid with all that is wrong with both: {"username": …, "password": …}.
    """
    user = User(username=username[:NAME_LIMIT])
    wrong = Gathered()
    with wrong.of():
        user.username = check_username(username)
    with wrong.of():
        check_new_password(password, user)
    wrong.tell()
    return user


def password_rules() -> str:
    """Return the rules of the settings as one sentence, for the help under a password field."""
    validators = password_validation.get_default_password_validators()
    least = max(getattr(validator, "min_length", 1) for validator in validators)
    return _(
        "%(least)d to %(most)d characters: not digits only, no common password,"
        " nothing close to the name or email address."
    ) % {"least": least, "most": PASSWORD_LIMIT}
