"""The one door: nothing else hands an object to a user.

Objects that somebody may not see do not exist for them (`Unknown`); what they see but may not
change is `Refused`. What they may do is in `fleet.reach`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from fleet.models import (
    Build,
    BuildRun,
    BuildSchedule,
    Container,
    Environment,
    Event,
    Host,
    Image,
    Job,
    Registry,
    SavedFilter,
    Scan,
    Webhook,
)
from fleet.permissions import PERMISSIONS

if TYPE_CHECKING:
    from fleet.actor import Actor

M = TypeVar("M", bound=Model)


class AccessError(Exception):
    """Somebody asked for what they may not have."""


class Unknown(AccessError):
    """There is no such thing, for this user."""

    def __init__(self, kind: str) -> None:
        super().__init__(_("There is no such %(kind)s.") % {"kind": kind})


class Refused(AccessError):
    """The user sees it but may not do this."""

    def __init__(self, permission: str, target: Any = None) -> None:
        super().__init__(
            _("You may not do this: it needs the permission “%(permission)s”.")
            % {"permission": PERMISSIONS.get(permission, permission)}
        )
        self.permission = permission
        self.target = target


def require(actor: Actor, permission: str, host: Host | None = None) -> None:
    """Raise Refused unless the actor has the permission (on the host, else on the fleet)."""
    if not actor.access.may(permission, host):
        raise Refused(permission, host)


def visible_hosts(actor: Actor) -> QuerySet[Host]:
    """Return the hosts that the actor may see."""
    return Host.objects.filter(actor.access.reach("host.view").q()).select_related("environment")


def visible_environments(actor: Actor) -> QuerySet[Environment]:
    """Return the environments in which the actor sees a host; all for who may change them."""
    if actor.access.may("environment.update") or actor.access.reach("host.view").everywhere:
        return Environment.objects.all()
    reach = actor.access.reach("host.view")
    return Environment.objects.filter(
        Q(pk__in=reach.environments) | Q(hosts__in=reach.hosts)
    ).distinct()


def visible_registries(actor: Actor) -> QuerySet[Registry]:
    """Return the registries of environments in which the actor sees a host.

    All of them, also those that serve nobody yet, for who may change them.
    """
    reach = actor.access.reach("registry.view")
    if actor.access.may("registry.update"):
        return Registry.objects.all()
    if not reach:
        return Registry.objects.none()
    if reach.everywhere:
        serving = Environment.objects.all()
    else:
        there = Q(pk__in=reach.environments) | Q(hosts__in=reach.hosts)
        serving = Environment.objects.filter(there)
    chosen = Registry.environments.through.objects.filter(environment__in=serving)
    return Registry.objects.filter(Q(everywhere=True) | Q(pk__in=chosen.values("registry")))


def registries_for(host: Host) -> QuerySet[Registry]:
    """Return the registries that serve a host; who asks for it is not looked at."""
    here = Registry.environments.through.objects.filter(environment=host.environment_id)
    return Registry.objects.filter(Q(everywhere=True) | Q(pk__in=here.values("registry")))


def visible_containers(actor: Actor) -> QuerySet[Container]:
    """Return the containers that the actor may see."""
    reach = actor.access.reach("container.view")
    return Container.objects.filter(reach.q("host")).select_related("host", "host__environment")


def visible_images(actor: Actor) -> QuerySet[Image]:
    """Return the images that the actor may see."""
    reach = actor.access.reach("image.view")
    return Image.objects.filter(reach.q("host")).select_related("host", "host__environment")


def visible_scans(actor: Actor) -> QuerySet[Scan]:
    """Return the scans of images that the actor sees on any host."""
    images = visible_images(actor).select_related(None).order_by()
    return Scan.objects.filter(engine_id__in=images.values("engine_id"))


def visible_events(actor: Actor) -> QuerySet[Event]:
    """Return the events of hosts whose containers the actor may see."""
    reach = actor.access.reach("container.view")
    return Event.objects.filter(reach.q("host")).select_related("host")


def visible_builds(actor: Actor) -> QuerySet[Build]:
    """Return the builds on hosts where the actor may see builds."""
    reach = actor.access.reach("build.view")
    return Build.objects.filter(reach.q("host")).select_related("host", "host__environment")


def visible_jobs(actor: Actor) -> QuerySet[Job]:
    """Return the jobs on hosts whose containers the actor may see, and own ones on hosts they see.

    A parent is visible with all of its children or not at all: its counts and its words are about
    all of them. Own jobs on hosts that were removed stay; nothing that is own counts for a token
    with a role, which reads what the role reads.
    """
    jobs = Job.objects.select_related("host", "actor")
    if actor.access.reach("container.view").everywhere:
        return jobs
    return jobs.filter(
        (Q(children_count=0) & _in_sight(actor))
        | (Q(children_count__gt=0) & ~Q(pk__in=_partly_hidden(actor)))
    )


def listed_jobs(actor: Actor) -> QuerySet[Job]:
    """Return the visible jobs as lists show them: single ones and parents.

    Visible children of a parent that is not visible stand for themselves.
    """
    jobs = visible_jobs(actor)
    if actor.access.reach("container.view").everywhere:
        return jobs.filter(parent__isnull=True)
    return jobs.filter(Q(parent__isnull=True) | Q(parent__in=_partly_hidden(actor)))


def _in_sight(actor: Actor) -> Q:
    """Return the filter of single jobs that the actor may see."""
    there = Q(host__isnull=False)
    found = there & actor.access.reach("container.view").q("host")
    if actor.user and not actor.narrowed:
        own = Q(actor=actor.user)
        found |= own & (Q(host__isnull=True) | (there & actor.access.reach("host.view").q("host")))
    return found


def visible_filters(actor: Actor) -> QuerySet[SavedFilter]:
    """Return the saved filters that the actor may use: their own, and the shared ones of others.

    Nothing is a token's own that may less than its owner.
    """
    if actor.user is None:
        return SavedFilter.objects.none()
    shared, own = Q(shared=True), Q(owner=actor.user)
    found = shared if actor.narrowed else shared | own
    return SavedFilter.objects.filter(found).select_related("owner")


def _partly_hidden(actor: Actor) -> QuerySet[Job, int | None]:
    """Return the ids of the parents of which the actor may not see every child."""
    children = Job.objects.filter(parent__isnull=False).order_by()
    return children.exclude(_in_sight(actor)).values_list("parent", flat=True)


def _host_of(row: Any) -> Host | None:
    return row if isinstance(row, Host) else getattr(row, "host", None)


def find(rows: QuerySet[M], pk: int) -> M | None:
    """Return the row with an id; None also for a number that no database takes as one."""
    return rows.filter(pk=pk).first() if 0 < pk < 2**63 else None


def one_of(rows: QuerySet[M], pk: int, kind: str) -> M:
    """Return the row with an id. Raises Unknown, naming the `kind`."""
    row = find(rows, pk)
    if row is None:
        raise Unknown(kind)
    return row


def _one(rows: QuerySet[M], pk: int, kind: str, actor: Actor, permission: str) -> M:
    row = one_of(rows, pk, kind)
    if permission and not actor.access.may(permission, _host_of(row)):
        raise Refused(permission, row)
    return row


def access_host(actor: Actor, pk: int, permission: str = "host.view") -> Host:
    """Return a host. Raises Unknown when it is not to be seen, Refused when not allowed."""
    return _one(visible_hosts(actor), pk, _("host"), actor, permission)


def access_environment(actor: Actor, pk: int, permission: str = "") -> Environment:
    """Return an environment. Raises Unknown or Refused."""
    row = one_of(visible_environments(actor), pk, _("environment"))
    if permission:
        require(actor, permission)
    return row


def access_registry(actor: Actor, pk: int, permission: str = "") -> Registry:
    """Return a registry. Raises Unknown or Refused; changing one is a right over the fleet."""
    row = one_of(visible_registries(actor), pk, _("registry"))
    if permission and not actor.access.may(permission):
        raise Refused(permission, row)
    return row


def access_container(actor: Actor, pk: int, permission: str = "container.view") -> Container:
    """Return a container. Raises Unknown or Refused."""
    return _one(visible_containers(actor), pk, _("container"), actor, permission)


def access_image(actor: Actor, pk: int, permission: str = "image.view") -> Image:
    """Return an image of a host. Raises Unknown or Refused."""
    return _one(visible_images(actor), pk, _("image"), actor, permission)


def access_build(actor: Actor, pk: int, permission: str = "build.view") -> Build:
    """Return a build. Raises Unknown or Refused."""
    return _one(visible_builds(actor), pk, _("build"), actor, permission)


def access_run(
    actor: Actor, build_id: int, number: int, permission: str = "build.view"
) -> BuildRun:
    """Return a run of a build with both, and its job. Raises Unknown or Refused."""
    build = access_build(actor, build_id, permission)
    runs = BuildRun.objects.filter(build=build).select_related("job", "job__host", "job__actor")
    run = runs.filter(number=number).first() if 0 < number < 2**31 else None
    if run is None:
        raise Unknown(_("run"))
    run.build = build
    return run


def access_schedule(
    actor: Actor, build_id: int, pk: int, permission: str = "build.view"
) -> BuildSchedule:
    """Return a schedule of a build. Raises Unknown or Refused."""
    build = access_build(actor, build_id, permission)
    rows = BuildSchedule.objects.filter(build=build).select_related("owner")
    row = one_of(rows, pk, _("schedule"))
    row.build = build
    return row


def access_webhook(actor: Actor, build_id: int, pk: int, permission: str = "build.view") -> Webhook:
    """Return a webhook of a build. Raises Unknown or Refused."""
    build = access_build(actor, build_id, permission)
    row = one_of(Webhook.objects.filter(build=build).select_related("owner"), pk, _("webhook"))
    row.build = build
    return row


def access_event(actor: Actor, pk: int) -> Event:
    """Return an event. Raises Unknown."""
    return one_of(visible_events(actor), pk, _("event"))


def access_job(actor: Actor, pk: int) -> Job:
    """Return a job. Raises Unknown."""
    return one_of(visible_jobs(actor), pk, _("job"))


def access_filter(actor: Actor, pk: int) -> SavedFilter:
    """Return a saved filter. Raises Unknown."""
    return one_of(visible_filters(actor), pk, _("saved filter"))
