"""/metrics, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from redis import RedisError

from dashboard.metrics import METHODS
from fleet.models import Container, Host, HostState, Job, Role, User
from fleet.selectors import metrics
from fleet.tokens import create_token
from fleet.watch.lag import LagFacts
from tests.conftest import make_container

Samples = dict[str, list[tuple[dict[str, str], float]]]
HARD = 'we"b\\1\n<script>'


def scrape(user: User | None, *, role: str = "") -> Any:
    """Ask as Prometheus does."""
    headers = {}
    if user is not None:
        narrowed = Role.objects.get(name=role) if role else None
        secret = create_token(user, "prometheus", None, narrowed)[1]
        headers = {"Authorization": f"Bearer {secret}"}
    return Client(raise_request_exception=False).get("/metrics", headers=headers)


def samples(user: User) -> Samples:
    """Return what a scrape holds: name -> labels and values."""
    response = scrape(user)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    found: Samples = {}
    for family in text_string_to_metric_families(response.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_it_tells_of_hosts_and_containers(
    administrator: User, host: Host, other_host: Host
) -> None:
    make_container(
        host, "web-1", state="running", health="unhealthy", compose_project="shop",
        image="shop:1", restart_count=3,
    )  # fmt: skip
    make_container(host, "job-1", state="exited", exit_code=137, oom_killed=True)
    found = samples(administrator)
    labels = {"host": host.name, "environment": host.environment.name}
    web = {**labels, "container": "web-1", "stack": "shop", "image": "shop:1"}
    assert ({**web, "state": "running"}, 1.0) in found["quayside_container_state"]
    assert ({**web, "health": "unhealthy"}, 1.0) in found["quayside_container_health"]
    assert (web, 3.0) in found["quayside_container_restarts_total"]
    codes = {at["container"]: value for at, value in found["quayside_container_exit_code"]}
    assert codes == {"job-1": 137.0}
    killed = {at["container"]: value for at, value in found["quayside_container_oom_killed"]}
    assert killed == {"job-1": 1.0}
    states = [(at["host"], at["state"]) for at, value in found["quayside_host_state"] if value == 1]
    assert sorted(states) == sorted((one.name, one.state) for one in (host, other_host))


@pytest.mark.parametrize("state", sorted(set(HostState) - {HostState.REACHABLE}))
def test_it_tells_no_old_states_of_hosts_that_are_away(
    administrator: User, host: Host, other_host: Host, state: HostState
) -> None:
    for one in (host, other_host):
        make_container(one, f"web-{one.name}", health="healthy", started_at=timezone.now())
        make_container(one, f"job-{one.name}", state="exited", exit_code=1)
    Host.objects.filter(pk=host.pk).update(state=state)
    found = samples(administrator)
    families = {name for name in found if name.startswith("quayside_container_")}
    assert families >= {f"quayside_container_{name}" for name in ("state", "health", "exit_code")}
    told = {at["host"] for name in families for at, _value in found[name]}
    assert told == {other_host.name}
    assert {(at["host"], at["state"]) for at, on in found["quayside_host_state"] if on} == {
        (host.name, state), (other_host.name, "reachable"),
    }  # fmt: skip


def test_it_tells_of_quayside_itself(administrator: User, container: Container) -> None:
    Job.objects.create(operation="container.restart", target_kind="container", host_name="x")
    Client().get("/healthz")
    found = samples(administrator)
    assert ({"part": "database"}, 1.0) in found["quayside_part_up"]
    assert ({"operation": "container.restart", "state": "queued"}, 1.0) in found["quayside_jobs"]
    assert [at["queue"] for at, _seconds in found["quayside_jobs_waiting_seconds"]] == ["control"]
    served = {"method": "GET", "route": "healthz", "status": "200"}
    assert any(at == served and value >= 1 for at, value in found["quayside_http_requests_total"])
    assert found["quayside_pages_open"] and found["process_cpu_seconds_total"]


def test_it_tells_how_far_rows_are_behind_of_hosts_that_are_seen(
    administrator: User, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    lag = LagFacts(behind=7.5, total=9.0, counts=[3, 0, 1, 0, 0, 0, 0, 0, 1])
    monkeypatch.setattr(metrics, "lags_of", lambda ids: dict.fromkeys(ids, lag))
    found = samples(administrator)
    labels = {"host": host.name, "environment": host.environment.name}
    assert found["quayside_host_events_behind_seconds"] == [(labels, 7.5)]
    buckets = {at["le"]: value for at, value in found["quayside_host_event_lag_seconds_bucket"]}
    assert [buckets[le] for le in ("0.1", "0.5", "60.0", "+Inf")] == [3, 4, 4, 5]
    assert found["quayside_host_event_lag_seconds_sum"] == [(labels, 9.0)]


def test_a_scrape_goes_on_without_redis(
    administrator: User, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_ids: object) -> dict[int, LagFacts]:
        raise RedisError("away")

    monkeypatch.setattr(metrics, "lags_of", away)
    found = samples(administrator)
    assert "quayside_host_events_behind_seconds" not in found and found["quayside_host_state"]


def test_odd_names_are_only_labels(administrator: User, host: Host) -> None:
    make_container(host, HARD, state="running")
    found = samples(administrator)["quayside_container_state"]
    assert [at["container"] for at, _value in found] == [HARD]


def test_requests_to_nowhere_share_one_route(administrator: User) -> None:
    for number in range(3):
        Client(raise_request_exception=False).get(f"/nowhere/{number}/")
        Client(raise_request_exception=False).generic(f"ODD{number}", "/healthz")
    found = samples(administrator)["quayside_http_requests_total"]
    assert not [at for at, _value in found if "nowhere" in at["route"] or "ODD" in at["method"]]
    assert {at["method"] for at, _value in found} <= METHODS | {"other"}


@pytest.mark.parametrize(
    ("who", "role", "status"),
    [
        ("", "", 401),
        ("viewer", "", 403),
        ("operator", "", 403),
        ("administrator", "viewer", 403),
        ("administrator", "", 200),
    ],
)
def test_it_is_for_who_may_see_quayside_itself(
    request: pytest.FixtureRequest, db: None, who: str, role: str, status: int
) -> None:
    response = scrape(request.getfixturevalue(who) if who else None, role=role)
    assert response.status_code == status


def test_the_number_of_queries_stays(
    administrator: User, host: Host, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(30):
        make_container(host, f"web-{number}")
    with django_assert_max_num_queries(20):
        scrape(administrator)
