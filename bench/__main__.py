"""`python -m bench [lists events live draw ...]`; exit code 1 on a missed limit."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench.copies import copies
from bench.fifty import fifty
from bench.figures import Figure
from bench.jobs import click_to_start
from bench.lists import events, lists, scans
from bench.live import first_draw, latencies, restarts
from bench.logs import logs
from bench.pages import open_pages
from bench.pulls import pulls
from bench.sampling import sampling
from bench.stage import Stage, stage
from bench.terminal import terminal

ALONE: dict[str, Callable[[], list[Figure]]] = {
    "lists": lists,
    "events": events,
    "scans": scans,
    "sampling": sampling,
}
MEASUREMENTS: dict[str, Callable[[Stage], list[Figure]]] = {
    "live": latencies,
    "draw": first_draw,
    "jobs": click_to_start,
    "pages": open_pages,
    "restarts": restarts,
    "logs": logs,
    "fifty": fifty,
    "terminal": terminal,
    "pulls": pulls,
    "copies": copies,
}


def main() -> int:
    """Run the chosen measurements, all of them without a choice."""
    known = [*ALONE, *MEASUREMENTS]
    chosen = sys.argv[1:] or known
    if set(chosen) - set(known):
        print(f"Choose from: {', '.join(known)}")
        return 2
    figures: list[Figure] = []
    for name, measure in ALONE.items():
        figures += told(measure()) if name in chosen else []
    on_stage = [name for name in MEASUREMENTS if name in chosen]
    if on_stage:
        with stage() as found:
            for name in on_stage:
                figures += told(MEASUREMENTS[name](found))
    return 1 if any(figure.missed for figure in figures) else 0


def told(figures: list[Figure]) -> list[Figure]:
    """Print figures at once, and return them."""
    print(*figures, sep="\n", flush=True)
    return figures


if __name__ == "__main__":
    raise SystemExit(main())
