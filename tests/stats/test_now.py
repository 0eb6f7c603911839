"""What is used now: small pictures, who uses most, and only what somebody may see."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

import pytest
from django.test import Client

from fleet.actor import Actor, actor_for
from fleet.models import Container, Host, UsageNow, User
from fleet.selectors.usage_now import host_usage, recent_usage, top_usage
from fleet.stats.packing import Values, pack
from fleet.stats.rollup import MINUTE, Trail, with_sum
from tests.conftest import make_container
from tests.dashboard.test_metrics import samples

pytestmark = pytest.mark.django_db
NOW = 1_800_000_000


def line(cpu: float, memory: float = 1000, *, network: float = 0, limit: float = nan) -> Values:
    """Return what a container uses."""
    return (cpu, memory, limit, network, network, nan, nan, 2.0)


def read(host: Host, lines: dict[Container, Values], *, at: int = NOW) -> None:
    """Let a watcher have read a host, the same for half an hour."""
    table = with_sum({container.pk: one for container, one in lines.items()})
    trail = Trail()
    for number in range(30):
        trail.add(at - at % MINUTE + MINUTE * (number - 30), table)
    UsageNow.objects.update_or_create(
        host=host,
        defaults={
            "at": at, "frame": pack(10, table), "minute": trail.last,
            "trail": pack(60, trail.table()),
        },
    )  # fmt: skip


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is now."""
    monkeypatch.setattr("fleet.selectors.usage_now.time.time", lambda: float(NOW))


@pytest.fixture
def fleet(host: Host, other_host: Host) -> dict[str, Container]:
    """Two containers in staging, two in production, all read just now."""
    host.cpus, host.memory = 4, 8000
    host.save()
    made = {name: make_container(host, name) for name in ("web", "db")}
    made |= {name: make_container(other_host, name) for name in ("shop", "idle")}
    read(host, {made["web"]: line(120, 3000, network=5), made["db"]: line(5, 4000)})
    read(other_host, {made["shop"]: line(60, 3500, network=9), made["idle"]: line(0, 0)})
    return made


def names(actor: Actor, by: str, **where: Any) -> list[str]:
    return [row.container.name for row in top_usage(actor, by, **where).rows]


def test_it_ranks_who_uses_most(fleet: dict[str, Container], actor: Actor) -> None:
    assert names(actor, "cpu") == ["web", "shop", "db"]
    assert names(actor, "memory") == ["db", "shop", "web"]
    assert names(actor, "network") == ["shop", "web"]
    assert names(actor, "disk") == []
    assert names(actor, "memory", environment="Production") == ["shop"]
    assert names(actor, "cpu", host="stage-1", size=1) == ["web"]
    found = top_usage(actor, "memory", host="stage-1")
    assert (found.total, found.containers, found.cpus, found.memory) == (7000, 2, 4, 8000)
    assert round(found.rows[0].percent) == 57


def test_what_is_old_and_who_was_removed_are_left_out(
    fleet: dict[str, Container], actor: Actor
) -> None:
    fleet["web"].delete()
    UsageNow.objects.filter(host=fleet["shop"].host).update(at=NOW - 100)
    assert names(actor, "cpu") == ["db"]
    assert top_usage(actor, "cpu").cpus == 4


def test_pictures_are_shapes_of_one_letter_a_minute(
    fleet: dict[str, Container], actor: Actor
) -> None:
    containers, hosts = recent_usage(
        actor, [fleet["web"].pk, fleet["idle"].pk], [fleet["web"].host_id]
    )
    web, idle = containers[fleet["web"].pk], containers[fleet["idle"].pk]
    assert (web.cpu, web.memory, web.shapes) == (120, 3000, ("z" * 30, "z" * 30))
    assert idle.shapes == ("0" * 30, "0" * 30)
    assert hosts[fleet["web"].host_id].memory == 7000


def test_a_host_that_is_away_has_no_values_of_now(
    fleet: dict[str, Container], actor: Actor
) -> None:
    web = fleet["web"]
    UsageNow.objects.filter(host=web.host).update(at=NOW - 1000)
    found = recent_usage(actor, [web.pk], [])[0][web.pk]
    assert (found.cpu, found.memory) == (None, None) and found.shapes[0] == "z" * 30


