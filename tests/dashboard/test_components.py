"""The tags and components that every page is made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.paginator import Paginator
from django.template import Context, Template
from django.template.loader import get_template
from django.test import Client, RequestFactory
from pytest_django import Settings

from dashboard.templatetags import states, words
from dashboard.templatetags.quayside import page_numbers
from fleet.models import ContainerState, Health, HostState, JobState, User
from tests.dashboard.frame_urls import HostForm

EVIL = '<script>alert("1")</script>'
ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "static" / "js"
LOOKS = (states.CONTAINER, states.HEALTH, states.HOST, states.JOB)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def drawn(source: str, **context: Any) -> str:
    """Return what a template draws."""
    return Template(source).render(Context(context))


@pytest.mark.parametrize(
    ("state", "health", "code", "oom", "tone", "said"),
    [
        ("running", "", None, False, "ok", "running"),
        ("running", "healthy", None, False, "ok", "healthy"),
        ("running", "starting", None, False, "busy", "starting"),
        ("running", "unhealthy", None, False, "warn", "unhealthy"),
        ("exited", "", 0, False, "idle", "exited"),
        ("exited", "unhealthy", 0, False, "idle", "exited"),
        ("exited", "", 1, False, "bad", "exit 1"),
        ("exited", "", 137, True, "bad", "exit 137: killed, out of memory"),
        ("exited", "", 0, True, "bad", "exit 0: out of memory"),
        ("exited", "", 127, False, "bad", "exit 127: its command was not found"),
        ("restarting", "", 1, False, "warn", "restarting after exit 1"),
        ("paused", "", None, False, "paused", "paused"),
        ("dead", "", None, False, "bad", "dead"),
    ],
)
def test_it_shows_a_state_as_icon_and_word(
    state: str, health: str, code: int | None, oom: bool, tone: str, said: str
) -> None:
    html = drawn("{% state_badge s h c o %}", s=state, h=health, c=code, o=oom)
    assert f"tone-{tone}" in html
    assert f">{said}</span>" in html
    assert '<span class="state with-icon qi-' in html


def test_it_knows_every_state_of_the_models() -> None:
    known = (
        ("container", ContainerState), ("health", Health), ("host", HostState), ("job", JobState),
    )  # fmt: skip
    for kind, choices in known:
        table = {"container": states.CONTAINER, "health": states.HEALTH}
        table |= {"host": states.HOST, "job": states.JOB}
        assert {str(value) for value in choices.values if value} == set(table[kind])


def test_it_turns_only_while_something_moves() -> None:
    assert "turning" in drawn("{% job_state 'running' %}")
    assert "turning" not in drawn("{% job_state 'succeeded' %}")


def test_it_shows_a_state_that_it_does_not_know_quietly() -> None:
    html = drawn("{% state_badge s %}", s=EVIL)
    assert "tone-idle" in html
    assert "<script>" not in html


def test_it_shows_a_container_of_an_absent_host_with_its_age() -> None:
    container = SimpleNamespace(
        state="running", health="", exit_code=None, oom_killed=False,
        host=SimpleNamespace(state="unreachable"), seen_at=datetime.now(UTC) - timedelta(minutes=2),
    )  # fmt: skip
    html = drawn("{% container_state c %}", c=container)
    assert "tone-away" in html
    assert "2 min ago" in html


def test_it_says_since_when_a_host_is_away() -> None:
    host = SimpleNamespace(
        state="unreachable", last_seen=datetime.now(UTC) - timedelta(hours=3, minutes=1)
    )
    assert "last seen <time" in drawn("{% host_state h %}", h=host)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"), (4, "just now"), (-4, "just now"), (5, "5 s ago"), (59, "59 s ago"),
        (60, "1 min ago"), (3599, "59 min ago"), (3600, "1 h ago"), (47 * 3600, "47 h ago"),
        (48 * 3600, "2 d ago"), (70 * 86400, "2 mo ago"), (800 * 86400, "2 y ago"),
        (-120, "in 2 min"),
    ],
)  # fmt: skip
def test_it_says_how_long_ago(seconds: int, said: str) -> None:
    assert words.ago_text(NOW - timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"),
     (3 << 60, "3072.0 PiB"), (None, "–")],
)  # fmt: skip
def test_it_shows_sizes_in_iec_units(count: int | None, said: str) -> None:
    assert words.size_text(count) == said


def test_it_cuts_names_in_the_middle_and_keeps_the_whole_on_hover() -> None:
    whole = "shop_storefront_checkout-worker_17"
    html = drawn("{% middle name 16 %}", name=whole)
    assert f'title="{whole}"' in html
    assert len(words.middle_text(whole, 16)) == 16
    assert words.middle_text(whole, 16).endswith("worker_17")
    assert drawn("{% middle name 40 %}", name=whole) == whole


@pytest.mark.parametrize(
    ("reference", "path", "name"),
    [
        ("redis:8", "", "redis:8"),
        ("registry:5000/team/app:1.2@sha256:" + "a" * 64, "registry:5000/team/", "app:1.2"),
        ("sha256:" + "ab" * 32, "", "abababababab"),
    ],
)
def test_it_keeps_an_images_name_and_tag(reference: str, path: str, name: str) -> None:
    assert words.image_parts(reference) == (path, name)


def test_it_copies_the_whole_of_a_short_id() -> None:
    html = drawn("{% short_id i %}", i="sha256:" + "ab" * 32)
    assert 'data-copy="sha256:' + "ab" * 32 in html
    assert ">abababababab<" in html


def test_it_links_ports_that_a_browser_reaches() -> None:
    published = [
        {"container_port": 80, "protocol": "tcp", "host_ip": "0.0.0.0", "host_port": 8080},  # noqa: S104
        {"container_port": 80, "protocol": "tcp", "host_ip": "::", "host_port": 8080},
        {"container_port": 443, "protocol": "tcp", "host_ip": "10.0.0.1", "host_port": 8443},
        {"container_port": 53, "protocol": "udp", "host_ip": "", "host_port": 53},
        {"container_port": 9000, "protocol": "tcp", "host_ip": "127.0.0.1", "host_port": 9000},
        {"container_port": 6379, "protocol": "tcp"},
    ]
    html = drawn("{% ports p 'tcp://node-1:2376' %}", p=published)
    assert html.count('href="http://node-1:8080"') == 1
    assert 'href="https://node-1:8443"' in html
    assert ":53" not in html
    assert "node-1:9000" not in html
    assert ">6379/tcp<" in html


def test_it_links_ports_of_the_local_host_by_our_own_name(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["quay.example.org"]
    request = RequestFactory().get("/", headers={"host": "quay.example.org:8000"})
    published = [{"container_port": 80, "protocol": "tcp", "host_port": 8080}]
    html = drawn("{% ports p 'unix:///run/docker.sock' %}", p=published, request=request)
    assert 'href="http://quay.example.org:8080"' in html


def test_it_draws_health_in_proportion_and_in_words() -> None:
    html = drawn("{% health_bar c %}", c={"ok": 3, "bad": 1})
    assert 'aria-label="1 failed, 3 running"' in html
    assert '<rect class="tone-bad" x="0.00" y="0" width="25.00"' in html
    assert "no containers" in drawn("{% health_bar c %}", c={})


def test_it_bounds_progress() -> None:
    assert 'value="100"' in drawn("{% progress 250 %}")
    assert 'value="0"' in drawn("{% progress p %}", p=None)


def test_it_sorts_by_click_and_keeps_the_filter() -> None:
    request = RequestFactory().get("/?q=web&sort=name&page=3")
    html = drawn("{% sort_header 'name' 'Name' %}", request=request)
    assert 'aria-sort="ascending"' in html
    assert 'href="?q=web&amp;sort=-name"' in html
    assert "aria-sort" not in drawn("{% sort_header 'host' 'Host' %}", request=request)


@pytest.mark.parametrize(
    ("pages", "number", "shown"),
    [(1, 1, [1]), (3, 2, [1, 2, 3]), (20, 10, [1, 2, 0, 8, 9, 10, 11, 12, 0, 19, 20])],
)
def test_it_names_the_pages_worth_a_link(pages: int, number: int, shown: list[int]) -> None:
    assert page_numbers(Paginator(range(pages), 1).page(number)) == shown


@pytest.mark.parametrize(
    ("query", "start"),
    [("page=2", "?"), ("q=a%26b&page=2&sort=name", "?q=a%26b&amp;sort=name&amp;")],
)
@pytest.mark.parametrize(("number", "beside"), [(1, [2]), (2, [1, 3]), (3, [2])])
def test_links_to_pages_keep_what_a_list_is_asked_for(
    query: str, start: str, number: int, beside: list[int]
) -> None:
    page = Paginator(range(3), 1).page(number)
    request = RequestFactory().get(f"/?{query}")
    html = get_template("components/pagination.html").render({"page_obj": page}, request)
    by_number = re.findall(r'<a href="([^"]+)">(\d)</a>', html)
    assert by_number == [(f"{start}page={n}", str(n)) for n in (1, 2, 3) if n != number]
    arrows = re.findall(r'<a rel="(?:prev|next)" href="([^"]+)"', html)
    assert arrows == [f"{start}page={n}" for n in beside]
    assert html.count("aria-disabled") == 2 - len(beside)


def test_it_ties_errors_and_help_to_their_field() -> None:
    form = HostForm({"name": EVIL, "url": ""})
    html = drawn("{% form_errors form %}{% field form.url %}{% field form.name %}", form=form)
    assert 'aria-describedby="id_url_help id_url_error"' in html
    assert 'id="id_url_error"' in html
    assert 'aria-invalid="true"' in html
    assert '<a href="#id_url">Address</a>' in html
    assert "<script>" not in html


def test_it_never_shows_a_secret_that_is_kept() -> None:
    html = drawn("{% field form.tls_key %}", form=HostForm(initial={"tls_key": ""}))
    assert "••••" in html
    assert "Replace" in html


def test_it_escapes_the_words_of_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "script_words", lambda: {"a": "</script><b>&"})
    assert "</script><b>" not in drawn("{% script_words %}")


class InlineFinder(HTMLParser):
    """Finds what a strict Content-Security-Policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note inline style, inline script and handlers."""
        named = dict(attrs)
        self.ids += [named["id"] or ""] if "id" in named else []
        self.found += [
            f"{tag} {name}" for name in named if name == "style" or name.startswith("on")
        ]
        script = tag == "script" and "src" not in named and named.get("type") != "application/json"
        self.found += [tag] if script or tag == "style" else []


@pytest.fixture
def shown(
    settings: Settings, make_user: Callable[..., User], sign_in: Callable[[User], Client]
) -> str:
    """The page of all components."""
    settings.ROOT_URLCONF = "tests.dashboard.frame_urls"
    return sign_in(make_user("ann", superuser=True)).get("/").content.decode()


def test_it_has_nothing_inline_and_no_id_twice(shown: str) -> None:
    finder = InlineFinder()
    finder.feed(shown)
    assert finder.found == []
    assert len(finder.ids) == len(set(finder.ids))


def test_it_loads_all_modules_at_once(shown: str) -> None:
    wanted: set[str] = {"app.js"}
    seen: set[str] = set()
    while wanted - seen:
        name = min(wanted - seen)
        seen.add(name)
        wanted |= set(re.findall(r'from "\./([\w-]+\.js)"', (SCRIPTS / name).read_text("utf-8")))
    preloaded = set(re.findall(r'rel="modulepreload" href="/static/js/([^"]+)"', shown))
    assert preloaded == seen - {"app.js"}


def test_it_uses_only_icons_that_are_vendored() -> None:
    sheet = (ROOT / "static/vendor/tabler-icons/icons.css").read_text("utf-8")
    known = set(re.findall(r"^\.qi-([\w-]+)\{", sheet, re.M))
    sources = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("dashboard/**/*.py")]
    named = {
        name
        for source in sources
        for name in re.findall(
            r"""(?:{% icon |icon=|"icon": )["']([\w-]+)["']""", source.read_text("utf-8")
        )
    }
    assert named - known == set()
    assert {look.icon for table in LOOKS for look in table.values()} <= known


def test_it_has_landmarks_and_a_way_past_them(shown: str) -> None:
    for part in (
        '<main class="main" id="content"',
        'href="#content"',
        'role="search"',
        'lang="en"',
    ):
        assert part in shown


def test_it_draws_the_theme_that_the_cookie_names(
    settings: Settings, client: Client, db: None
) -> None:
    settings.ROOT_URLCONF = "tests.dashboard.frame_urls"
    client.cookies["theme"] = "dark"
    assert 'data-bs-theme="dark"' in client.get("/plain/").content.decode()
    client.cookies["theme"] = '"><script>'
    assert 'data-bs-theme="auto"' in client.get("/plain/").content.decode()
