"""/users: who signs in, for those who manage people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Field, Query, Router, Schema, Status

from dashboard.api.auth import caller
from dashboard.api.pages import Window, page
from fleet.models import User
from fleet.operations import users
from fleet.operations.passwords import PASSWORD_LIMIT
from fleet.selectors import people

router = Router(tags=["users"])

Name = Annotated[str, Field(max_length=150)]
Password = Annotated[str, Field(max_length=PASSWORD_LIMIT)]


class UserOut(Schema):
    """Somebody who signs in."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    is_active: bool
    is_superuser: bool
    last_login: datetime | None
    date_joined: datetime


class UsersOut(Schema):
    """A part of a list."""

    items: list[UserOut]
    count: int


class UserIn(Schema, extra="forbid"):
    """A new account; without a password it waits for a one-time link (`reset-password`)."""

    username: Name
    password: Password = ""
    first_name: Name = ""
    last_name: Name = ""
    email: Annotated[str, Field(max_length=254)] = ""


class UserPatch(Schema, extra="forbid"):
    """Changes: what is left out stays as it is."""

    username: Name | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    email: Annotated[str | None, Field(max_length=254)] = None
    is_active: bool | None = None


def _user(row: User) -> dict[str, Any]:
    return {name: getattr(row, name) for name in UserOut.model_fields}


USER_SORTS = {"id": "pk", "username": "username", "last_login": "last_login"}


@router.get("", response=UsersOut, summary="List users")
def list_users(request: HttpRequest, window: Query[Window], q: str = "") -> Any:
    """Return all users."""
    return page(people.users_of(caller(request), q=q[:200]), window, _user, USER_SORTS)


@router.post("", response={201: UserOut}, summary="Add a user")
def create_user(request: HttpRequest, data: UserIn) -> Any:
    """Make an account, without any rights."""
    profile = data.model_dump(exclude={"username", "password"})
    actor = caller(request)
    user = users.user_create(
        actor=actor, username=data.username, password=data.password, profile=profile
    )
    return Status(201, _user(user))


@router.get("/{int:user_id}", response=UserOut, summary="Show a user")
def get_user(request: HttpRequest, user_id: int) -> Any:
    """Return one user."""
    return _user(people.access_user(caller(request), user_id))


@router.patch("/{int:user_id}", response=UserOut, summary="Change a user")
def update_user(request: HttpRequest, user_id: int, data: UserPatch) -> Any:
    """Change names and address; `is_active` false ends the sessions too."""
    actor = caller(request)
    user = people.access_user(actor, user_id)
    fields = ("first_name", "last_name", "email")
    given = data.model_dump(exclude_none=True)
    if given.keys() & {"username", *fields}:
        profile = {name: given.get(name, getattr(user, name)) for name in fields}
        username = given.get("username", user.username)
        user = users.user_update(actor=actor, user=user, username=username, profile=profile)
    if data.is_active is not None and data.is_active != user.is_active:
        switch = users.user_enable if data.is_active else users.user_disable
        switch(actor=actor, user=user)
    return _user(user)


@router.delete("/{int:user_id}", response={204: None}, summary="Remove a user")
def remove_user(request: HttpRequest, user_id: int) -> Any:
    """Remove an account; never the last administrator's."""
    actor = caller(request)
    users.user_remove(actor=actor, user=people.access_user(actor, user_id))
    return Status(204, None)


class ResetIn(Schema, extra="forbid"):
    """The new password; an empty one asks for a one-time link."""

    password: Password = ""


class LinkOut(Schema):
    """The one-time link by which the user sets a password; empty when one was given."""

    link: str


@router.post("/{int:user_id}/reset-password", response=LinkOut, summary="Reset a password")
def reset_password(
    request: HttpRequest, response: HttpResponse, user_id: int, data: ResetIn
) -> Any:
    """End the old password and all sessions; set the new one, or answer a one-time link.

    The link is told this once. It ends with its use, with the next reset and after three days.
    """
    response["Cache-Control"] = "no-store"
    actor = caller(request)
    user = people.access_user(actor, user_id)
    users.user_reset_password(actor=actor, user=user, password=data.password)
    if data.password:
        return {"link": ""}
    path = reverse("account-link", args=[users.link_of(user)])
    return {"link": request.build_absolute_uri(path)}


class SignedOut(Schema):
    """How many sessions were ended."""

    sessions: int


@router.post("/{int:user_id}/sign-out", response=SignedOut, summary="Sign a user out everywhere")
def sign_out(request: HttpRequest, user_id: int) -> Any:
    """End all sessions of a user; API tokens stay."""
    actor = caller(request)
    user = people.access_user(actor, user_id)
    return {"sessions": users.user_sign_out(actor=actor, user=user)}
