"""The settings with the tests' own environment in place before they are read."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("QUAYSIDE_REDIS_URL", "memory://")
os.environ.setdefault("QUAYSIDE_TRIVY", "/nowhere/trivy")  # as on most machines
if "QUAYSIDE_DATA_DIR" not in os.environ:
    os.environ["QUAYSIDE_DATA_DIR"] = tempfile.mkdtemp(prefix="quayside-test-")
    atexit.register(shutil.rmtree, os.environ["QUAYSIDE_DATA_DIR"], ignore_errors=True)

from config.settings import *  # noqa: F403
from config.settings import DATA_DIR, DATABASES

# A file, not memory: threads of a test get connections of their own, with real locks.
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
# Threads give their connection back at once: the test database can be removed at the end.
DATABASES["default"]["CONN_MAX_AGE"] = 0
# Look static files up when they are asked for: every test client would list them all at first,
# and fail while another process collects them.
WHITENOISE_AUTOREFRESH = True
