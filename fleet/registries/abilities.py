"""What registries of a kind can do beyond the API that all have; how they are written to is a
matter of the form.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Abilities:
    """`catalog`: whether it lists repositories at all; `hint` says what to do where it does not,
    or not for everybody.
    """

    catalog: bool = True
    hint: str | Promise = ""
    deletes: bool = True


ABILITIES: dict[str, Abilities] = {
    "hub": Abilities(
        catalog=False,
        hint=_("Docker Hub lists no repositories. Search it, or enter a name."),
        deletes=False,
    ),
    "ghcr": Abilities(
        catalog=False,
        hint=_("GitHub lists no repositories. Enter a name such as owner/image."),
        deletes=False,
    ),
    "gitlab": Abilities(
        catalog=False,
        hint=_("GitLab lists no repositories. Enter a name such as group/project/image."),
    ),
    "harbor": Abilities(
        hint=_("Harbor lists repositories to its administrators only. Enter a name.")
    ),
    "quay": Abilities(hint=_("Quay lists repositories only to who may see some. Enter a name.")),
    "distribution": Abilities(),
}
