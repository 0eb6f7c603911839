"""Going on where a stream was cut: nothing twice, nothing lost, a hole told."""

from __future__ import annotations

from fleet.engine.log_blocks import LogBlock
from fleet.logs.clocks import turn_of
from fleet.logs.marks import Mark
from fleet.logs.places import NOTHING, Beginning, Place, Resumed, Trail
from tests.logs.blocks import at, block, numbered, texts


def test_it_passes_everything_once_the_place_is_found() -> None:
    beginning = Beginning(Place(at(1)))
    assert beginning.cut(numbered(2)) == NOTHING
    assert not beginning.found
    assert texts([beginning.cut(numbered(1, 2))]) == ["x"]
    assert beginning.found and not beginning.hole
    later = numbered(1)
    assert beginning.cut(later) is later


def test_what_stands_behind_the_place_with_an_earlier_time_is_new() -> None:
    beginning = Beginning(Place(at(5)))
    assert texts([beginning.cut(block((at(4), "a"), (at(5), "b"), (at(1), "c")))]) == ["c"]
    assert beginning.found and not beginning.hole


def test_a_place_is_met_behind_lines_with_later_times() -> None:
    beginning = Beginning(Place(at(2)))
    given = block((at(8), "old"), (at(9), "old"), (at(1), "read"), (at(2), "read"), (at(3), "new"))
    assert texts([beginning.cut(given)]) == ["new"]
    gone = Beginning(Place(at(2)))
    assert texts([gone.cut(block((at(8), "a"), (at(9), "b")))]) == ["a", "b"]
    assert gone.hole


def test_it_goes_on_by_order_where_times_went_back() -> None:
    kept = [block((at(9), "a"), (at(1), "b"), (at(1), "b"))]
    resumed = Resumed(kept, in_order=True)
    given = block((at(9), "a"), (at(1), "b"), (at(1), "b"), (at(0), "c"), (at(9), "d"))
    assert texts([resumed.fresh(given)]) == ["c", "d"]
    assert texts([resumed.fresh(numbered(1))]) == ["x"]


def test_it_finds_where_a_clock_was_set_back() -> None:
    late, early = "2026-01-01T00:00:09Z", "2026-01-01T00:00:01Z"
    turn = turn_of(block((late, "a"), (early, "b"), (early, "c")), "")
    assert turn is not None and [texts([part]) for part in turn] == [["a"], ["b", "c"]]
    assert turn[0].last_time == late and turn[1].last_time == early
    first = turn_of(block((early, "a")), late)
    assert first is not None and [part.entries for part in first] == [0, 1]
    assert turn_of(block((at(9), "out"), (at(3), "err")), at(10)) is None
    inside = block((early, "a"), (late, "b"), (early, "c"), (late, "d"))
    within = turn_of(inside, "")
    assert within is not None and [texts([part]) for part in within] == [["a", "b"], ["c", "d"]]
    assert turn_of(inside, "", live=True) is None, "which is not looked at line by line"
    backwards = turn_of(block((late, "a"), (early, "b")), early, live=True)
    assert backwards is not None and texts([backwards[1]]) == ["b"]


def test_it_takes_lines_without_a_time_as_new() -> None:
    beginning = Beginning(Place(at(5)))
    assert texts([beginning.cut(block(("", "no time")))]) == [" no time"]


def test_it_leaves_out_what_was_read_before_the_cut() -> None:
    resumed = Resumed([numbered(3), block((at(9), "a"), (at(9), "b"))])
    fresh = resumed.fresh(
        block((at(2), "x"), (at(9), "a"), (at(9), "b"), (at(9), "c"), (at(10), "d"))
    )
    assert texts([fresh]) == ["c", "d"]
    assert not resumed.hole()
    assert resumed.fresh(numbered(1)).entries == 1, "later blocks are not looked at"


def test_it_keeps_the_same_line_written_twice_at_once() -> None:
    resumed = Resumed([block((at(9), "a"))])
    assert texts([resumed.fresh(block((at(9), "a"), (at(9), "a")))]) == ["a"]


def test_it_knows_where_its_last_frame_begins() -> None:
    resumed = Resumed([block((at(9), "a"))])
    fresh = resumed.fresh(block((at(9), "b"), (at(10), "c")))
    assert fresh.last_time == at(10)
    only = Resumed([block((at(9), "a"))]).fresh(block((at(9), "a"), (at(9), "b")))
    assert (only.entries, only.last_time) == (1, at(9))


def test_it_tells_a_hole_once() -> None:
    resumed = Resumed([numbered(3)])
    assert resumed.fresh(numbered(2, 50)).entries == 2
    assert resumed.hole()
    assert not resumed.hole()


def test_it_begins_anew_without_anything_read() -> None:
    resumed = Resumed([])
    assert resumed.fresh(numbered(2)).entries == 2
    assert not resumed.hole()
    assert Resumed([LogBlock(b"", 0)]).at == ""


def test_a_trail_ends_behind_the_last_line() -> None:
    trail = Trail(Place(at(9), 2))
    assert trail.place == Place(at(9), 2)
    trail.went([block((at(9), "c")), Mark("restarted")])
    assert trail.place == Place(at(9), 3)
    trail.went([block((at(9), "d"), (at(10), "e")), NOTHING, block((at(10), "f"))])
    assert trail.place == Place(at(10), 2)
    rest = Beginning(trail.place).cut(
        block((at(9), "d"), (at(10), "e"), (at(10), "f"), (at(10), "g"))
    )
    assert texts([rest]) == ["g"]
