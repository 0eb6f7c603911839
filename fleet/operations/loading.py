"""Loading a tar onto a job's host, with its progress."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

from fleet.engine.loading import Loaded, load_image
from fleet.engine.progress import LayerProgress, Said

if TYPE_CHECKING:
    from fleet.jobs.work import Work


def load_pieces(work: Work, pieces: Generator[bytes], label: str, size: int) -> Loaded:
    """Load a tar of which so much is unpacked, told as one part; return what is there then.

    `pieces` tells by itself how much of it was sent, and is closed. Raises EngineError.
    """
    unpacked: dict[str, int] = {}
    loaded = Loaded()
    with closing(pieces), work.report.awaiting(packs=True):
        for news in load_image(work.engine, pieces):
            if isinstance(news, LayerProgress):
                unpacked[news.layer] = news.done
                work.report.part(label, "extracting", sum(unpacked.values()), size)
            elif isinstance(news, Said):
                work.report.line(news.text, level="engine")
            else:
                loaded = news
    return loaded
