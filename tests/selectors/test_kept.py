"""What is kept for a while has bounds."""

from __future__ import annotations

import pytest

from fleet.selectors.kept import NOTHING, Kept


def test_it_keeps_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("fleet.selectors.kept.time.monotonic", lambda: now[0])
    kept = Kept(seconds=30, room=10_000)
    kept.put("a", (1, 2))
    assert kept.get("a") == (1, 2) and kept.get("b") is NOTHING
    now[0] += 29
    kept.put("b", None)
    assert kept.get("a") == (1, 2) and kept.get("b") is None
    now[0] += 2
    assert kept.get("a") is NOTHING and kept.get("b") is None


def test_the_oldest_go_when_there_is_no_room() -> None:
    kept = Kept(seconds=30, room=8_000)
    for number in range(20):
        kept.put(str(number), "x" * 900)
    left = [number for number in range(20) if kept.get(str(number)) is not NOTHING]
    assert left == list(range(20 - len(left), 20)) and 4 <= len(left) <= 8
    kept.put("large", "x" * 1_000)
    assert kept.get("large") is NOTHING


def test_a_value_takes_the_place_of_its_former_one() -> None:
    kept = Kept(seconds=30, room=8_000)
    kept.put("other", "y")
    for number in range(50):
        kept.put("same", f"{number}" + "x" * 900)
    assert kept.get("same").startswith("49x") and kept.get("other") == "y"
    kept.clear()
    assert kept.get("same") is NOTHING
