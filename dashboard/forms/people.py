"""Forms about people: the shape of what is typed. The rules live in the operations."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

from django import forms
from django.forms.boundfield import BoundWidget
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fleet import permissions
from fleet.access import visible_environments, visible_hosts
from fleet.actor import Actor
from fleet.models import Environment, Host, Role, Team, User
from fleet.operations.errors import Invalid
from fleet.operations.passwords import PASSWORD_LIMIT, check_account, password_rules
from fleet.selectors.people import roles_of, teams_of, users_of

Result = TypeVar("Result")
LONG = 1000  # letters that a text field takes; the operations say the real limits in words


def attempt(form: forms.BaseForm, call: Callable[[], Result]) -> Result | None:
    """Call an operation; what it finds wrong becomes the form's errors, and None comes back."""
    try:
        return call()
    except Invalid as error:
        for name, sentences in error.fields.items():
            for sentence in sentences:
                form.add_error(name if name in form.fields else None, sentence)
        return None


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what was posted, also when it is empty; None for other methods."""
    return request.POST if request.method == "POST" else None


def text_field(
    label: Any, *, help_text: Any = "", required: bool = True, **attrs: str
) -> forms.CharField:
    """Return a one-line field; `attrs` go to the input (autocomplete, …)."""
    tags = {name.replace("_", "-"): value for name, value in attrs.items()}
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=LONG,
        widget=forms.TextInput(attrs={"spellcheck": "false", **tags}),
    )


def password_field(label: Any, autocomplete: str, *, required: bool = True) -> forms.CharField:
    """Return a password field: never stripped, never shown again."""
    return forms.CharField(
        label=label,
        required=required,
        strip=False,
        max_length=PASSWORD_LIMIT,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
    )


class NewPasswordForm(forms.Form):
    """A new password, typed twice, with the rules under it."""

    password = password_field(_("New password"), "new-password")
    password_again = password_field(_("The same again"), "new-password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_rules()

    def clean(self) -> dict[str, Any]:
        """Refuse two passwords that differ."""
        data = super().clean() or {}
        again = data.get("password_again")
        if again and data.get("password") and data["password"] != again:
            self.add_error("password_again", _("This is not the same password."))
        return data


class FirstAdministratorForm(NewPasswordForm):
    """Name and password of the first administrator."""

    username = text_field(_("User name"), autocomplete="username", autocapitalize="none")
    field_order = ["username", "password", "password_again"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].label = _("Password")

    def clean(self) -> dict[str, Any]:
        """Tell what is wrong with the name and the password along with everything else."""
        data = super().clean()
        told = set(self.errors)
        try:
            check_account(self.data.get("username", ""), self.data.get("password", ""))
        except Invalid as error:
            for name in error.fields.keys() - told:
                self.add_error(name, error.fields[name])
        return data


class ChangePasswordForm(NewPasswordForm):
    """The old password and a new one."""

    old_password = password_field(_("Your password now"), "current-password")
    field_order = ["old_password", "password", "password_again"]


class ProfileForm(forms.Form):
    """What people say about themselves."""

    first_name = text_field(_("First name"), required=False, autocomplete="given-name")
    last_name = text_field(_("Last name"), required=False, autocomplete="family-name")
    email = text_field(_("Email address"), required=False, autocomplete="email", inputmode="email")

    @classmethod
    def of(cls, user: User) -> ProfileForm:
        """Return the form with what is stored."""
        return cls(initial=initial_of(user))


def initial_of(user: User) -> dict[str, str]:
    """Return a user's names and address for a form."""
    names = ("username", "first_name", "last_name", "email")
    return {name: getattr(user, name) for name in names}


def zones() -> list[tuple[str, Any]]:
    """Return the time zones to choose from."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC")
    return [("", _("As the browser says")), *((name, name.replace("_", " ")) for name in names)]


class PreferencesForm(forms.Form):
    """How pages look for one user."""

    theme = forms.ChoiceField(
        label=_("Theme"),
        choices=[("auto", _("As the system says")), ("light", _("Light")), ("dark", _("Dark"))],
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False, choices=zones)


class UserForm(ProfileForm):
    """A user's names, for who manages people."""

    username = text_field(_("User name"), autocomplete="off", autocapitalize="none")
    field_order = ["username", "first_name", "last_name", "email"]


