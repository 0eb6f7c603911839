"""What five fields mean, and what happens where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fleet.triggers.cron import BadCron, next_times, parse_cron, zone_named

BERLIN = "Europe/Berlin"


def times(cron: str, zone: str, after: str, count: int = 3) -> list[str]:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    return [f"{at:%m-%d %H:%M}" for at in next_times(cron, zone, moment, count)]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("*/20 * * * *", ["03-01 00:20", "03-01 00:40", "03-01 01:00"]),
        ("30 3 * * 1-5", ["03-02 03:30", "03-03 03:30", "03-04 03:30"]),
        ("30 3 * * fri-sun", ["03-01 03:30", "03-06 03:30", "03-07 03:30"]),
        ("0 0 * * 7", ["03-08 00:00", "03-15 00:00", "03-22 00:00"]),
        ("5,10 8-9/1 2 * *", ["03-02 08:05", "03-02 08:10", "03-02 09:05"]),
        ("50/5 1 * * *", ["03-01 01:50", "03-01 01:55", "03-02 01:50"]),
        # Either of both days is enough, as cron has it; a star in front restricts nothing.
        ("0 0 13 * fri", ["03-06 00:00", "03-13 00:00", "03-20 00:00"]),
        ("0 0 */2 * mon", ["03-09 00:00", "03-23 00:00", "04-13 00:00"]),
        ("0 12 31 apr,may *", ["05-31 12:00", "05-31 12:00", "05-31 12:00"]),
        ("@weekly", ["03-08 00:00", "03-15 00:00", "03-22 00:00"]),
    ],
)
def test_what_is_due_when(cron: str, expected: list[str]) -> None:
    assert times(cron, "UTC", "2026-03-01T00:00") == expected


def test_the_29th_of_february_is_found_after_a_century_without() -> None:
    assert next_times("0 0 29 2 *", "UTC", datetime(2096, 3, 1, tzinfo=UTC)) == [
        datetime(2104, 2, 29, tzinfo=UTC)
    ]


def test_a_time_that_is_left_out_is_due_when_the_clock_was_put_forward() -> None:
    """02:30 on 29 March is not there in Berlin: 03:00 summer time is 01:00 UTC."""
    found = times("15,30 2 * * *", BERLIN, "2026-03-28T12:00")
    assert found == ["03-29 01:00", "03-30 00:15", "03-30 00:30"]
    assert times("0 4 * * *", BERLIN, "2026-03-28T12:00", 1) == ["03-29 02:00"]


def test_a_time_that_comes_twice_counts_once() -> None:
    """02:30 on 25 October is 00:30 UTC and again 01:30 UTC in Berlin."""
    assert times("30 2 * * *", BERLIN, "2026-10-24T12:00", 2) == ["10-25 00:30", "10-26 01:30"]
    # Also when it is asked for between the two.
    assert times("30 2 * * *", BERLIN, "2026-10-25T00:31", 1) == ["10-26 01:30"]


def test_what_is_due_each_hour_goes_on_by_real_time() -> None:
    october = times("30 * * * *", BERLIN, "2026-10-24T23:00", 4)
    assert october == ["10-24 23:30", "10-25 00:30", "10-25 01:30", "10-25 02:30"]
    march = times("30 * * * *", BERLIN, "2026-03-29T00:00", 3)
    assert march == ["03-29 00:30", "03-29 01:30", "03-29 02:30"]


def test_half_an_hour_of_lord_howe() -> None:
    """There the clock is put forward from 2:00 to 2:30 on 4 October: 15:30 UTC the day before."""
    assert times("10 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", 1) == ["10-03 15:30"]


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("", "Five fields"),
        ("* * * *", "This has 4"),
        ("60 * * * *", "“60” is no minute: use 0 to 59"),
        ("* 24 * * *", "“24” is no hour"),
        ("* * 0 * *", "no day of the month: use 1 to 31"),
        ("* * * foo *", "“foo” is no month"),
        ("* * * * 8", "“8” is no day of the week"),
        ("* * * * mon-", "“mon-” is no day of the week"),
        ("5-1 * * * *", "ends before it begins (minute)"),
        ("*/0 * * * *", "a step that cannot be"),
        ("1-5/2x * * * *", "is no minute"),
        ("1,,2 * * * *", "is no minute"),
        ("² * * * *", "is no minute"),
        ("-5 * * * *", "is no minute"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6 *", "never comes"),
        ("1" * 101, "too long"),
        ("@reboot", "This has 1"),
    ],
)
def test_what_is_wrong_is_named(cron: str, words: str) -> None:
    with pytest.raises(BadCron, match=words.replace("(", r"\(").replace(")", r"\)")):
        parse_cron(cron)


@pytest.mark.parametrize("name", ["", "Berlin", "../../etc/passwd", "/etc/localtime", "x\0y"])
def test_a_zone_is_a_name(name: str) -> None:
    with pytest.raises(BadCron, match="no time zone"):
        zone_named(name)
