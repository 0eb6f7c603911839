"""The settings with the tests' own environment in place before they are read."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("QUAYSIDE_REDIS_URL", "memory://")
os.environ.setdefault("QUAYSIDE_DATA_DIR", tempfile.mkdtemp(prefix="quayside-test-"))

from config.settings import *  # noqa: F403
from config.settings import DATA_DIR, DATABASES

# A file, not memory: threads of a test get connections of their own, with real locks.
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