def test_a_container_that_is_new_has_a_hole_where_it_was_not(
    fleet: dict[str, Container], actor: Actor
) -> None:
    web = fleet["web"]
    trail = Trail()
    trail.add(NOW - 120, {web.pk: line(50)})
    trail.add(NOW - 60, {web.pk: line(100)})
    UsageNow.objects.filter(host=web.host).update(trail=pack(60, trail.table()))
    assert recent_usage(actor, [web.pk], [])[0][web.pk].shapes[0] == "-" * 28 + "iz"


def test_nobody_sees_what_they_may_not(fleet: dict[str, Container], viewer: User) -> None:
    actor = actor_for(viewer)  # of staging
    assert set(names(actor, "cpu")) == {"web", "db"}
    assert top_usage(actor, "memory").total == 7000
    hosts = [one.host_id for one in fleet.values()]
    containers, shown = recent_usage(actor, [one.pk for one in fleet.values()], hosts)
    assert containers.keys() == {fleet["web"].pk, fleet["db"].pk}
    assert shown.keys() == {fleet["web"].host_id}


def test_before_the_first_reading_nothing_is_known(host: Host, actor: Actor) -> None:
    found = host_usage(actor, host.pk)
    assert (found.at, found.cpu, found.containers) == (None, None, 0)
    assert recent_usage(actor, [], [host.pk]) == ({}, {})
    assert top_usage(actor, "cpu").rows == []


def test_the_pages_show_it(
    fleet: dict[str, Container], administrator: User, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(administrator)
    page = client.get("/usage/", {"by": "memory", "environment": "production"}).content.decode()
    assert ">shop<" in page and ">web<" not in page
    page = client.get(
        "/usage/", {"by": "memory", "environment": " production\x00"}
    ).content.decode()
    assert ">shop<" in page and ">web<" not in page
    web = fleet["web"].pk
    found = client.get("/usage/recent/", {"containers": f"{web},x,99999999", "hosts": ""}).json()
    assert found == {"containers": {str(web): [120, 3000, "z" * 30, "z" * 30]}, "hosts": {}}
    assert "Nothing to rank" in client.get("/usage/?by=disk").content.decode()
    part = client.get("/usage/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and ">web<" in part


Asks = Callable[..., str]


@pytest.fixture
def ask(administrator: User, sign_in: Callable[[User], Client]) -> Asks:
    """ask(by="memory") -> the page of who uses most."""
    client = sign_in(administrator)

    def get(**wanted: str) -> str:
        response = client.get("/usage/", wanted)
        assert response.status_code == 200
        return response.content.decode()

    return get


def test_a_place_is_found_however_it_is_written(fleet: dict[str, Container], ask: Asks) -> None:
    page = ask(by="memory", environment=" PRODUCTION")
    assert ">shop<" in page and ">web<" not in page
    assert "<option selected>production</option>" in page
    assert "<option>prod-1</option>" in page and "<option>stage-1</option>" not in page


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"environment": "nowhere"}, "no such environment"),
        ({"host": "\x00"}, ""),
        ({"host": "nowhere\x00"}, "no such host"),
        ({"environment": "staging", "host": "PROD-1"}, "prod-1 is not in staging"),
    ],
)
def test_a_place_that_is_not_there_is_left_out_and_told(
    fleet: dict[str, Container], ask: Asks, wanted: dict[str, str], told: str
) -> None:
    page = ask(by="luck", **wanted)
    assert told in page and ">web<" in page


def test_hosts_that_are_not_counted_are_named(fleet: dict[str, Container], ask: Asks) -> None:
    UsageNow.objects.filter(host=fleet["shop"].host).update(at=NOW - 100)
    assert "no readings of now: prod-1" in ask()
    assert "no readings of now" not in ask(host="stage-1")
    page = ask(environment="production")
    assert "Nothing to rank" in page and "no readings of now: prod-1" in page
    assert "Look everywhere" in page
    Container.objects.filter(host=fleet["shop"].host).update(state="exited")
    assert "no readings of now" not in ask()
    Container.objects.update(state="running")
    Host.objects.filter(name="prod-1").update(state="disabled")
    assert "no readings of now" not in ask()


