"""What comes after a build, as it is sent: checked, with who may save it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from fleet.access import visible_environments, visible_hosts
from fleet.actor import Actor
from fleet.models import Build, Deploy, Environment, Host
from fleet.operations.errors import Invalid
from fleet.operations.inputs import Reader
from fleet.operations.release_plan import PUSH, Plan

FIELDS = ("push", "deploy", "deploy_hosts", "deploy_environments")


@dataclass(frozen=True)
class Release:
    """What comes after a build, checked."""

    push: bool = False
    deploy: str = ""
    hosts: list[Host] = field(default_factory=list)
    environments: list[Environment] = field(default_factory=list)

    def write(self, build: Build) -> None:
        """Put what stands in the row into it, without saving it."""
        build.push, build.deploy = self.push, self.deploy

    def write_places(self, build: Build) -> None:
        """Save where it deploys, of a build that is saved."""
        build.deploy_hosts.set(self.hosts)
        build.deploy_environments.set(self.environments)


def split(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is sent of the build itself, and of what comes after it."""
    after = {name: value for name, value in data.items() if name in FIELDS}
    return {name: value for name, value in data.items() if name not in FIELDS}, after


def read_release(
    actor: Actor,
    data: Mapping[str, Any],
    *,
    host: Host,
    tags: list[str],
    current: Build | None = None,
) -> Release:
    """Return what comes after a build on `host`; a field that `data` lacks keeps its value.

    Who saves it must be allowed all of it: it is done by whoever runs the build, or by itself.
    Raises Invalid.
    """
    reader = _ReleaseReader(data, actor, current)
    found = reader.read(host, tags)
    reader.finish()
    return found


def check_release(actor: Actor, build: Build, field_name: str) -> None:
    """Raise Invalid, at a field, unless the actor may all that comes after the build as it is."""
    try:
        read_release(actor, {}, host=build.host, tags=build.tags, current=build)
    except Invalid as error:
        raise Invalid({field_name: [str(error)]}) from error


class _ReleaseReader(Reader):
    def __init__(self, data: Mapping[str, Any], actor: Actor, current: Build | None) -> None:
        super().__init__(data, FIELDS)
        self.actor, self.current = actor, current

    def read(self, host: Host, tags: list[str]) -> Release:
        push = self.switch("push", self.current.push if self.current else False)
        deploy = self._deploy()
        hosts = self._hosts() if deploy else []
        environments = self._environments() if deploy else []
        if not self.problems:
            self._check(push, deploy, host, hosts, environments)
        if (push or deploy) and not tags:
            said = _("Give the image a name above: it says where to push it, and what uses it.")
            self.refuse("push" if push else "deploy", said)
        if not self.problems:
            self._check_rights(Plan(push, deploy), host, hosts, environments)
        return Release(push, deploy, hosts, environments)

    def _deploy(self) -> str:
        value = self.data.get("deploy", self.current.deploy if self.current else "")
        if value not in Deploy.values:
            known = ", ".join(filter(None, Deploy.values))
            said = _("Choose one of %(names)s, or leave it empty.") % {"names": known}
            self.refuse("deploy", said)
            return ""
        return str(value)

    def _ids(self, name: str) -> set[int] | None:
        """Return the sent ids; None where what is stored stays."""
        if not self.has(name):
            return None
        given = self.data[name]
        plain = isinstance(given, list) and all(type(one) is int for one in given)
        if not plain or len(given) > 2000:
            self.refuse(name, _("Send a list of ids."))
            return set()
        return set(given)

    def _hosts(self) -> list[Host]:
        ids = self._ids("deploy_hosts")
        if ids is None:
            kept = self.current.deploy_hosts if self.current else Host.objects.none()
            return list(kept.select_related("environment"))
        found = list(visible_hosts(self.actor).filter(pk__in=ids))
        if len(found) < len(ids):
            self.refuse("deploy_hosts", _("There is no such host."))
        return found

    def _environments(self) -> list[Environment]:
        ids = self._ids("deploy_environments")
        if ids is None:
            return list(self.current.deploy_environments.all()) if self.current else []
        found = list(visible_environments(self.actor).filter(pk__in=ids))
        if len(found) < len(ids):
            self.refuse("deploy_environments", _("There is no such environment."))
        return found

    def _check(
        self, push: bool, deploy: str, host: Host, hosts: list[Host], places: list[Environment]
    ) -> None:
        if not deploy:
            return
        if not hosts and not places:
            self.refuse("deploy_hosts", _("Choose where: hosts, or environments."))
        elif push:
            return
        elif deploy == Deploy.PULL:
            said = _("Hosts can pull only what was pushed: push it, or choose something else.")
            self.refuse("deploy", said)
        elif places or [one.pk for one in hosts] != [host.pk]:
            said = _("Without a push the image is only on %(host)s: choose just that host.")
            field_name = "deploy_environments" if places else "deploy_hosts"
            self.refuse(field_name, said % {"host": host.name})

    def _check_rights(
        self, plan: Plan, host: Host, hosts: list[Host], places: list[Environment]
    ) -> None:
        may = self.actor.access
        if plan.push and not may.may(PUSH, host):
            said = _("Only who may push images on %(host)s may save a build that does.")
            self.refuse("push", said % {"host": host.name})
        lacking = [one for one in hosts if not self._may_all(plan, one)]
        if lacking:
            said = _("You may not do this on: %(names)s.")
            self.refuse("deploy_hosts", said % {"names": self._names(lacking)})
        # All of it, also what joins it later: no grant on single hosts says that.
        closed = [one for one in places if not self._may_throughout(plan, one)]
        if closed:
            said = _("You may not do this in all of: %(names)s. Choose hosts.")
            names = self._seen(closed, visible_environments(self.actor))
            self.refuse("deploy_environments", said % {"names": names})

    def _may_all(self, plan: Plan, host: Host) -> bool:
        return all(self.actor.access.may(name, host) for name in plan.permissions)

    def _may_throughout(self, plan: Plan, place: Environment) -> bool:
        reaches = [self.actor.access.reach(name) for name in plan.permissions]
        return all(reach.everywhere or place.pk in reach.environments for reach in reaches)

    def _names(self, hosts: list[Host]) -> str:
        return self._seen(hosts, visible_hosts(self.actor))

    def _seen(self, rows: Iterable[Any], visible: Any) -> str:
        """Return the names of those that may be told to who saves it."""
        seen = set(visible.values_list("pk", flat=True))
        names = sorted(row.name for row in rows if row.pk in seen)
        hidden = any(row.pk not in seen for row in rows)
        return ", ".join([*names, *([_("others that you do not see")] if hidden else [])])
