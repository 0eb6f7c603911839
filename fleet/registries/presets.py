"""The registries that people use: their addresses, and what goes into which field there."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class Preset:
    """A kind of registry. ``url`` is empty where everybody has their own; ``example`` shows one.

    ``catalog``: whether it lists repositories at all; ``catalog_hint`` says what to do where not.
    """

    kind: str
    name: str
    url: str
    example: str
    username_hint: Text
    password_hint: Text
    catalog: bool = True
    catalog_hint: Text = ""
    deletes: bool = True


HUB = Preset(
    kind="hub",
    name="Docker Hub",
    url="https://docker.io",
    example="https://docker.io",
    username_hint=_("Your Docker ID; for an organisation's token the name of the organisation."),
    password_hint=_(
        "A personal access token: on hub.docker.com under Account settings, Personal access "
        "tokens. Without one Docker Hub allows fewer pulls."
    ),
    catalog=False,
    catalog_hint=_("Docker Hub lists no repositories. Search it, or enter a name."),
    deletes=False,
)
GHCR = Preset(
    kind="ghcr",
    name="GitHub Container Registry",
    url="https://ghcr.io",
    example="https://ghcr.io",
    username_hint=_("Your GitHub user name."),
    password_hint=_(
        "A personal access token (classic) with read:packages, and write:packages to push."
    ),
    catalog=False,
    catalog_hint=_("GitHub lists no repositories. Enter a name such as owner/image."),
    deletes=False,
)
GITLAB = Preset(
    kind="gitlab",
    name="GitLab",
    url="https://registry.gitlab.com",
    example="https://registry.gitlab.example.org",
    username_hint=_("Your GitLab user name, or the name of a deploy token."),
    password_hint=_(
        "A personal, group or project access token, or a deploy token, with read_registry, and "
        "write_registry to push."
    ),
    catalog=False,
    catalog_hint=_("GitLab lists no repositories. Enter a name such as group/project/image."),
)
HARBOR = Preset(
    kind="harbor",
    name="Harbor",
    url="",
    example="https://harbor.example.org",
    username_hint=_("A user, or a robot account such as robot$project+name."),
    password_hint=_(
        "The robot account's secret; for people who sign in by OIDC the CLI secret of their "
        "profile."
    ),
    catalog_hint=_("Harbor lists repositories to its administrators only. Enter a name."),
)
QUAY = Preset(
    kind="quay",
    name="Quay",
    url="https://quay.io",
    example="https://quay.io",
    username_hint=_("A user, or a robot account such as organisation+name."),
    password_hint=_(
        "The robot account's token; for a user an encrypted password from the account's settings."
    ),
    catalog_hint=_("Quay lists repositories only to who may see some. Enter a name."),
)
DISTRIBUTION = Preset(
    kind="distribution",
    name="Distribution",
    url="",
    example="https://registry.example.org:5000",
    username_hint=_(
        "A user of the registry, as in its htpasswd file. Empty where nobody is asked."
    ),
    password_hint=_("That user's password."),
)

PRESETS: dict[str, Preset] = {
    preset.kind: preset for preset in (HUB, GHCR, GITLAB, HARBOR, QUAY, DISTRIBUTION)
}
