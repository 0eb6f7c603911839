"""A month of events of a large fleet, and how long the pages of the timeline take.

    python -m bench.event_rows                 300,000 events, then 20 requests for each filter
    python -m bench.event_rows --explain       and how the database finds them

Works on the configured database (migrated), on hosts that bench.rows makes.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from bench.rows import PREFIX, make_rows

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

SPAN = timedelta(days=30)
BATCH = 5000
# One stack of the fleet does hardly anything, and one nothing: to find little takes longest.
QUIET, SILENT = "quiet", "silent"
# What happens how often; problems are one in a hundred.
KINDS = (
    ("start", "created", "running", 30), ("die", "running", "exited", 30),
    ("kill", "", "", 15), ("stop", "", "", 15), ("health_status", "starting", "healthy", 9),
    ("oom", "", "", 1),
)  # fmt: skip
WEIGHTS = [weight for *_facts, weight in KINDS]


def make_events(count: int) -> None:
    """Make events of the containers that there are, in place of those of an earlier run."""
    from fleet.models import Event

    make_rows(100, 100)
    for batch in _batches(_events(count)):
        Event.objects.bulk_create(batch)


def _batches(events: Iterator[Any]) -> Iterator[list[Any]]:
    batch = []
    for event in events:
        batch.append(event)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


def _events(count: int) -> Iterator[Any]:
    """Yield them from the oldest on, as a watcher writes them."""
    from django.utils import timezone

    from fleet.models import Container

    facts = ("host_id", "engine_id", "name", "compose_project", "image")
    rows = list(Container.objects.filter(host__name__startswith=PREFIX).values_list(*facts))
    chance, end = random.Random(7), timezone.now()
    for number in range(count):
        at = end - SPAN * (1 - number / count)
        if number % (count // 20) == 7:  # of a container that is gone
            yield _event(at, (rows[0][0], "f" * 64, "q", QUIET, "q:1"), KINDS[0], {})
            continue
        ((kind, *states, _weight),) = chance.choices(KINDS, WEIGHTS)
        more = {"exit_code": 0 if chance.random() < 0.99 else 1} if kind == "die" else {}
        yield _event(at, chance.choice(rows), (kind, *states), more)


def _event(at: Any, of: Any, what: Any, more: dict[str, Any]) -> Any:
    from fleet.models import Event

    host, engine_id, name, stack, image = of
    return Event(
        at=at, host_id=host, kind=what[0], from_state=what[1], to_state=what[2],
        object_kind="container", object_id=engine_id, object_name=name,
        detail={"image": image, "stack": stack, **more}, stack=stack,
    )  # fmt: skip


def filters() -> dict[str, str]:
    """Return what the page is asked for, by its name in the figures."""
    from fleet.models import Container, Environment, Host

    row = Container.objects.filter(host__name=f"{PREFIX}007").first()
    assert row is not None
    place = Environment.objects.get(name=f"{PREFIX}staging").pk
    host = Host.objects.get(name=f"{PREFIX}007").pk
    return {
        "no filter": "",
        "environment": f"environment={place}",
        "host": f"host={host}",
        "container": f"container={row.engine_id}",
        "container by name": f"container={row.name}",
        "container by first letters": f"container={row.engine_id[:12]}",
        "stack": "stack=shop-7",
        "stack, 20 events": f"stack={QUIET}",
        "stack, no event": f"stack={SILENT}",
        "stack, on a host": f"stack=shop-7&host={host}",
        "problems": "problem=1",
        "problems of a host": f"problem=1&host={host}",
        "problems of a container": f"problem=1&container={row.engine_id}",
        "problems of a stack": "problem=1&stack=shop-7",
        "problems of a quiet stack": f"problem=1&stack={QUIET}",
        "kind": "kind=oom",
        "kind, no event": "kind=rename",
        "search": "q=shop-7-web-7",
        "search, no event": "q=nothing-has-this-name",
    }


def measure(requests: int, *, explain: bool) -> None:
    """Print the milliseconds of each filter's page, and of the picture above the list."""
    from django.db import connection

    from fleet.actor import actor_for
    from fleet.models import User
    from fleet.selectors.event_density import event_density
    from fleet.selectors.event_query import EventQuery, filter_events
    from fleet.selectors.events import event_page

    user, _new = User.objects.get_or_create(username=f"{PREFIX}user", is_superuser=True)
    if connection.vendor == "postgresql":
        connection.cursor().execute("ANALYZE")
    for name, params in filters().items():
        query = EventQuery.parse(dict(pair.split("=") for pair in params.split("&") if pair))
        for what, call in (("page", event_page), ("24 h", event_density)):
            ask: Callable[[], Any] = partial(call, actor_for(user), query)
            took = [_seconds(ask) * 1000 for _time in range(requests + 2)][2:]
            p95 = statistics.quantiles(took, n=20)[-1]
            print(f"{name}, {what:<5} p50 {statistics.median(took):6.1f} ms   p95 {p95:6.1f} ms")
        if explain:
            print(filter_events(actor_for(user), query)[:101].explain())


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=300_000, help="0: those that are there")
    parser.add_argument("--requests", type=int, default=20, help="for each filter")
    parser.add_argument("--explain", action="store_true")
    wanted = parser.parse_args()
    import django

    django.setup()
    if wanted.events:
        make_events(wanted.events)
    measure(wanted.requests, explain=wanted.explain)


if __name__ == "__main__":
    main()
