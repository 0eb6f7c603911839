"""The figures of docs/performance.md, one command: `make bench`."""

from __future__ import annotations
