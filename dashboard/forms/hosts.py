"""Forms about hosts and environments: the shape of what is typed. Operations have the rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.actor import Actor
from fleet.models import Environment, Host
from fleet.operations.host_input import (
    CREDENTIALS_OF,
    DEFAULT_ENVIRONMENT,
    scheme_of,
    without_password,
)
from fleet.operations.hosts import may_reach

Text = str | Promise
LONG = 1000  # letters that a line takes; the operations say the real limits in words
LARGE = 200_000
PREFIX = {"unix": "unix://", "tcp": "tcp://", "ssh": "ssh://"}
ADDRESS: dict[str, tuple[Text, Text, str]] = {
    "unix": (
        gettext_lazy("Socket"),
        gettext_lazy("Path of the socket on the machine that Quayside runs on."),
        "/var/run/docker.sock",
    ),
    "tcp": (
        gettext_lazy("Address"),
        gettext_lazy("Host name or IP address, and the port if it is not 2376."),
        "prod-1.example.org:2376",
    ),
    "ssh": (
        gettext_lazy("Address"),
        gettext_lazy(
            "User and host, as for the ssh command. The user must be allowed to run docker."
        ),
        "deploy@prod-1.example.org",
    ),
}
CREDENTIAL_WORDS: dict[str, tuple[Text, Text]] = {
    "tls_ca": (
        gettext_lazy("CA certificate"),
        gettext_lazy("Signed the host's certificate: usually ca.pem."),
    ),
    "tls_cert": (
        gettext_lazy("Client certificate"),
        gettext_lazy("What Quayside shows to the host: usually cert.pem."),
    ),
    "tls_key": (
        gettext_lazy("Client key"),
        gettext_lazy("Private key of the client certificate, without a passphrase: key.pem."),
    ),
    "ssh_key": (
        gettext_lazy("Private key"),
        gettext_lazy(
            "Without a passphrase. Leave it empty to use the ssh agent of the Quayside server."
        ),
    ),
}


class Unshown(forms.Textarea):
    """A text area that never shows again what was typed: it may be a secret."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Leave the value out."""
        return super().get_context(name, None, attrs)


class AddressInput(forms.TextInput):
    """An address; a password in it, which is refused, does not come back."""

    def format_value(self, value: Any) -> str | None:
        """Return the address without its password."""
        shown = super().format_value(value)
        return without_password(shown) if shown else shown


