"""The breadcrumb's menus: where one can switch to, and that nobody reads names of others there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from fleet.models import Container, Environment, Host, HostState, Role, User
from fleet.selectors.siblings import FEW, SHOWN
from tests.conftest import grant, make_container, make_host

SignIn = Callable[[User], Client]
LINK = re.compile(r'<a class="menu-item" href="([^"]+)"( aria-current="true")?>')
HTMX = {"HX-Request": "true"}


def menu(client: Client, path: str) -> str:
    """Return a menu as the page's script gets it."""
    answer = client.get(path, headers=HTMX)
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


def links(html: str) -> list[str]:
    """Return where a menu leads to; the one that is here is marked with a star."""
    return [f"{href}{'*' if here else ''}" for href, here in LINK.findall(html)]


# --- The breadcrumb ------------------------------------------------------------------------


def test_each_part_is_a_link_with_a_menu(
    container: Container, viewer: User, sign_in: SignIn
) -> None:
    page = sign_in(viewer).get(f"/containers/{container.pk}/logs/").content.decode()
    crumbs = page.partition('<nav class="crumbs"')[2].partition("</nav>")[0]
    host = container.host
    assert re.findall(r'<li class="crumb"><a href="([^"]+)"', crumbs) == [
        "/hosts/?environment=staging",
        f"/hosts/{host.pk}/",
        f"/containers/{container.pk}/",
    ]
    assert re.findall(r'hx-get="([^"]+)"', crumbs) == [
        f"/environments/{host.environment_id}/siblings/",
        f"/hosts/{host.pk}/siblings/",
        f"/containers/{container.pk}/siblings/?tab=logs",
    ]
    assert crumbs.count('aria-current="page"') == 1


@pytest.mark.parametrize("tab", ["", "events/", "jobs/", "edit/", "remove/"])
def test_all_pages_of_a_host_have_them(
    tab: str, host: Host, administrator: User, sign_in: SignIn
) -> None:
    page = sign_in(administrator).get(f"/hosts/{host.pk}/{tab}").content.decode()
    assert 'popovertarget="switch-environment"' in page
    assert 'popovertarget="switch-host"' in page


# --- What they list ------------------------------------------------------------------------


def test_it_lists_the_environments(
    host: Host, other_host: Host, administrator: User, sign_in: SignIn
) -> None:
    html = menu(sign_in(administrator), f"/environments/{host.environment_id}/siblings/")
    assert links(html) == ["/hosts/?environment=production", "/hosts/?environment=staging*"]


def test_it_lists_hosts_of_the_same_environment_and_keeps_the_tab(
    host: Host, other_host: Host, administrator: User, sign_in: SignIn
) -> None:
    beside = make_host("stage-2", host.environment, state=HostState.UNREACHABLE)
    client = sign_in(administrator)
    html = menu(client, f"/hosts/{host.pk}/siblings/?tab=events")
    assert links(html) == [f"/hosts/{host.pk}/events/*", f"/hosts/{beside.pk}/events/"]
    assert "unreachable" in html and other_host.name not in html
    for strange in ("", "?tab=edit", "?tab=%00", "?tab=remove/"):
        html = menu(client, f"/hosts/{host.pk}/siblings/{strange}")
        assert links(html) == [f"/hosts/{host.pk}/*", f"/hosts/{beside.pk}/"]


def test_it_lists_containers_of_the_same_host_and_keeps_the_tab(
    container: Container, other_host: Host, viewer: User, sign_in: SignIn
) -> None:
    beside = make_container(container.host, "a-1", state="exited", exit_code=137)
    make_container(other_host, "elsewhere-1")
    html = menu(sign_in(viewer), f"/containers/{container.pk}/siblings/?tab=logs")
    assert links(html) == [f"/containers/{beside.pk}/logs/", f"/containers/{container.pk}/logs/*"]
    assert "exit 137" in html and "elsewhere-1" not in html
    assert f'<a href="/hosts/{container.host_id}/">Containers of stage-1</a>' in html


def test_names_are_data(host: Host, viewer: User, sign_in: SignIn) -> None:
    row = make_container(host, "<b>&")
    html = menu(sign_in(viewer), f"/containers/{row.pk}/siblings/")
    assert "<b>&" not in html and "&lt;b&gt;&amp;" in html


# --- Many ----------------------------------------------------------------------------------


