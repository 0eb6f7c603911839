"""The operations on hosts as the registry lists them, and the job that measures disks."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.models import OPEN_STATES, Host, HostState
from fleet.operations.registry import Operation, register
from fleet.publish import HostsChanged, publish_on_commit

if TYPE_CHECKING:
    from fleet.jobs.work import Work

DISK_USAGE_AGE = timedelta(hours=6)
AT_ONCE = 20


def hosts_to_measure() -> list[int]:
    """Return ids of reachable hosts whose disk usage is unknown or old, the oldest first."""
    old = Q(disk_usage_at__isnull=True) | Q(disk_usage_at__lt=timezone.now() - DISK_USAGE_AGE)
    rows = (
        Host.objects.filter(old, state=HostState.REACHABLE)
        .exclude(jobs__operation="host.refresh", jobs__state__in=OPEN_STATES)
        .order_by(F("disk_usage_at").asc(nulls_first=True))
    )
    return list(rows.values_list("pk", flat=True)[:AT_ONCE])


def _refresh(work: Work) -> None:
    publish_on_commit(HostsChanged([work.host.pk]))  # its page says that it is being measured
    work.report.line(_("Adding up images, containers, volumes and build cache …"))
    found = asdict(work.engine.disk_usage())
    found["cache"] = found.pop("build_cache")
    Host.objects.filter(pk=work.host.pk).update(
        disk_usage=found, disk_usage_at=timezone.now(), revision=F("revision") + 1
    )
    publish_on_commit(HostsChanged([work.host.pk]))


CREATE = register(
    Operation(
        name="host.create",
        target="host",
        verb=gettext_lazy("Add host"),
        doing=gettext_lazy("Adding %(target)s"),
        done=gettext_lazy("Added %(target)s"),
        sentence=gettext_lazy("Adds a host; nothing is installed on it."),
        icon="plus",
    )
)
UPDATE = register(
    Operation(
        name="host.update",
        target="host",
        verb=gettext_lazy("Save"),
        doing=gettext_lazy("Changing %(target)s"),
        done=gettext_lazy("Changed %(target)s"),
        sentence=gettext_lazy(
            "Changes a host's name, address, credentials, environment and labels."
        ),
        icon="pencil",
    )
)
DISABLE = register(
    Operation(
        name="host.disable",
        target="host",
        verb=gettext_lazy("Disable"),
        doing=gettext_lazy("Disabling %(target)s"),
        done=gettext_lazy("Disabled %(target)s"),
        sentence=gettext_lazy("Stops watching the host; what is known of it stays."),
        icon="circle-off",
        repeatable=True,
        needs="host.update",
    )
)
ENABLE = register(
    Operation(
        name="host.enable",
        target="host",
        verb=gettext_lazy("Enable"),
        doing=gettext_lazy("Enabling %(target)s"),
        done=gettext_lazy("Enabled %(target)s"),
        sentence=gettext_lazy("Watches the host again."),
        icon="circle-check",
        repeatable=True,
        needs="host.update",
    )
)
FORGET_KEY = register(
    Operation(
        name="host.forget_key",
        target="host",
        verb=gettext_lazy("Forget host key"),
        doing=gettext_lazy("Forgetting the key of %(target)s"),
        done=gettext_lazy("Forgot the key of %(target)s"),
        sentence=gettext_lazy(
            "Forgets the pinned ssh host key: the next connection pins the one it meets."
        ),
        icon="key",
        destructive=True,
        needs="host.update",
    )
)
TEST = register(
    Operation(
        name="host.test",
        target="host",
        verb=gettext_lazy("Test connection"),
        doing=gettext_lazy("Testing the connection to %(target)s"),
        done=gettext_lazy("Tested the connection to %(target)s"),
        sentence=gettext_lazy("Connects to the host once and says in words what is wrong."),
        icon="wifi",
    )
)
REMOVE = register(
    Operation(
        name="host.remove",
        target="host",
        verb=gettext_lazy("Remove"),
        doing=gettext_lazy("Removing %(target)s"),
        done=gettext_lazy("Removed %(target)s"),
        sentence=gettext_lazy(
            "Forgets the host with its events and grants; nothing changes on the host itself."
        ),
        icon="trash",
        destructive=True,
    )
)
REFRESH = register(
    Operation(
        name="host.refresh",
        target="host",
        verb=gettext_lazy("Measure disk usage"),
        doing=gettext_lazy("Measuring the disk usage of %(target)s"),
        done=gettext_lazy("Measured the disk usage of %(target)s"),
        sentence=gettext_lazy(
            "Adds up what images, containers, volumes and build cache use on the host's disk."
        ),
        icon="device-sd-card",
        repeatable=True,
        queue="transfer",
        run=_refresh,
    )
)
