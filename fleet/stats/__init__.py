"""What running containers use, read from their engines while somebody looks."""

from __future__ import annotations

from fleet.engine.stats import Usage

__all__ = ["Usage"]
