"""The docs know every setting, noun, make target and link that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NOUNS = (
    "host", "environment", "container", "event", "job", "user", "team", "role", "grant", "audit",
    "token", "log", "saved-filter", "registry", "image", "build", "update",
    "trigger", "scan",
)  # fmt: skip


def test_it_documents_every_setting() -> None:
    named = set(
        re.findall(r'"((?:QUAYSIDE_\w+|PORT|BIND))"', (ROOT / "config/settings.py").read_text())
    )
    told = (DOCS / "settings.md").read_text()
    assert [name for name in sorted(named) if f"`{name}`" not in told] == []


@pytest.mark.parametrize("noun", NOUNS)
def test_it_has_a_page_for_each_noun(noun: str) -> None:
    text = (DOCS / "concepts" / f"{noun}.md").read_text()
    assert text.startswith("# ")
    assert len(text.split()) > 60


def pages() -> list[Path]:
    """Return every page of the docs and at the top."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_its_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_it_tells_how_many_logs_one_may_follow() -> None:
    from dashboard.api.follow import FOLLOWS_PER_USER

    told = (DOCS / "concepts" / "log.md").read_text()
    assert f"A user follows at most {FOLLOWS_PER_USER} logs in each web process." in told
