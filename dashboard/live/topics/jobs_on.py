"""The latest jobs on one container or host, live: the tab Jobs of its page."""

from __future__ import annotations

from django.http import QueryDict

from dashboard.live.topics.args import id_of
from dashboard.live.topics.base import Part, Snapshot, register
from dashboard.live.topics.container import fate_of
from dashboard.live.topics.jobs import ROWS, JobTopic, fragment, row_part
from fleet.access import Unknown, access_container, access_host
from fleet.actor import Actor
from fleet.models import Host
from fleet.selectors.jobs import LATEST, jobs_on


@register
class ContainerJobs(JobTopic):
    """`container-jobs`, with `container.args_of`: also after the container is gone."""

    name = "container-jobs"

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the latest jobs on the container. Raises Unknown for those of others."""
        pk = id_of(args)
        try:
            host = access_container(actor, pk).host
        except Unknown:
            host = fate_of(actor, args).host
        return latest_snapshot(actor, host, "container", pk)


@register
class HostJobs(JobTopic):
    """`host-jobs`, with `id=7`."""

    name = "host-jobs"

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the latest jobs on the host. Raises Unknown when it is not to be seen."""
        host = access_host(actor, id_of(args))
        return latest_snapshot(actor, host, "host", host.pk)


def latest_snapshot(actor: Actor, host: Host, kind: str, pk: int) -> Snapshot:
    """Return the tab as its page shows it, at first and live."""
    found = jobs_on(actor, kind, pk)
    rows: dict[str, Part] = {}
    for row in found.rows:
        element_id = f"{kind}-job-{row.job.pk}"
        rows[element_id] = row_part(element_id, f"jobs/row_{kind}.html", row)
    empty = {"kind": kind, "empty": not rows}
    foot = {"host_name": host.name, "shown": len(rows), "limit": LATEST if found.more else 0}
    around = {
        "jobs-empty": fragment("jobs-empty", "jobs/empty_tab.html", empty),
        "jobs-foot": fragment("jobs-foot", "jobs/foot_tab.html", foot),
    }
    return Snapshot(parts={**around, **rows}, lists={ROWS: list(rows)})
