"""Logs: one stream from the engine per container and process, shared by all who read it.

`LogHub.reading(target)` gives a `Reader`, a bounded queue of lines and marks; the last one to leave
closes the stream. See docs/concepts/log.md.
"""

from __future__ import annotations
