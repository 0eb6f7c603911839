"""Databases of tests that start other processes: these see neither a test's transaction nor memory.

They are on the server of the test run: PostgreSQL when its settings say so, else files of SQLite.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper


def database_url(facts: dict[str, Any]) -> str:
    """Return the settings of a database as a setting of other processes."""
    if "sqlite" in facts["ENGINE"]:
        return f"sqlite:///{facts['NAME']}"
    who = f"{facts['USER']}:{quote(facts['PASSWORD'], safe='')}"
    place = quote(facts["HOST"], safe="") + (f":{facts['PORT']}" if facts["PORT"] else "")
    return f"postgres://{who}@{place}/{facts['NAME']}"


@contextmanager
def connected(alias: str, name: str) -> Iterator[BaseDatabaseWrapper]:
    """Make the database `name` of the run's server known to Django as `alias`."""
    connections.databases[alias] = {**connections.databases["default"], "NAME": name}
    try:
        yield connections[alias]
    finally:
        connections[alias].close()
        del connections.databases[alias]
        del connections[alias]


@contextmanager
def new_database(folder: Path, template: str = "") -> Iterator[str]:
    """An empty database, or a copy of `template`; yields its name, and removes it at the end.

    Nobody may be connected to the template. For SQLite names are paths, here in `folder`.
    """
    name = f"quayside_{os.getpid()}_{uuid4().hex[:12]}"
    if connection.vendor == "sqlite":
        path = folder / f"{name}.sqlite3"
        if template:
            shutil.copyfile(template, path)
        yield str(path)
        return
    _on_server(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
    try:
        yield name
    finally:
        # A process that was killed may still be connected, as far as the server knows.
        _on_server(f'DROP DATABASE "{name}" WITH (FORCE)')


def _on_server(statement: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def migrated_template(folder: Path) -> Iterator[str]:
    """A migrated database to copy, which is much quicker than to migrate each; yields its name."""
    with new_database(folder) as name:
        with connected("template", name):
            call_command("migrate", database="template", verbosity=0)
        yield name
