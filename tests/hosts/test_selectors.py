"""The hosts' list and the Fleet page as data: filters, troubles, queries counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from fleet.actor import Actor, actor_for
from fleet.models import Container, Environment, Event, Host, HostState, Job, User
from fleet.selectors.containers import ContainerQuery, container_page
from fleet.selectors.fleet import FleetPage, fleet_page
from fleet.selectors.hosts import HostQuery, host_list
from fleet.selectors.jobs import JobQuery
from fleet.selectors.tallies import FIGURES, WRONG, Tally
from fleet.selectors.troubles import BAD_JOBS
from tests.conftest import make_container, make_host
from tests.hosts.certificates import make_pair

pytestmark = pytest.mark.django_db


def names(actor: Actor, query: str = "") -> list[str]:
    found = host_list(actor, HostQuery.parse(QueryDict(query)))
    return [row.host.name for row in found.rows]


@pytest.fixture
def three(staging: Environment, production: Environment) -> list[Host]:
    """a (staging), b (production, away, labelled), c (production, disabled)."""
    return [
        make_host("a", staging, engine_version="28.1", last_seen=timezone.now()),
        make_host(
            "b", production, state=HostState.UNREACHABLE, labels={"rack": "b2"}, last_seen=None
        ),
        make_host("c", production, state=HostState.DISABLED, labels={"a.b/c": "x=y"}),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["a", "b", "c"]),
        ("sort=-name", ["c", "b", "a"]),
        ("sort=nonsense", ["a", "b", "c"]),
        ("sort=seen", ["c", "a", "b"]),
        ("q=A", ["a"]),
        ("q=NOWHERE", ["a", "b", "c"]),  # their addresses
        ("q=%25", []),
        ("environment=PRODUCTION", ["b", "c"]),
        ("state=unreachable", ["b"]),
        ("state=nonsense", ["a", "b", "c"]),
        ("label=rack%3Db2", ["b"]),
        ("label=a.b/c%3Dx%3Dy", ["c"]),
        ("label=rack", ["a", "b", "c"]),
        ("label=labels__rack%3Db2", []),
        ("page=99999999999", ["a", "b", "c"]),
    ],
)
def test_it_filters_and_sorts(
    actor: Actor, three: list[Host], query: str, found: list[str]
) -> None:
    assert names(actor, query) == found


def test_it_says_which_filters_were_left_out() -> None:
    assert len(HostQuery.parse(QueryDict("state=x&label=y")).problems) == 2


def test_it_shows_only_visible_hosts(viewer: User, stranger: User, three: list[Host]) -> None:
    assert names(actor_for(viewer)) == ["a"]
    assert names(actor_for(stranger)) == []


def test_the_list_asks_a_constant_number_of_queries(
    actor: Actor, staging: Environment, django_assert_num_queries: Any
) -> None:
    for number in range(30):
        make_container(make_host(f"h{number:02}", staging), "web")
    with django_assert_num_queries(4):
        assert len(names(actor)) == 30


@pytest.fixture
def mixed(host: Host) -> Host:
    """A host with containers in every state and health."""
    made: list[tuple[str, dict[str, Any]]] = [
        ("running", {}), ("running", {"health": "healthy"}), ("running", {"health": "unhealthy"}),
        ("running", {"health": "starting"}), ("exited", {"oom_killed": True, "exit_code": 137}),
        ("exited", {"exit_code": 0, "health": "unhealthy"}), ("exited", {"exit_code": 2}),
        ("restarting", {}), ("paused", {}),
        ("created", {}), ("removing", {}), ("dead", {}),
    ]  # fmt: skip
    for state, fields in made:
        make_container(host, state=state, **fields)
    return host


def tally_of(actor: Actor) -> Tally:
    return host_list(actor, HostQuery()).rows[0].tally


def test_a_tally_has_each_container_in_one_condition(actor: Actor, mixed: Host) -> None:
    tally = tally_of(actor)
    assert tally.counts == {
        "running": 2, "unhealthy": 1, "starting": 1, "oom": 1, "failed": 1, "exited": 1,
        "restarting": 1, "paused": 1, "created": 1, "removing": 1, "dead": 1,
    }  # fmt: skip
    assert (tally.total, tally.wrong) == (12, 4)
    assert {segment.condition for segment in tally.segments} == set(tally.counts)
    assert abs(sum(segment.width for segment in tally.segments) - 100) < 0.1


def test_each_figure_counts_what_the_containers_list_shows_for_it(
    actor: Actor, mixed: Host
) -> None:
    for figure in tally_of(actor).figures:
        page = container_page(actor, ContainerQuery.parse(QueryDict(figure.query)))
        shown = page.healths if figure.query.startswith("health") else page.states
        assert figure.count == page.total == shown[figure.name], figure.name


def test_what_runs_is_counted_whatever_its_health(actor: Actor, mixed: Host) -> None:
    assert tally_of(actor).running == 4
    assert "1 unhealthy, 1 restarting, 1 starting, 1 paused, 4 running" in tally_of(actor).words


def test_a_health_bar_is_whole_and_shows_even_one_of_many() -> None:
    tally = Tally({"running": 999, "unhealthy": 1})
    segments = tally.segments
    assert (tally.words, tally.tone) == ("1 unhealthy, 1000 running", "warn")
    assert [s.condition for s in segments] == ["unhealthy", "running"]
    assert segments[0].width > 1.5
    assert abs(sum(s.width for s in segments) - 100) < 0.1
    assert (Tally().segments, Tally().words) == ([], "no containers")


def test_a_rows_revision_follows_what_it_shows(actor: Actor, host: Host) -> None:
    def rev() -> str:
        return host_list(actor, HostQuery()).rows[0].rev

    before = rev()
    assert rev() == before
    Host.objects.filter(pk=host.pk).update(last_seen=timezone.now())
    assert rev() == before
    container = make_container(host)
    counted = rev()
    assert counted != before
    Container.objects.filter(pk=container.pk).update(state="exited")
    assert rev() != counted


# -- the Fleet page -------------------------------------------------------------------------------


def kinds(page: FleetPage) -> list[tuple[str, str]]:
    return [(t.kind, str(getattr(t.target, "name", t.target))) for t in page.troubles.items]


def test_a_calm_fleet_has_no_troubles(actor: Actor, container: Container) -> None:
    make_container(container.host, "done", state="exited", exit_code=0)
    page = fleet_page(actor)
    assert not page.troubles.any
    assert page.tally.counts == {"running": 1, "exited": 1}
    assert page.host_states == [("reachable", 1)]


def test_it_names_what_is_wrong_the_worst_first(actor: Actor, host: Host, other_host: Host) -> None:
    Host.objects.filter(pk=other_host.pk).update(
        state=HostState.UNREACHABLE, state_message="The host did not answer in time."
    )
    pair = make_pair(days=10)
    Host.objects.filter(pk=host.pk).update(tls_cert=pair.cert)
    make_container(host, "sick", health="unhealthy")
    make_container(host, "oom", state="exited", oom_killed=True, exit_code=137)
    make_container(host, "loop", state="restarting", restart_count=4, exit_code=1)
    make_container(other_host, "lost-with-its-host", health="unhealthy")
    Job.objects.create(
        operation="container.stop", host=host, target_name="x", state="failed",
        message="The engine said no.", finished_at=timezone.now() - timedelta(minutes=5),
    )  # fmt: skip
    page = fleet_page(actor)
    assert [kind for kind, _name in kinds(page)] == [
        "host", "container", "container", "container", "job", "certificate",
    ]  # fmt: skip
    assert [name for kind, name in kinds(page) if kind == "container"] == ["oom", "sick", "loop"]
    words = " ".join(trouble.words for trouble in page.troubles.items)
    assert "is unreachable. The host did not answer in time." in words
    assert "4 times so far, exit 1" in words and "ends soon" in words


@pytest.mark.parametrize(
    ("count", "code", "said"),
    [
        (0, None, "keeps restarting."),
        (1, None, "keeps restarting: 1 time so far."),
        (7, None, "keeps restarting: 7 times so far."),
        (7, 2, "keeps restarting: 7 times so far, exit 2."),
    ],
)
def test_it_says_of_a_restarting_container_only_what_it_knows(
    actor: Actor, host: Host, count: int, code: int | None, said: str
) -> None:
    make_container(host, "loop", state="restarting", restart_count=count, exit_code=code)
    assert [trouble.words for trouble in fleet_page(actor).troubles.items] == [said]


@pytest.mark.parametrize(("days", "said"), [(10, ["Client certificate"]), (25, [])])
def test_it_names_one_certificate_of_a_host_and_that_not_too_early(
    actor: Actor, host: Host, days: int, said: list[str]
) -> None:
    first, later = make_pair(days=days), make_pair("ca", days=days + 5)
    Host.objects.filter(pk=host.pk).update(tls_cert=first.cert, tls_ca=later.cert)
    words = [trouble.words for trouble in fleet_page(actor).troubles.items]
    assert len(words) == len(said)
    assert all(title in found for title, found in zip(said, words, strict=True))


def test_it_orders_equal_troubles_by_name_and_host(
    actor: Actor, host: Host, other_host: Host
) -> None:
    for place in (host, other_host):
        make_container(place, "mail", health="unhealthy")
    found = [trouble.target for trouble in fleet_page(actor).troubles.items]
    assert [row.host.name for row in found if isinstance(row, Container)] == ["prod-1", "stage-1"]


@pytest.mark.parametrize(
    ("code", "minutes", "said"),
    [
        (1, 5, ["exited with 1."]),
        (127, 5, ["exited with 127 (the command was not found)."]),
        (1, 90, []),
        (0, 5, []),
        (143, 5, []),
        (137, 5, []),
    ],
)
def test_it_names_what_failed_by_itself_lately(
    actor: Actor, host: Host, code: int, minutes: int, said: list[str]
) -> None:
    ended = timezone.now() - timedelta(minutes=minutes)
    make_container(host, "job", state="exited", exit_code=code, finished_at=ended)
    troubles = fleet_page(actor).troubles
    assert [trouble.words for trouble in troubles.items] == said
    assert troubles.more == []
    assert all(trouble.operation for trouble in troubles.items)


def test_old_failures_are_not_news(actor: Actor, host: Host) -> None:
    long_ago = timezone.now() - timedelta(hours=2)
    Job.objects.create(operation="container.stop", host=host, state="failed", finished_at=long_ago)
    assert not fleet_page(actor).troubles.any


def test_it_tells_how_much_more_is_wrong_and_where(actor: Actor, host: Host) -> None:
    for number in range(13):
        make_container(host, f"sick-{number}", health="unhealthy")
        make_container(host, f"loop-{number}", state="restarting", restart_count=1)
        Job.objects.create(
            operation="container.stop", host=host, state="failed", finished_at=timezone.now()
        )
    for number in range(3):
        make_container(
            host, f"oom-{number}", state="exited", oom_killed=True, finished_at=timezone.now()
        )
    troubles = fleet_page(actor, "staging").troubles
    assert len([one for one in troubles.items if one.kind == "container"]) == 12
    assert [(more.kind, more.words, more.query) for more in troubles.more] == [
        ("container", "4 more: unhealthy", "health=unhealthy&environment=staging"),
        ("container", "13 more: restarting", "state=restarting&environment=staging"),
        ("job", "1 more: failed jobs", "state=failed&state=errored&state=lost"),
    ]


def test_every_link_to_more_is_a_filter_of_its_list() -> None:
    for name in {*WRONG, "failed"} - {"oom"}:
        assert not ContainerQuery.parse(QueryDict(FIGURES[name][2])).wrong
    assert set(JobQuery.parse(QueryDict(BAD_JOBS)).state) == {"failed", "errored", "lost"}


def test_it_shows_one_environment(actor: Actor, host: Host, other_host: Host) -> None:
    make_container(host)
    make_container(other_host, health="unhealthy")
    page = fleet_page(actor, "Staging")
    assert [row.host for row in page.hosts] == [host]
    assert not page.troubles.any and page.tally.total == 1
    assert len(fleet_page(actor, "no such").hosts) == 2


def test_it_shows_a_viewer_nothing_of_others(
    viewer: User, stranger: User, host: Host, other_host: Host
) -> None:
    make_container(other_host, health="unhealthy")
    page = fleet_page(actor_for(viewer))
    assert [row.host for row in page.hosts] == [host]
    assert not page.troubles.any
    assert [e.name for e in page.environments] == ["staging"]
    assert fleet_page(actor_for(stranger)).hosts == []


def test_the_page_asks_a_constant_number_of_queries(
    actor: Actor, staging: Environment, django_assert_num_queries: Any
) -> None:
    for number in range(20):
        made = make_host(f"h{number:02}", staging)
        Event.objects.create(
            host=made, at=timezone.now(), kind="die", object_kind="container", object_id="c" * 64
        )
        for state in ("running", "restarting", "dead"):
            make_container(made, f"c-{state}", state=state)
    with django_assert_num_queries(9):
        fleet_page(actor)
