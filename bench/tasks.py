"""The longest task of a page's main thread, by the wall and by its own processor time.

A task that waits for a core that others fill lasts longer by the wall: give the browser one of its
own (cores.py), or look at the thread's own time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page

CATEGORIES = "disabled-by-default-devtools.timeline,__metadata"


@contextmanager
def main_thread(page: Page) -> Iterator[dict[str, float]]:
    """Trace the page; when the block ends, `wall` and `cpu` hold the longest task in ms."""
    longest = {"wall": 0.0, "cpu": 0.0}
    session = page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    ended: list[bool] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda _data: ended.append(True))
    session.send(
        "Tracing.start", {"transferMode": "ReportEvents", "traceConfig": {
            "includedCategories": CATEGORIES.split(","), "recordMode": "recordUntilFull",
        }},
    )  # fmt: skip
    yield longest
    session.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(50)
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    for event in events:
        if event.get("name") == "RunTask" and (event["pid"], event["tid"]) in mains:
            longest["wall"] = max(longest["wall"], event.get("dur", 0) / 1000)
            longest["cpu"] = max(longest["cpu"], event.get("tdur", 0) / 1000)
