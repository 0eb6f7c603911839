"""Times by five fields, as cron knows them: minute, hour, day, month, day of the week.

Our own reading: celery's takes `1-5/2x` for right, and wants day and weekday both to fit where
every cron since 1979 takes either.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

LENGTH_LIMIT = 100
YEARS = 9  # the 29th of February is eight years away at most
MINUTE = timedelta(minutes=1)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?\Z", re.ASCII)


class BadCron(ValueError):
    """An expression that cannot be; `str()` says what is wrong with it."""


@dataclass(frozen=True)
class Field:
    """One of the five."""

    name: str | Promise
    low: int
    high: int
    names: tuple[str, ...] = ()  # in place of numbers, from `low` on


FIELDS = (
    Field(gettext_lazy("minute"), 0, 59),
    Field(gettext_lazy("hour"), 0, 23),
    Field(gettext_lazy("day of the month"), 1, 31),
    Field(gettext_lazy("month"), 1, 12, MONTHS),
    Field(gettext_lazy("day of the week"), 0, 7, WEEKDAYS),
)


@dataclass(frozen=True)
class Cron:
    """Times, by the wall clock of some zone. Make it with `parse_cron`."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0: Sunday
    either: bool  # day or weekday is enough, as both are given

    def fits(self, day: date) -> bool:
        """Return whether there are times on a day."""
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (of_month or of_week) if self.either else (of_month and of_week)

    def times_after(self, moment: datetime, zone: zoneinfo.ZoneInfo) -> Iterator[datetime]:
        """Yield the times after a moment, in UTC."""
        day = moment.astimezone(zone).date() - timedelta(days=1)
        end = day.replace(day=1, year=day.year + YEARS)
        while day < end:
            if self.fits(day):
                yield from (at for at in self._times_on(day, zone) if at > moment)
            day += timedelta(days=1)

    def _times_on(self, day: date, zone: zoneinfo.ZoneInfo) -> list[datetime]:
        """Return a day's times. Where the clock is changed (see docs/concepts/trigger.md):

        what is due every hour goes on by real time; else a time that comes twice counts once,
        and one that is left out is due as soon as the clock has been put forward.
        """
        hourly = len(self.hours) == 24
        found: set[datetime] = set()
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime.combine(day, time(hour, minute))
                first, second = (
                    local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)
                )
                if first.astimezone(zone).replace(tzinfo=None) == local:
                    found |= {first, second} if hourly else {first}
                elif not hourly:
                    found.add(_put_forward(second, zone))
        return sorted(found)


def _put_forward(before: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """Return when the clock is next put forward, to the minute."""
    offset = before.astimezone(zone).utcoffset()
    while before.astimezone(zone).utcoffset() == offset:
        before += MINUTE
    return before


def parse_cron(text: str) -> Cron:
    """Return what an expression means. Raises BadCron."""
    text = text.strip().lower()
    if len(text) > LENGTH_LIMIT:
        raise BadCron(
            _("This is too long: at most %(limit)d characters.") % {"limit": LENGTH_LIMIT}
        )
    parts = SHORT.get(text, text).split()
    if len(parts) != len(FIELDS):
        sentence = _(
            "Five fields are needed, such as “30 3 * * 1-5”: minute, hour, day of the month, month"
            " and day of the week. This has %(count)d."
        )
        raise BadCron(sentence % {"count": len(parts)})
    minutes, hours, days, months, weekdays = (
        _values(field, part) for field, part in zip(FIELDS, parts, strict=True)
    )
    cron = Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(day % 7 for day in weekdays),
        # As in Vixie's cron: a star at the front restricts nothing, also with a step.
        either=not parts[2].startswith("*") and not parts[4].startswith("*"),
    )
    if next(cron.times_after(datetime.now(UTC), zoneinfo.ZoneInfo("UTC")), None) is None:
        raise BadCron(_("This never comes: no such day is in the months that are named."))
    return cron


def zone_named(name: str) -> zoneinfo.ZoneInfo:
    """Return a time zone. Raises BadCron."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        sentence = _("“%(name)s” is no time zone. It is written like Europe/Berlin.")
        raise BadCron(sentence % {"name": name[:60]}) from None


def next_times(text: str, zone: str, after: datetime, count: int = 1) -> list[datetime]:
    """Return the next times of an expression, in UTC. Raises BadCron."""
    times = parse_cron(text).times_after(after, zone_named(zone))
    return [at for at, _number in zip(times, range(count), strict=False)]


def _values(field: Field, text: str) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = PART.match(part)
        if match is None:
            raise BadCron(_wrong(field, part))
        star, first, last, step = match.groups()
        low = field.low if star else _number(field, first)
        # Of 5/15 the end is the field's, as cron has it.
        high = field.high if star or (step and not last) else _number(field, last or first)
        if field.high == 7 and last and high == 0:  # Friday to Sunday
            high = 7
        if high < low:
            sentence = _("“%(part)s” ends before it begins (%(field)s).")
            raise BadCron(sentence % {"part": part[:20], "field": field.name})
        if step and not 1 <= int(step) <= field.high:
            sentence = _("“%(part)s” has a step that cannot be (%(field)s).")
            raise BadCron(sentence % {"part": part[:20], "field": field.name})
        found.update(range(low, high + 1, int(step or 1)))
    return found


def _number(field: Field, text: str) -> int:
    if text in field.names:
        return field.names.index(text) + field.low
    if not text.isdigit() or len(text) > 4 or not field.low <= int(text) <= field.high:
        raise BadCron(_wrong(field, text))
    return int(text)


def _wrong(field: Field, part: str) -> str:
    told = {"part": part[:20], "field": field.name, "low": field.low, "high": field.high}
    if field.names:
        told["name"] = field.names[1]
        sentence = _("“%(part)s” is no %(field)s: use %(low)d to %(high)d, or names like %(name)s.")
    else:
        sentence = _("“%(part)s” is no %(field)s: use %(low)d to %(high)d, *, 1-5, 1,2 or */15.")
    return sentence % told
