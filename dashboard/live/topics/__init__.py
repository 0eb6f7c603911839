"""The topics, streams and notices that pages can follow: a module per noun, imported here."""

from __future__ import annotations

import dashboard.live.topics.builds
import dashboard.live.topics.container
import dashboard.live.topics.containers
import dashboard.live.topics.death
import dashboard.live.topics.events
import dashboard.live.topics.fleet
import dashboard.live.topics.hosts
import dashboard.live.topics.image
import dashboard.live.topics.images
import dashboard.live.topics.jobs
import dashboard.live.topics.jobs_on
import dashboard.live.topics.log_part
import dashboard.live.topics.logs
import dashboard.live.topics.registries
import dashboard.live.topics.scans
import dashboard.live.topics.stats  # noqa: F401
from dashboard.live.topics.base import NOTICES, STREAMS, TOPICS

__all__ = ["NOTICES", "STREAMS", "TOPICS"]
