"""What a measurement prints, and when it is missed."""

from __future__ import annotations

import pytest

from bench.figures import Figure


@pytest.mark.parametrize(
    ("figure", "missed", "words"),
    [
        (Figure("x", 3, "ms"), False, "ms"),
        (Figure("x", 3, "ms", 3), False, "limit 3 ms: holds"),
        (Figure("x", 4, "ms", 3), True, "limit 3 ms: MISSED"),
        (Figure("x", 9_999, "lines/s", least=10_000), True, "least 10000 lines/s: MISSED"),
        (Figure("x", 10_000, "lines/s", least=10_000), False, "least 10000 lines/s: holds"),
    ],
)
def test_it_is_missed_over_the_limit_and_under_the_least(
    figure: Figure, missed: bool, words: str
) -> None:
    assert figure.missed is missed
    assert str(figure).endswith(words)