def test_it_says_that_nobody_reads(fleet: dict[str, Container], ask: Asks, settings: Any) -> None:
    settings.SAMPLE_SECONDS = 0
    assert "Readings are switched off" in ask()
    UsageNow.objects.all().delete()
    page = ask()
    assert "Readings are switched off" in page and "no readings of now" not in page


def test_it_warns_of_memory_near_its_limit(fleet: dict[str, Container], ask: Asks) -> None:
    for memory, warned in ((3599, False), (3600, True)):
        read(fleet["web"].host, {fleet["web"]: line(1, memory, limit=4000)})
        assert ("Near its limit" in ask()) == warned
    read(fleet["web"].host, {fleet["web"]: line(1, 7999, limit=8000)})
    assert "Near its limit" not in ask()  # that is all of the host's


def test_lists_lead_to_who_uses_most_there(
    fleet: dict[str, Container],
    administrator: User,
    viewer: User,
    sign_in: Callable[[User], Client],
) -> None:
    client, host = sign_in(administrator), fleet["web"].host
    page = client.get("/containers/?environment=production&q=s").content.decode()
    assert 'href="/usage/?environment=production"' in page
    page = client.get("/containers/?environment=production&environment=staging").content.decode()
    assert 'href="/usage/"' in page
    assert "/usage/?host=stage-1" in client.get(f"/hosts/{host.pk}/usage/").content.decode()


def test_the_api_tells_it(
    fleet: dict[str, Container], administrator: User, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(administrator)
    top = client.get("/api/v1/usage/top?by=network&limit=1").json()
    assert [row["name"] for row in top["items"]] == ["shop"] and top["total"] == 28
    assert top["containers"] == 4 and top["silent"] == []
    assert client.get("/api/v1/usage/top?by=luck").status_code == 422
    host = client.get(f"/api/v1/hosts/{fleet['web'].host_id}/stats").json()
    assert (host["cpu"], host["memory"], host["memory_total"], host["cpus"]) == (125, 7000, 8000, 4)
    assert (host["containers"], host["every"], host["read"]) == (2, 10, None)


def test_the_number_of_queries_stays(
    fleet: dict[str, Container], actor: Actor, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    ids = [one.pk for one in fleet.values()]
    with django_assert_max_num_queries(3):
        recent_usage(actor, ids * 50, [1, 2])
    with django_assert_max_num_queries(3):
        top_usage(actor, "cpu", environment="staging")


def test_prometheus_gets_it(fleet: dict[str, Container], administrator: User) -> None:
    found = samples(administrator)
    cpu = {at["container"]: value for at, value in found["quayside_container_cpu_cores"]}
    assert cpu == pytest.approx({"web": 1.2, "db": 0.05, "shop": 0.6, "idle": 0})
    used = {at["host"]: value for at, value in found["quayside_host_memory_used_bytes"]}
    assert used == {"stage-1": 7000, "prod-1": 3500}
    assert "quayside_container_disk_read_bytes_per_second" not in found  # nobody knows
    assert found["quayside_host_sampled_timestamp_seconds"][0][1] == NOW
    assert {value for _at, value in found["quayside_host_sampling_seconds"]} == {10}


@pytest.mark.parametrize(
    ("memory", "limit", "limited"),
    [
        (64 * 2**30 + 2047, 64 * 2**30 + 2047, False),  # kept as less than it was
        (1_081_994_178_560, 1_081_994_178_560, False),
        (64 * 2**30, 63 * 2**30, True),
        (64 * 2**30, 64 * 2**30 - 2**20, True),
        (None, 2**30, False),
    ],
)
def test_the_memory_of_the_host_is_no_limit(
    fleet: dict[str, Container], actor: Actor, memory: int | None, limit: int, limited: bool
) -> None:
    host = fleet["web"].host
    Host.objects.filter(pk=host.pk).update(memory=memory)
    read(host, {fleet["web"]: line(1, memory=0.95 * limit, limit=limit)})
    (row,) = top_usage(actor, "memory", host=host.name).rows
    assert (row.limited, row.nearly_out) == (limited, limited)
