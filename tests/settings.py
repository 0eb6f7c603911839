"""The settings with the tests' own environment in place before they are read."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("QUAYSIDE_REDIS_URL", "memory://")
os.environ.setdefault("QUAYSIDE_DATA_DIR", tempfile.mkdtemp(prefix="quayside-test-"))

from config.settings import *  # noqa: F403
