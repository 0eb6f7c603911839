"""Lists by pages: which part of a list a page shows."""

from __future__ import annotations

from typing import Any


def page_of(total: int, size: int, page: int) -> tuple[int, int, slice]:
    """Return the page, how many there are, and the rows on it; beyond the end is the last one."""
    pages = max(1, -(-total // size))
    page = min(page, pages)
    return page, pages, slice((page - 1) * size, page * size)


class Numbered:
    """A page of a list whose rows have numbers."""

    query: Any  # it has the `size` of a page
    rows: list[Any]
    page: int

    @property
    def first(self) -> int:
        """Number of the first row, from 1; 0 when there is none."""
        return (self.page - 1) * self.query.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """Number of the last row."""
        return self.first + len(self.rows) - 1 if self.rows else 0