class HostForm(forms.Form):
    """A host of one kind (`unix`, `tcp`, `ssh`), new or `host` to be changed."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=LONG,
        help_text=gettext_lazy("What Quayside calls it, for example prod-1."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    environment = forms.CharField(
        label=gettext_lazy("Environment"),
        max_length=LONG,
        widget=forms.TextInput(attrs={"list": "environments", "autocomplete": "off"}),
    )
    url = forms.CharField(
        max_length=LONG,
        widget=AddressInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    insecure = forms.BooleanField(
        label=gettext_lazy("Connect without TLS. I know that this is not secure."),
        required=False,
        help_text=gettext_lazy(
            "Anybody who can reach the port controls the machine as root, and can read and change"
            " everything on the way. Only for a network that nobody else is on."
        ),
    )
    labels = forms.CharField(
        label=gettext_lazy("Labels"),
        max_length=LARGE,
        required=False,
        help_text=gettext_lazy("One key=value a line, to filter by."),
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"}),
    )

    def __init__(
        self,
        *args: Any,
        actor: Actor,
        kind: str,
        host: Host | None = None,
        named: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.use_required_attribute = False  # the server's sentences say more than a browser's
        self.fields["name"].required = self.fields["environment"].required = named
        self.kind, self.host = kind, host
        self.suggestions = may_reach(actor, "host.create")
        self._word_address()
        self._word_environment(actor)
        for name in CREDENTIALS_OF[kind]:
            self._add_credential(name, bool(host and stored(host, name)))
        if kind != "tcp":
            del self.fields["insecure"]

    def _word_address(self) -> None:
        label, help_text, example = ADDRESS[self.kind]
        field = self.fields["url"]
        field.label, field.help_text = str(label), str(help_text)
        field.widget.attrs |= {"placeholder": example, "class": "mono"}

    def _word_environment(self, actor: Actor) -> None:
        if len(self.suggestions) < 2:
            only = self.suggestions[0].name if self.suggestions else DEFAULT_ENVIRONMENT
            self.fields["environment"].initial = only
        may_add = actor.access.may("environment.create") and actor.access.may("host.create")
        self.fields["environment"].help_text = (
            _("Choose one, or type the name of a new one.") if may_add else _("Choose one.")
        )

    def _add_credential(self, name: str, is_stored: bool) -> None:
        label, help_text = map(str, CREDENTIAL_WORDS[name])
        pasted = forms.CharField(
            label=label,
            help_text=help_text,
            max_length=LARGE,
            required=False,
            strip=False,
            widget=Unshown(
                attrs={
                    "rows": 4,
                    "class": "mono",
                    "spellcheck": "false",
                    "autocomplete": "off",
                    "placeholder": "-----BEGIN …",
                }
            ),
        )
        pasted.secret_is_set = is_stored  # type: ignore[attr-defined]
        self.fields[name] = pasted
        self.fields[f"{name}_file"] = forms.FileField(
            label=_("Or upload a file"), required=False, allow_empty_file=True
        )
        if is_stored:
            self.fields[f"{name}_remove"] = forms.BooleanField(
                label=_("Remove the stored one"), required=False
            )

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """The credentials' fields, each with its upload and, where one is stored, its removal."""
        return [
            {
                "pasted": self[name],
                "upload": self[f"{name}_file"],
                "remove": self[f"{name}_remove"] if f"{name}_remove" in self.fields else None,
            }
            for name in CREDENTIALS_OF[self.kind]
        ]

    def clean(self) -> dict[str, Any]:
        """Read uploads as text into their fields."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in CREDENTIALS_OF[self.kind]:
            upload = cleaned.get(f"{name}_file")
            if upload:
                cleaned[name] = self._read(name, upload)
        return cleaned

    def _read(self, name: str, upload: Any) -> str:
        if upload.size > LARGE:
            self.add_error(name, _("This file is too large: at most 64 KB."))
            return ""
        try:
            return str(upload.read().decode("utf-8"))
        except UnicodeDecodeError:
            self.add_error(name, _("This file is not text. Upload it in PEM form."))
            return ""

    def data_for_operation(self) -> dict[str, Any]:
        """Return what `host_create` and `host_update` take; what was left alone is left out."""
        found = {name: self.cleaned_data[name] for name in ("name", "environment", "labels")}
        found["url"] = full_address(self.kind, self.cleaned_data["url"])
        found["insecure"] = self.cleaned_data.get("insecure", False)
        for name in CREDENTIALS_OF[self.kind]:
            if self.cleaned_data.get(f"{name}_remove"):
                found[name] = ""
            elif self.cleaned_data.get(name):
                found[name] = self.cleaned_data[name]
        return found


def stored(host: Host, credential: str) -> bool:
    """Return whether the host has this credential, without decrypting it."""
    encrypted = f"{credential}_encrypted"
    return bool(getattr(host, encrypted) if hasattr(host, encrypted) else getattr(host, credential))


def full_address(kind: str, typed: str) -> str:
    """Return an address with its scheme, which need not be typed."""
    return typed if not typed or "://" in typed else f"{PREFIX[kind]}{typed}"


def kind_of(host: Host) -> str:
    """Return the kind of form that a host needs."""
    scheme = scheme_of(host.url)
    return scheme if scheme in CREDENTIALS_OF else "tcp"


def initial_of(host: Host) -> dict[str, Any]:
    """Return a host's form as it is stored, without credentials."""
    return {
        "name": host.name,
        "environment": host.environment.name,
        "url": host.url.removeprefix(PREFIX[kind_of(host)]),
        "insecure": host.insecure,
        "labels": "\n".join(f"{key}={value}" for key, value in sorted(host.labels.items())),
    }


class EnvironmentForm(forms.Form):
    """An environment, new or to be changed."""

    use_required_attribute = False
    name = forms.CharField(label=gettext_lazy("Name"), max_length=LONG)
    description = forms.CharField(
        label=gettext_lazy("Description"), max_length=LONG, required=False
    )
    careful = forms.BooleanField(
        label=gettext_lazy("Ask for the name before anything destructive"),
        required=False,
        help_text=gettext_lazy("For production: removing or killing wants the name typed."),
    )

    @classmethod
    def initial_of(cls, environment: Environment) -> dict[str, Any]:
        """Return the form as it is stored."""
        return {name: getattr(environment, name) for name in cls.base_fields}


class TypedName(forms.Form):
    """Asks to type a name before something goes for good."""

    use_required_attribute = False
    typed = forms.CharField(
        max_length=LONG,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, name: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self.wanted = name
        self.fields["typed"].label = _("Type %(name)s to confirm") % {"name": name}

    def clean_typed(self) -> str:
        """Compare."""
        typed = str(self.cleaned_data["typed"])
        if typed.strip() != self.wanted:
            raise forms.ValidationError(_("This is not the name. Nothing was removed."))
        return typed