def test_it_offers_a_filter_for_more_than_a_few(host: Host, viewer: User, sign_in: SignIn) -> None:
    rows = [make_container(host, f"c-{number:03}") for number in range(FEW)]
    path = f"/containers/{rows[0].pk}/siblings/"
    assert 'type="search"' not in menu(sign_in(viewer), path)
    make_container(host, "x")
    html = menu(sign_in(viewer), path)
    assert 'type="search"' in html and f'hx-get="{path}"' in html


def test_it_filters_by_name(host: Host, viewer: User, sign_in: SignIn) -> None:
    rows = [make_container(host, f"c-{number:03}") for number in range(FEW + 2)]
    path = f"/containers/{rows[0].pk}/siblings/?tab=events&q="
    client = sign_in(viewer)
    html = menu(client, f"{path}C-01")
    assert links(html) == [f"/containers/{row.pk}/events/" for row in rows[10:]]
    assert 'type="search"' not in html, "the field that one types into stays"
    assert "No name holds “%”." in menu(client, f"{path}%25")
    assert len(links(menu(client, path))) == FEW + 2


def test_it_shows_fifty_and_links_to_all(host: Host, viewer: User, sign_in: SignIn) -> None:
    rows = [make_container(host, f"c-{number:03}") for number in range(SHOWN + 2)]
    client = sign_in(viewer)
    path = f"/containers/{rows[-1].pk}/siblings/"
    html = menu(client, path)
    assert len(links(html)) == SHOWN
    assert links(html)[0] == f"/containers/{rows[-1].pk}/*", "the present one is always there"
    assert f'href="/containers/?host=stage-1">Show all {SHOWN + 2}</a>' in html
    html = menu(client, f"{path}?q=c-")
    assert f'href="/containers/?host=stage-1&amp;q=c-">Show all {SHOWN + 2}</a>' in html


def test_many_cost_no_more_queries_than_one(
    host: Host, administrator: User, sign_in: SignIn
) -> None:
    rows = [make_container(host, "c"), make_container(host, "d")]
    client = sign_in(administrator)
    for kind, pk, make in (
        ("containers", rows[0].pk, lambda n: make_container(host, f"c-{n}")),
        ("hosts", host.pk, lambda n: make_host(f"h-{n}", host.environment)),
        ("environments", host.environment_id, lambda n: Environment.objects.create(name=f"e-{n}")),
    ):
        path = f"/{kind}/{pk}/siblings/"
        menu(client, path)
        with CaptureQueriesContext(connection) as few:
            menu(client, path)
        for number in range(SHOWN - 2):
            make(number)
        with CaptureQueriesContext(connection) as many:
            assert len(links(menu(client, path))) > SHOWN - 3, kind
        assert len(many) == len(few), kind


# --- Rights --------------------------------------------------------------------------------


def test_a_viewer_of_another_environment_sees_none_of_the_names(
    container: Container, other_host: Host, make_user: Callable[..., User], production: Environment,
    sign_in: SignIn,
) -> None:  # fmt: skip
    client = sign_in(make_user("pia", role="viewer", on=production))
    host = container.host
    for path in (
        f"containers/{container.pk}",
        f"hosts/{host.pk}",
        f"environments/{host.environment_id}",
    ):
        answer = client.get(f"/{path}/siblings/", headers=HTMX)
        assert answer.status_code == 404
        shown = answer.content.decode()
        assert not any(name in shown for name in ("web-1", "stage-1", "staging"))
    html = menu(client, f"/environments/{production.pk}/siblings/")
    assert links(html) == ["/hosts/?environment=production*"]
    html = menu(client, f"/hosts/{other_host.pk}/siblings/?q=stage")
    assert links(html) == []


def test_a_viewer_of_one_host_sees_no_other(
    host: Host, make_user: Callable[..., User], sign_in: SignIn
) -> None:
    make_host("stage-2", host.environment)
    html = menu(sign_in(make_user("hal", role="viewer", on=host)), f"/hosts/{host.pk}/siblings/")
    assert links(html) == [f"/hosts/{host.pk}/*"]


def test_who_sees_hosts_but_no_containers_gets_none(
    container: Container, make_user: Callable[..., User], sign_in: SignIn
) -> None:
    Role.objects.create(name="looker", permissions=["host.view"])
    user = make_user("lou")
    grant(user, "looker", container.host)
    client = sign_in(user)
    assert client.get(f"/containers/{container.pk}/siblings/", headers=HTMX).status_code == 404


def test_without_scripts_it_leads_to_the_list(
    container: Container, viewer: User, sign_in: SignIn
) -> None:
    answer = sign_in(viewer).get(f"/containers/{container.pk}/siblings/")
    assert (answer.status_code, answer["Location"]) == (302, "/containers/?host=stage-1")