class NewUserForm(UserForm):
    """A new user, who gets a link or an initial password."""

    sign_in = forms.ChoiceField(
        label=_("How they sign in first"),
        choices=[
            ("link", _("By a one-time link with which they set their password")),
            ("password", _("With the password below")),
        ],
        initial="link",
        widget=forms.RadioSelect,
    )
    password = password_field(_("Password"), "new-password", required=False)
    field_order = ["username", "first_name", "last_name", "email", "sign_in", "password"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_rules()

    def clean(self) -> dict[str, Any]:
        """Want a password where one was announced."""
        data = super().clean() or {}
        if data.get("sign_in") == "link":
            data["password"] = ""
        elif not data.get("password") and "password" not in self.errors:
            self.add_error("password", _("Enter a password, or choose the one-time link."))
        return data


class TeamForm(forms.Form):
    """A team's name and members."""

    name = text_field(_("Name"), autocomplete="off")
    members = forms.ModelMultipleChoiceField(
        label=_("Members"),
        queryset=User.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["members"]
        field.queryset = users_of(actor)
        field.label_from_instance = person


def person(user: User) -> str:
    """Return a user's name, with the full name behind it."""
    full = user.get_full_name()
    return f"{user.username} ({full})" if full else user.username


PERMISSION_GROUPS = (
    (_("See"), permissions.READ),
    (_("Operate"), permissions.OPERATE),
    (_("Deploy"), permissions.DEPLOY),
    (_("Administer"), permissions.ADMINISTER),
)


class RoleForm(forms.Form):
    """A role's name and permissions, grouped."""

    name = text_field(_("Name"), autocomplete="off")
    permissions = forms.MultipleChoiceField(
        label=_("Permissions"),
        choices=[(label, list(group.items())) for label, group in PERMISSION_GROUPS],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Seeing containers, hosts or registries comes with whatever acts on them."),
        error_messages={"required": _("Choose at least one permission.")},
    )

    def groups(self) -> list[tuple[Any, list[BoundWidget]]]:
        """Return the tick boxes under their groups' names."""
        boxes = {str(box.data["value"]): box for box in self["permissions"]}
        return [(label, [boxes[name] for name in group]) for label, group in PERMISSION_GROUPS]


class GrantForm(forms.Form):
    """Who gets which role, and where."""

    who = forms.ChoiceField(label=_("Who"))
    role = forms.ModelChoiceField(
        label=_("Role"), queryset=Role.objects.none(), empty_label=_("Choose")
    )
    where = forms.ChoiceField(label=_("Where"))

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role: Any = self.fields["role"]
        role.queryset = roles_of(actor)
        self.users = keyed("user", users_of(actor))
        self.teams = keyed("team", teams_of(actor))
        self.environments = keyed("environment", visible_environments(actor))
        self.hosts = keyed("host", visible_hosts(actor))
        self._choices("who", [(_("Teams"), self.teams), (_("Users"), self.users)])
        places = [(_("Environments"), self.environments), (_("Hosts"), self.hosts)]
        self._choices("where", places, ("fleet", _("The whole fleet")))
        self.fields["who"].widget.attrs["autofocus"] = True

    def _choices(
        self,
        name: str,
        groups: list[tuple[Any, dict[str, Any]]],
        *more: tuple[str, Any],
    ) -> None:
        field: Any = self.fields[name]
        field.choices = [
            ("", _("Choose")),
            *(
                (label, [(key, str(row)) for key, row in rows.items()])
                for label, rows in groups
                if rows
            ),
            *more,
        ]

    def chosen(self) -> dict[str, User | Team | Role | Host | Environment | None]:
        """Return the arguments for `grant_create`."""
        who, where = self.cleaned_data["who"], self.cleaned_data["where"]
        return {
            "user": self.users.get(who),
            "team": self.teams.get(who),
            "role": self.cleaned_data["role"],
            "on": self.environments.get(where) or self.hosts.get(where),
        }


def keyed(kind: str, rows: Iterable[Any]) -> dict[str, Any]:
    """Return rows by `kind:id`, as the choices of one list name them."""
    return {f"{kind}:{row.pk}": row for row in rows}


LIFETIMES = (
    ("7", _("7 days")),
    ("30", _("30 days")),
    ("90", _("90 days")),
    ("365", _("1 year")),
    ("", _("Never")),
)


class TokenForm(forms.Form):
    """A new API token."""

    name = text_field(
        _("Name"), help_text=_("What it is for: “backup script”."), autocomplete="off"
    )
    days = forms.ChoiceField(label=_("Ends after"), choices=LIFETIMES, required=False, initial="90")
    role = forms.ModelChoiceField(
        label=_("Rights"),
        queryset=Role.objects.all(),
        required=False,
        empty_label=_("All of mine"),
        help_text=_("A role narrows what the token may do; it never gives more than you have."),
    )

    def arguments(self) -> dict[str, Any]:
        """Return the arguments for `token_create`."""
        days = self.cleaned_data["days"]
        return {
            "name": self.cleaned_data["name"],
            "expires_at": timezone.now() + timedelta(days=int(days)) if days else None,
            "role": self.cleaned_data["role"],
        }
