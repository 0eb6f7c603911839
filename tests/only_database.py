"""`--only-database`: leave out tests that use none, for another database tells nothing of them.

pytest-django lets a test at the database only if it says so, by its mark or by a fixture: one that
forgot fails on the first database already.
"""

from __future__ import annotations

import pytest

ASKED = {"db", "transactional_db", "django_db_setup", "live_server"}
UNLOCKS = "django_db_blocker"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--only-database", action="store_true", help="only tests that use a database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what uses no database, when that is asked for."""
    if not config.getoption("--only-database"):
        return
    left_out = [item for item in items if not uses_database(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if uses_database(item)]


def uses_database(item: pytest.Item) -> bool:
    """Whether a test, or a fixture of ours that it needs, may use the database."""
    if item.get_closest_marker("django_db") or ASKED & set(getattr(item, "fixturenames", ())):
        return True
    found = getattr(item, "_fixtureinfo", None)
    definitions = found.name2fixturedefs.values() if found else ()
    return any(
        UNLOCKS in one.argnames and one.func.__module__.startswith("tests.")
        for definition in definitions
        for one in definition
    )
