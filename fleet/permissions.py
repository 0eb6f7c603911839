"""Every permission there is, and the built-in roles as sets of them.

A permission that guards an operation has the operation's name. The others guard reading.
"""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

READ: Final[dict[str, Promise]] = {
    "host.view": _("See hosts and their state"),
    "container.view": _("See containers, events and jobs"),
    "container.logs": _("Read logs"),
    "container.secrets": _("See masked values of a container's environment"),
    "build.view": _("See builds, their definitions and their logs"),
    "image.view": _("See images"),
    "registry.view": _("See the registries that serve their hosts"),
    "audit.view": _("Read the audit log"),
}
OPERATE: Final[dict[str, Promise]] = {
    "container.start": _("Start containers"),
    "container.stop": _("Stop containers"),
    "container.restart": _("Restart containers"),
    "container.kill": _("Kill containers"),
    "container.pause": _("Pause containers"),
    "container.unpause": _("Unpause containers"),
    "container.exec": _("Run commands in containers"),
    "image.scan": _("Scan images"),
}
DEPLOY: Final[dict[str, Promise]] = {
    "container.recreate": _("Update containers: make them again of their newest image"),
    "container.rename": _("Rename containers"),
    "container.remove": _("Remove containers"),
    "image.pull": _("Pull images"),
    "build.create": _("Add builds"),
    "build.update": _("Change builds"),
    "build.remove": _("Remove builds"),
    "build.run": _("Run builds"),
    "build.prune": _("Prune build cache"),
    "image.push": _("Push images"),
    "image.tag": _("Tag images"),
    "image.remove": _("Remove images"),
    "image.prune": _("Prune images"),
    "image.save": _("Save images as a file"),
    "image.load": _("Load images from a file"),
    "image.copy": _("Copy images from host to host, at both ends"),
}
ADMINISTER: Final[dict[str, Promise]] = {
    "host.create": _("Add hosts"),
    "host.update": _("Change hosts"),
    "host.test": _("Test connections to hosts"),
    "host.remove": _("Remove hosts"),
    "host.refresh": _("Measure a host's disk usage"),
    "environment.create": _("Add environments"),
    "environment.update": _("Change environments"),
    "environment.remove": _("Remove environments"),
    "registry.create": _("Add registries"),
    "registry.update": _("Change registries"),
    "registry.test": _("Test connections to registries"),
    "registry.remove": _("Remove registries"),
    "registry.delete": _("Delete images in registries"),
    "people.manage": _("Manage users, teams, roles and grants"),
    "system.view": _("See the state of Quayside itself"),
}
PERMISSIONS: Final[dict[str, Promise]] = {**READ, **OPERATE, **DEPLOY, **ADMINISTER}

VIEWER = frozenset(
    {
        "host.view", "container.view", "container.logs", "image.view", "build.view",
        "registry.view",
    }
)  # fmt: skip
OPERATOR = VIEWER | frozenset(OPERATE) | {"container.secrets", "host.refresh"}
DEPLOYER = OPERATOR | frozenset(DEPLOY)
ADMINISTRATOR = frozenset(PERMISSIONS)

BUILT_IN_ROLES: Final[dict[str, frozenset[str]]] = {
    "viewer": VIEWER,
    "operator": OPERATOR,
    "deployer": DEPLOYER,
    "administrator": ADMINISTRATOR,
}

# Nobody can act on what they do not see: with the former comes the latter.
NEEDED: Final[dict[str, str]] = {
    name: f"{noun}.view"
    for noun in ("build", "container", "host", "image", "registry")
    for name in PERMISSIONS
    if name.startswith(f"{noun}.") and name != f"{noun}.view"
}

# These make no sense on one host: only a grant over the whole fleet can give them.
FLEET_ONLY = frozenset(
    {"audit.view", "people.manage", "system.view"}
    | {f"environment.{verb}" for verb in ("create", "update", "remove")}
    | {f"registry.{verb}" for verb in ("create", "update", "test", "remove", "delete")}
)
