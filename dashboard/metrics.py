"""What this web process tells Prometheus of itself, beside what the database knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from dashboard.live.hub import open_pages
from fleet.actor import Actor
from fleet.logs.hub import open_logs
from fleet.selectors.metrics import FleetCollector, QuaysideCollector
from fleet.stats.hub import open_stats
from fleet.terminal.hub import open_terminals

GetResponse = Callable[[HttpRequest], HttpResponse]
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds

process = CollectorRegistry()
ProcessCollector(registry=process)
requests = Counter(
    "quayside_http_requests", "Requests that were answered", ["method", "route", "status"],
    registry=process,
)  # fmt: skip
seconds = Histogram(
    "quayside_http_request_seconds", "Time until the answer began", ["method", "route"],
    buckets=BUCKETS, registry=process,
)  # fmt: skip
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Streams(Collector):
    """What flows to browsers from this process just now."""

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        upstreams, readers = open_logs()
        measured, watching = open_stats()
        for name, text, value in (
            ("pages_open", "Open pages, each with its socket", open_pages()),
            ("log_streams_open", "Logs that are read from engines", upstreams),
            ("log_readers_open", "Pages that show one of them", readers),
            ("stats_streams_open", "Containers whose usage is read live from engines", measured),
            ("stats_readers_open", "Pages that show one of them", watching),
            ("terminals_open", "Terminals in containers, with or without a page", open_terminals()),
        ):
            yield GaugeMetricFamily(f"quayside_{name}", text, value=value)


process.register(Streams())


class Measured:
    """Counts and times every request by its route, not by its address: those are endless."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        began = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = match.route if match else "none"
        method = request.method if request.method in METHODS else "other"
        requests.labels(method, route, str(response.status_code)).inc()
        seconds.labels(method, route).observe(time.perf_counter() - began)
        return response


def exposition(actor: Actor) -> HttpResponse:
    """Return the answer to a scrape: this process, Quayside, and what the actor may see."""
    shown = CollectorRegistry()
    shown.register(QuaysideCollector())
    shown.register(FleetCollector(actor))
    with translation.override("en"):  # labels are the same for everybody
        text = generate_latest(process) + generate_latest(shown)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
