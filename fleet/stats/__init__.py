"""What running containers use, live while somebody looks, and kept for a week."""

from __future__ import annotations

from fleet.engine.stats import Usage

__all__ = ["Usage"]
