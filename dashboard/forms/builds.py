"""The form of a build: the shape of what is typed. The operation has the rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.forms.hosts import LARGE, LONG, Unshown
from dashboard.forms.release import ReleaseFields, release_initial
from fleet.actor import Actor
from fleet.models import Build, BuildSource
from fleet.operations.release_input import FIELDS as RELEASE
from fleet.selectors.builds import hosts_for

HUGE = 8 * 1024 * 1024  # letters that a text takes here; the operation says the real limits
MEGABYTE = 1024**2
PLAIN = {"autocomplete": "off", "spellcheck": "false"}
FIELDS_OF = {
    "dockerfile": ("dockerfile_text",),
    "git": (
        "git_url", "git_ref", "git_folder", "git_submodules", "git_username", "git_token",
        "git_ssh_key", "git_ca",
    ),
    "archive": (),
}  # fmt: skip
SECRET = ("git_token", "git_ssh_key")
SAMPLE = "FROM debian:stable-slim\nRUN apt-get update && apt-get install -y nginx\n"
NEEDED = {
    "name": gettext_lazy("Enter a name."),
    "host": gettext_lazy("Choose the host on which it is built."),
    "dockerfile_text": gettext_lazy("Write a Dockerfile. It begins with FROM and an image."),
    "git_url": gettext_lazy("Enter the address of the repository."),
}
STEP_HELP = gettext_lazy(
    "Steps get it with RUN --mount=type=secret,id=NAME. It stays out of the image and the log."
)


def line(label: Any, help_text: Any = "", *, example: str = "", mono: bool = True) -> Any:
    """Return a field of one line."""
    attrs = {**PLAIN, "placeholder": example, **({"class": "mono"} if mono else {})}
    return forms.CharField(
        label=label, help_text=help_text, max_length=LONG, required=False,
        widget=forms.TextInput(attrs=attrs),
    )  # fmt: skip


def lines(label: Any, help_text: Any = "", *, rows: int = 3, example: str = "") -> Any:
    """Return a field of several lines."""
    attrs = {**PLAIN, "rows": rows, "class": "mono", "placeholder": example}
    return forms.CharField(
        label=label, help_text=help_text, max_length=LARGE, required=False,
        widget=forms.Textarea(attrs=attrs),
    )  # fmt: skip


def secret(label: Any, help_text: Any, *, rows: int) -> Any:
    """Return a field that never shows again what was typed."""
    attrs = {**PLAIN, "rows": rows, "class": "mono"}
    return forms.CharField(
        label=label, help_text=help_text, max_length=LARGE, required=False, strip=False,
        widget=Unshown(attrs=attrs),
    )  # fmt: skip


class BuildForm(ReleaseFields):
    """A build from one kind of source, new or `build` to be changed."""

    use_required_attribute = False
    name = line(gettext_lazy("Name"), gettext_lazy("What Quayside calls it, for example shop-web."),
                mono=False)  # fmt: skip
    host = forms.ChoiceField(
        label=gettext_lazy("Built on"),
        required=False,
        help_text=gettext_lazy("The image is there afterwards, and so is the cache."),
    )
    dockerfile_text = forms.CharField(
        label="Dockerfile", max_length=HUGE, required=False, strip=False,
        widget=forms.Textarea(attrs={**PLAIN, "rows": 16, "class": "mono", "wrap": "off",
                                     "autocapitalize": "off", "placeholder": SAMPLE}),
    )  # fmt: skip
    git_url = line(
        gettext_lazy("Repository"),
        gettext_lazy("By https with a token, or by ssh with a key."),
        example="https://git.example.org/team/app.git",
    )
    git_ref = line(
        gettext_lazy("Branch, tag or commit"),
        gettext_lazy("Empty: the repository's default branch."),
        example="main",
    )
    git_folder = line(
        gettext_lazy("Folder"),
        gettext_lazy("Only this part of the repository is the context."),
        example="services/web",
    )
    git_submodules = forms.BooleanField(label=gettext_lazy("Fetch submodules, too"), required=False)
    git_username = line(
        gettext_lazy("User name"), gettext_lazy("Most hosts take any with a token."), mono=False
    )
    git_token = secret(
        gettext_lazy("Token"),
        gettext_lazy("For https: a token that may read this repository, and nothing else."),
        rows=1,
    )
    git_ssh_key = secret(
        gettext_lazy("Private key"),
        gettext_lazy("For ssh: a deploy key without a passphrase. The host's key is pinned at"
                     " first use."),
        rows=4,
    )  # fmt: skip
    git_ca = lines(
        gettext_lazy("CA certificate"),
        gettext_lazy("For a Git host whose certificate no public authority has signed."),
    )
    tags = lines(
        gettext_lazy("Names of the image"),
        gettext_lazy("One a line. {n} is the number of the run, {date} the day; from Git also"
                     " {branch} and {short_sha}. They are given once all has gone well."),
        example="registry.example.org/team/app:{n}",
    )  # fmt: skip
    dockerfile = line("Dockerfile", gettext_lazy("Its path in the context."), example="Dockerfile")
    target = line(gettext_lazy("Target stage"), gettext_lazy("Empty: the last one."))
    args = lines(
        gettext_lazy("Arguments"),
        gettext_lazy("One NAME=value a line. Anybody who has the image can read them: secrets have"
                     " their own place."),
    )  # fmt: skip
    labels = lines(gettext_lazy("Labels"), gettext_lazy("One key=value a line."))
    platform = line(
        gettext_lazy("Platform"),
        gettext_lazy("Empty: the host's own. Several with commas, in one image, where containerd"
                     " keeps the host's images."),
        example="linux/amd64",
    )  # fmt: skip
    network = forms.ChoiceField(
        label=gettext_lazy("Network of the steps"),
        required=False,
        choices=[
            ("", gettext_lazy("the engine's own")),
            ("none", gettext_lazy("none")),
            ("host", gettext_lazy("the host's")),
        ],
    )
    memory = forms.CharField(
        label=gettext_lazy("Memory in MB"), required=False, max_length=12,
        help_text=gettext_lazy("Kept to by the classic builder only."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", **PLAIN}),
    )  # fmt: skip
    no_cache = forms.BooleanField(
        label=gettext_lazy("Run every step anew, without the cache"), required=False
    )
    pull = forms.BooleanField(
        label=gettext_lazy("Look for newer base images each time"), required=False
    )
    secrets = forms.Field(required=False, help_text=STEP_HELP)

    def __init__(
        self, *args: Any, actor: Actor, kind: str, build: Build | None = None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.kind, self.build = kind, build
        self._offer_hosts(actor)
        self.offer_places(actor, build)
        for source, names in FIELDS_OF.items():
            for name in names if source != kind else ():
                del self.fields[name]
        if kind == "dockerfile":
            del self.fields["dockerfile"]
        self._need(NEEDED)
        for name in SECRET if kind == "git" and build else ():
            if getattr(build, f"{name}_encrypted"):
                self.fields[name].secret_is_set = True  # type: ignore[attr-defined]
                self.fields[f"{name}_remove"] = forms.BooleanField(
                    label=_("Remove the stored one"), required=False
                )

    def _need(self, sentences: dict[str, Any]) -> None:
        for name, sentence in sentences.items():
            if name in self.fields:
                self.fields[name].required = True
                self.fields[name].error_messages["required"] = sentence

    def _offer_hosts(self, actor: Actor) -> None:
        hosts = hosts_for(actor)
        if self.build and self.build.host not in hosts:
            hosts.append(self.build.host)
        choices = [(str(host.pk), f"{host.name} ({host.environment.name})") for host in hosts]
        field: Any = self.fields["host"]
        field.choices = choices if len(choices) == 1 else [("", _("Choose one")), *choices]

    # --- Rows ------------------------------------------------------------------------------

    @property
    def _sent(self) -> QueryDict | None:
        return self.data if isinstance(self.data, QueryDict) else None

    @property
    def file_rows(self) -> list[dict[str, str]]:
        """The files beside a Dockerfile, and an empty row."""
        if self._sent is not None:
            held = list(_pairs(self._sent, "file_path", "file_text"))
        else:
            held = list(self.build.files.items()) if self.build else []
        return [{"path": path, "text": text} for path, text in [*held, ("", "")]]

    @property
    def secret_rows(self) -> list[dict[str, Any]]:
        """The names of the secrets, and an empty row; their values are never shown."""
        stored = self.build.secret_names if self.build else []
        if self._sent is not None:
            names = [name for name, _value in _pairs(self._sent, "secret_name", "secret_value")]
        else:
            names = list(stored)
        return [{"name": name, "stored": name in stored} for name in [*names, ""]]

    # --- What the operation takes ----------------------------------------------------------

    def data_for_operation(self) -> dict[str, Any]:
        """Return what `build_create` and `build_update` take; what was left alone is left out."""
        found: dict[str, Any] = {"source": self.kind}
        host = self.cleaned_data["host"]
        found["host"] = int(host) if host else None
        for name in self.fields:
            if name in ("host", "secrets", "memory", *RELEASE) or name.endswith("_remove"):
                continue
            value = self.cleaned_data[name]
            if name in SECRET and not value:
                if self.cleaned_data.get(f"{name}_remove"):
                    found[name] = ""
                continue
            found[name] = value.strip() if name in SECRET else value
        found["memory"] = self._memory()
        if self.kind == "dockerfile":
            found["files"] = dict(_pairs(self.data, "file_path", "file_text"))
        found["secrets"] = self._secrets()
        return found | self.release_data()

    def _memory(self) -> Any:
        text = self.cleaned_data["memory"].strip()
        if not text:
            return 0
        return int(text) * MEGABYTE if text.isascii() and text.isdigit() else text

    def _secrets(self) -> dict[str, str | None]:
        """An empty value keeps the stored one."""
        stored = self.build.secret_names if self.build else []
        return {
            name: None if not value and name in stored else value
            for name, value in _pairs(self.data, "secret_name", "secret_value")
        }


def _pairs(data: Any, first: str, second: str) -> list[tuple[str, str]]:
    """Return the rows of which the first part was filled in."""
    if not isinstance(data, QueryDict):
        return []
    pairs = zip(data.getlist(first), data.getlist(second), strict=False)
    return [(name.strip(), value) for name, value in pairs if name.strip()]


def initial_of(build: Build) -> dict[str, Any]:
    """Return a build's form as it is stored, without secrets."""
    same = (
        "name", "dockerfile_text", "git_url", "git_ref", "git_folder", "git_submodules",
        "git_username", "git_ca", "dockerfile", "target", "platform", "network", "no_cache", "pull",
    )  # fmt: skip
    return {
        **{name: getattr(build, name) for name in same},
        **release_initial(build),
        "host": str(build.host_id),
        "tags": "\n".join(build.tags),
        "args": "\n".join(f"{key}={value}" for key, value in sorted(build.args.items())),
        "labels": "\n".join(f"{key}={value}" for key, value in sorted(build.labels.items())),
        "memory": str(build.memory // MEGABYTE) if build.memory else "",
    }


SOURCES = BuildSource.values
