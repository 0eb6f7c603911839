"""`python -m bench [live draw restarts pages jobs]`: measure, print; exit 1 on a missed limit."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench.figures import Figure
from bench.jobs import click_to_start
from bench.live import first_draw, latencies, restarts
from bench.pages import open_pages
from bench.stage import Stage, stage

MEASUREMENTS: dict[str, Callable[[Stage], list[Figure]]] = {
    "live": latencies,
    "draw": first_draw,
    "jobs": click_to_start,
    "pages": open_pages,
    "restarts": restarts,
}


def main() -> int:
    """Run the chosen measurements, all of them without a choice."""
    chosen = sys.argv[1:] or list(MEASUREMENTS)
    unknown = set(chosen) - set(MEASUREMENTS)
    if unknown:
        print(f"Choose from: {', '.join(MEASUREMENTS)}")
        return 2
    figures: list[Figure] = []
    with stage() as found:
        for name in chosen:
            part = MEASUREMENTS[name](found)
            figures += part
            print(*part, sep="\n", flush=True)
    missed = [
        figure for figure in figures if figure.limit is not None and figure.value > figure.limit
    ]
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
