"""What can be done to hosts and environments."""

from __future__ import annotations
