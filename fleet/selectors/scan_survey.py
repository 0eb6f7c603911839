"""How the images in use stand: which were scanned, which are worst, which never were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fleet.access import visible_images, visible_jobs
from fleet.actor import Actor
from fleet.models import OPEN_STATES, Host, HostState, Scan
from fleet.operations.image_scan import MISSING_NAME, SCAN_NAME
from fleet.scans.place import why_no_scans
from fleet.selectors.images import image_hosts, used_pairs

SHOWN = 20
COLUMNS = (
    "engine_id", "scanned_at", "looked", "critical", "high", "medium", "low", "unknown"
)  # fmt: skip


@dataclass(frozen=True)
class InUse:
    """An image that a container uses: one of its rows, how it is called, on how many hosts."""

    pk: int
    engine_id: str
    name: str
    hosts: int
    scan: Scan | None


@dataclass(frozen=True)
class Survey:
    """What is known of the images in use that the reader sees."""

    total: int
    scanned: int
    looked_for: int  # of those: vulnerabilities were looked for
    worst: list[InUse]  # with something critical or high, the worst first
    bad: int  # how many there are of those
    others: int  # scanned ones with vulnerabilities that are less bad
    never: list[InUse]  # the first of them
    newest: datetime | None
    oldest: datetime | None
    hosts: list[Host]  # where the reader may have the missing ones scanned
    open_jobs: int
    why_not: str

    @property
    def missing(self) -> int:
        """How many were never scanned."""
        return self.total - self.scanned


def survey_scans(actor: Actor) -> Survey:
    """Return how the images in use stand."""
    seen = _in_use(actor)
    rows = list(seen.values())
    scanned = [row for row in rows if row.scan is not None]
    looked = [row for row in scanned if row.scan and row.scan.looked_for]
    bad = [row for row in looked if row.scan and (row.scan.critical or row.scan.high)]
    never = sorted((row for row in rows if row.scan is None), key=lambda row: row.name.lower())
    times = [row.scan.scanned_at for row in scanned if row.scan]
    return Survey(
        total=len(rows),
        scanned=len(scanned),
        looked_for=len(looked),
        worst=sorted(bad, key=_badness)[:SHOWN],
        bad=len(bad),
        others=sum(bool(row.scan and row.scan.vulnerabilities_count) for row in looked) - len(bad),
        never=never[:SHOWN],
        newest=max(times, default=None),
        oldest=min(times, default=None),
        hosts=_hosts(actor, {row.engine_id for row in never}),
        open_jobs=_open_jobs(actor),
        why_not=why_no_scans(),
    )


def _badness(row: InUse) -> tuple[int, int, int, str]:
    counts = (row.scan.critical, row.scan.high, row.scan.medium) if row.scan else (0, 0, 0)
    return (-counts[0], -counts[1], -counts[2], row.name.lower())


def _in_use(actor: Actor) -> dict[str, InUse]:
    """Return the images in use, each once; read as narrow rows, by three queries."""
    used = used_pairs()
    rows = visible_images(actor).select_related(None).order_by("host_id", "pk")
    scans = {scan.engine_id: scan for scan in Scan.objects.order_by().only(*COLUMNS)}
    found: dict[str, InUse] = {}
    for pk, host, engine_id, name in rows.values_list("pk", "host_id", "engine_id", "name"):
        if (host, engine_id) not in used:
            continue
        before = found.get(engine_id)
        first = (before.pk, before.name or name) if before else (pk, name)
        count = before.hosts + 1 if before else 1
        found[engine_id] = InUse(first[0], engine_id, first[1], count, scans.get(engine_id))
    return found


def _hosts(actor: Actor, missing: set[str]) -> list[Host]:
    """Return the hosts with images that are missing, where the actor may scan."""
    reach = actor.access.reach(SCAN_NAME)
    if not reach or not missing:
        return []
    used = {host for host, engine_id in used_pairs() if engine_id in missing}
    rows = Host.objects.filter(reach.q()).exclude(state=HostState.DISABLED)
    allowed = set(rows.values_list("pk", flat=True))
    return [host for pk, host in image_hosts(actor).items() if pk in used & allowed]


def _open_jobs(actor: Actor) -> int:
    jobs: int = (
        visible_jobs(actor)
        .filter(operation__in=(SCAN_NAME, MISSING_NAME), state__in=OPEN_STATES, children_count=0)
        .count()
    )
    return jobs
