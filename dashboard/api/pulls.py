"""/images/pull: images onto hosts."""

from __future__ import annotations

from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from ninja import Field, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.jobs import JobOut, accepted
from fleet.access import visible_hosts
from fleet.actor import Actor
from fleet.models import Host
from fleet.operations.errors import Invalid
from fleet.operations.many_hosts import MANY, SkippedHost, ask_on_hosts

router = Router(tags=["images"])
HOSTS_TEXT = "ids of hosts; the image comes from its registry to each of them"


class PullIn(Schema, extra="forbid"):
    """Which image, on which hosts, and for which platform if not for that of each host."""

    reference: Annotated[str, Field(max_length=1000, description="such as nginx:1.27")]
    hosts: Annotated[
        list[Annotated[int, Field(ge=1, lt=2**63)]],
        Field(max_length=MANY, description=HOSTS_TEXT),
    ]
    platform: Annotated[str, Field(max_length=1000, description="such as linux/arm64")] = ""


class SkippedHostOut(Schema):
    """A host that is left alone, and why."""

    id: int
    name: str
    why: str

    @staticmethod
    def of(row: SkippedHost) -> dict[str, Any]:
        """Return what is shown of it."""
        return {"id": row.host.pk, "name": row.host.name, "why": row.why}


class PullAccepted(JobOut):
    """The job, new or (`joined`) the one that does all of it already; and what is left out."""

    joined: bool
    skipped: list[SkippedHostOut]


def hosts_of(actor: Actor, ids: set[int]) -> QuerySet[Host]:
    """Return these hosts. Raises Invalid when one of them is not to be seen."""
    found = visible_hosts(actor).filter(pk__in=ids)
    if missing := sorted(ids.difference(found.values_list("pk", flat=True))):
        numbers = ", ".join(str(number) for number in missing[:10])
        raise Invalid({"hosts": [_("There are no such hosts: %(ids)s.") % {"ids": numbers}]})
    return found


@router.post("/pull", response={202: PullAccepted}, summary="Pull an image on hosts")
def pull(request: HttpRequest, data: PullIn) -> JsonResponse:
    """Make a job that pulls the image; on several hosts one with a child for each.

    Hosts that are switched off, or on which the very same is under way, are left out.
    """
    actor = caller(request)
    asked = ask_on_hosts(
        "image.pull",
        actor=actor,
        hosts=hosts_of(actor, set(data.hosts)),
        params={"reference": data.reference, "platform": data.platform},
    )
    skipped = [SkippedHostOut.of(row) for row in asked.skipped]
    return accepted(asked.job, joined=asked.joined, skipped=skipped)
