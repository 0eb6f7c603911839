"""The form of a registry: the shape of what is typed, and hints. Operations have the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.forms.hosts import AddressInput, Unshown
from fleet.access import visible_environments
from fleet.actor import Actor
from fleet.models import Registry, RegistryKind
from fleet.operations.errors import Invalid
from fleet.operations.registry_input import read_registry

Text = str | Promise
LONG = 1000  # letters that a line takes; the operations say the real limits in words
LARGE = 200_000
TLS = "https://"
EVERY, SOME = "every", "some"


@dataclass(frozen=True)
class Preset:
    """What is known of a kind of registry before somebody types."""

    icon: str
    label: Text
    sentence: Text
    name: str = ""
    url: str = ""
    example: str = "registry.example.org:5000"
    username: Text = ""  # what to type as user name
    password: Text = ""


PRESETS: dict[str, Preset] = {
    "hub": Preset(
        icon="brand-docker",
        label=gettext_lazy("Docker Hub"),
        sentence=gettext_lazy("docker.io, with an account or without"),
        name="Docker Hub",
        username=gettext_lazy(
            "Your Docker ID. Without an account public images can be pulled, but not as often."
        ),
        password=gettext_lazy(
            "Better a personal access token: on hub.docker.com under Account settings."
        ),
    ),
    "ghcr": Preset(
        icon="brand-github",
        label=gettext_lazy("GitHub"),
        sentence=gettext_lazy("ghcr.io, the registry of packages"),
        name="GitHub",
        url="ghcr.io",
        username=gettext_lazy("Your GitHub user name."),
        password=gettext_lazy(
            "A classic personal access token with read:packages, and write:packages to push."
        ),
    ),
    "gitlab": Preset(
        icon="brand-gitlab",
        label=gettext_lazy("GitLab"),
        sentence=gettext_lazy("gitlab.com, or one of your own"),
        name="GitLab",
        url="registry.gitlab.com",
        username=gettext_lazy("A user, or the name of a deploy token."),
        password=gettext_lazy(
            "A deploy token or personal access token with read_registry, and write_registry to"
            " push."
        ),
    ),
    "harbor": Preset(
        icon="anchor",
        label=gettext_lazy("Harbor"),
        sentence=gettext_lazy("Your own, with projects and robots"),
        name="Harbor",
        example="harbor.example.org",
        username=gettext_lazy("A user, or better a robot account such as robot$quayside."),
        password=gettext_lazy("The user's password, or the robot's secret."),
    ),
    "quay": Preset(
        icon="ship",
        label=gettext_lazy("Quay"),
        sentence=gettext_lazy("quay.io, or one of your own"),
        name="Quay",
        url="quay.io",
        username=gettext_lazy("A user, or better a robot account such as team+quayside."),
        password=gettext_lazy("The robot's token, or the user's encrypted password."),
    ),
    "distribution": Preset(
        icon="database",
        label=gettext_lazy("Other registry"),
        sentence=gettext_lazy("Any that speaks the Distribution (v2) API"),
        username=gettext_lazy("Leave both empty for a registry that asks nobody who they are."),
    ),
}


TYPED = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


class RegistryForm(forms.Form):
    """A registry of one kind, new or `registry` to be changed."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=LONG,
        help_text=gettext_lazy("What Quayside calls it. Each account at a registry has its own."),
        widget=forms.TextInput(attrs=TYPED),
    )
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=LONG,
        help_text=gettext_lazy("Host name, and the port if it is not 443."),
        widget=AddressInput(attrs=TYPED | {"class": "mono"}),
    )
    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=LONG,
        required=False,
        widget=forms.TextInput(attrs=TYPED),
    )
    password = forms.CharField(
        label=gettext_lazy("Password or token"),
        max_length=LARGE,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    serves = forms.ChoiceField(
        label=gettext_lazy("Which environments may use it"),
        choices=[
            (EVERY, gettext_lazy("Every environment, also those that are added later")),
            (SOME, gettext_lazy("Only those chosen here")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Say which environments may use it.")},
    )
    environments = forms.MultipleChoiceField(
        label=gettext_lazy("Environments"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Hosts in them use it, with its account. None: nobody does, for the time being."
        ),
    )
    tls_ca = forms.CharField(
        label=gettext_lazy("CA certificate"),
        max_length=LARGE,
        required=False,
        help_text=gettext_lazy("Only for a registry whose certificate your own authority signed."),
        widget=Unshown(
            attrs={
                "rows": 4, "class": "mono", "spellcheck": "false", "autocomplete": "off",
                "placeholder": "-----BEGIN CERTIFICATE-----",
            }
        ),
    )  # fmt: skip
    tls_ca_file = forms.FileField(
        label=gettext_lazy("Or upload a file"), required=False, allow_empty_file=True
    )
    tls_ca_remove = forms.BooleanField(label=gettext_lazy("Remove the stored one"), required=False)
    insecure = forms.BooleanField(
        label=gettext_lazy("Connect without safety. I know what that means."),
        required=False,
        help_text=gettext_lazy(
            "By plain http://, or by https:// with a certificate that nobody checks: whoever is on"
            " the way can read the password and give you other images."
        ),
    )

    def __init__(
        self,
        *args: Any,
        actor: Actor,
        kind: str,
        registry: Registry | None = None,
        named: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.use_required_attribute = False  # the server's sentences say more than a browser's
        self.kind, self.registry, self.preset = kind, registry, PRESETS[kind]
        self.fields["name"].required = self.fields["serves"].required = named
        choices: Any = self.fields["environments"]
        choices.choices = [(row.name, row.name) for row in visible_environments(actor)]
        self._word_account()
        self._word_safety()
        if kind == RegistryKind.HUB:
            del self.fields["url"], self.fields["insecure"]
        else:
            self.fields["url"].widget.attrs["placeholder"] = self.preset.example

    def _word_account(self) -> None:
        username, password = self.fields["username"], self.fields["password"]
        username.help_text = str(self.preset.username)
        password.help_text = str(self.preset.password)
        if self.registry is not None and self.registry.password_encrypted:
            username.help_text = _("Empty it to use no account any more.")
            password.secret_is_set = True  # type: ignore[attr-defined]

    def _word_safety(self) -> None:
        if self.registry is not None and self.registry.tls_ca:
            self.fields["tls_ca"].secret_is_set = True  # type: ignore[attr-defined]
        else:
            del self.fields["tls_ca_remove"]

    @property
    def shows_safety(self) -> bool:
        """Whether something of what is folded away is in use or wrong."""
        used = self.registry is not None and (self.registry.tls_ca or self.registry.insecure)
        return bool(used or {"tls_ca", "insecure"} & set(self.errors) or self.data.get("insecure"))

    def clean(self) -> dict[str, Any]:
        """Read an upload as text into its field."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        upload = cleaned.get("tls_ca_file")
        if upload and upload.size > LARGE:
            self.add_error("tls_ca", _("This file is too large: at most 64 KB."))
        elif upload:
            try:
                cleaned["tls_ca"] = str(upload.read().decode("utf-8"))
            except UnicodeDecodeError:
                self.add_error("tls_ca", _("This file is not text. Upload it in PEM form."))
        if self.errors:
            self._tell_the_rest()
        return self.cleaned_data

    def _tell_the_rest(self) -> None:
        """Tell what the operation would refuse, beside what it is not even asked with."""
        typed = self.connection() | {"name": self.cleaned_data.get("name", "")}
        told = set(self.errors)
        try:
            read_registry(typed, self.registry, named=self.fields["name"].required)
        except Invalid as error:
            for name in error.fields.keys() & self.fields.keys() - told:
                self.add_error(name, error.fields[name])

    def connection(self) -> dict[str, Any]:
        """Return what `registry_test` takes; what was left alone is left out."""
        cleaned = self.cleaned_data
        found = {"kind": self.kind, "url": cleaned.get("url", "")}
        found |= {"insecure": cleaned.get("insecure", False)}
        found |= {"username": cleaned.get("username", "")}
        if cleaned.get("password"):
            found["password"] = cleaned["password"]
        if cleaned.get("tls_ca") or cleaned.get("tls_ca_remove"):
            found["tls_ca"] = cleaned.get("tls_ca", "")
        return found

    def data_for_operation(self) -> dict[str, Any]:
        """Return what `registry_create` and `registry_update` take."""
        everywhere = self.cleaned_data["serves"] == EVERY
        named = [] if everywhere else self.cleaned_data["environments"]
        return {
            **self.connection(),
            "name": self.cleaned_data["name"],
            "everywhere": everywhere,
            "environments": named,
        }


def initial_of(kind: str, registry: Registry | None = None) -> dict[str, Any]:
    """Return a form as the registry is stored, without secrets; or the preset of its kind."""
    preset = PRESETS[kind]
    if registry is None:
        return {"name": preset.name, "url": preset.url}
    return {
        "name": registry.name,
        "url": registry.url.removeprefix(TLS) if registry.kind == kind else preset.url,
        "username": registry.username,
        "insecure": registry.insecure,
        "serves": EVERY if registry.everywhere else SOME,
        "environments": [row.name for row in registry.environments.all()],
    }
