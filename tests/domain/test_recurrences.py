"""Parsing of recurrence rules (RFC 5545), and their days."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from datetime import date, timedelta
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import icalendar
import pytest
import recurring_ical_events
from dateutil.rrule import rrulestr
from hypothesis import example, given
from hypothesis import strategies as st

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange
from compliance.domain.due_dates.recurrences import occurrences
from compliance.domain.due_dates.rrules import (
    LONGEST_RRULE,
    BadRecurrence,
    Recurrence,
    parse_rrule,
)
from tests.domain.expensive_rules import HARMLESS, REFUSED

ROOT = Path(__file__).parents[2]
VECTORS: dict[str, Any] = json.loads(
    (ROOT / "tests" / "vectors" / "rrule_rfc5545.json").read_text()
)
DAY = timedelta(days=1)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def days(rule: str, start: str, most: int | None = None, **options: Any) -> list[str]:
    found = occurrences(parse_rrule(rule), start=date.fromisoformat(start), **options)
    return [str(day) for day in islice(found, most)]


# Random rules, as their parts.

Parts = dict[str, str]
starts = st.dates(FIRST_DAY, LAST_DAY)


def numbers(most: int, *, least: int | None = None) -> st.SearchStrategy[str]:
    """A list of numbers up to `most`, negative ones from `least`."""
    down = -most if least is None else least
    number = st.integers(down, most).filter(bool)
    return st.lists(number, min_size=1, max_size=4).map(lambda all_: ",".join(map(str, all_)))


def weekdays(*, nth: int) -> st.SearchStrategy[str]:
    """A list of weekdays, with numbers up to `nth` before some of them."""
    number = st.none() | st.integers(-nth, nth).filter(bool) if nth else st.none()
    sign = st.sampled_from(["", "+"])
    one = st.builds(
        lambda n, plus, day: f"{plus if n and n > 0 else ''}{n or ''}{day}",
        number,
        sign,
        st.sampled_from(WEEKDAYS),
    )
    return st.lists(one, min_size=1, max_size=4).map(",".join)


@st.composite
def rules(draw: st.DrawFn, *, most_week: int = 53) -> Parts:
    frequency = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]))
    parts = {"FREQ": frequency}
    choices: dict[str, st.SearchStrategy[str]] = {"BYMONTH": numbers(12, least=1)}
    if frequency != "WEEKLY":
        choices["BYMONTHDAY"] = numbers(31) | st.sampled_from(["31", "29,30", "-1", "-31"])
    if frequency == "YEARLY":
        choices["BYYEARDAY"] = numbers(366) | st.sampled_from(["366", "-366", "60", "1,-1"])
        choices["BYWEEKNO"] = numbers(most_week) | st.sampled_from(
            ["1", "-1", f"{most_week},-{most_week}"]
        )
    names = draw(st.lists(st.sampled_from(sorted(choices)), max_size=2, unique=True))
    parts |= {name: draw(choices[name]) for name in names}
    if draw(st.booleans()):
        nth = 0 if frequency in {"WEEKLY", "DAILY"} or "BYWEEKNO" in parts else 5
        if nth and frequency == "YEARLY" and "BYMONTH" not in parts:
            nth = 53
        parts["BYDAY"] = draw(weekdays(nth=nth))
    if len(parts) > 1 and draw(st.booleans()):
        parts["BYSETPOS"] = draw(numbers(5) | numbers(366))
    if draw(st.booleans()):
        parts["INTERVAL"] = str(draw(st.integers(1, 6) | st.sampled_from([12, 53, 400])))
    if draw(st.booleans()):
        parts["WKST"] = draw(st.sampled_from(WEEKDAYS))
    end = draw(st.sampled_from(["", "", "COUNT", "UNTIL"]))
    if end == "COUNT":
        parts["COUNT"] = str(draw(st.integers(1, 60)))
    elif end == "UNTIL":
        until = f"{draw(st.dates(date(1890, 1, 1), date(2210, 1, 1))):%Y%m%d}"
        until = until.rjust(8, "0")
        parts["UNTIL"] = until + draw(st.sampled_from(["", "T000000", "T235959Z"]))
    return parts


def text(parts: Parts) -> str:
    return ";".join(f"{name}={value}" for name, value in parts.items())


# Independent implementations of the same rules.


def horizon_of(parts: Parts, start: date) -> date:
    """The period of the comparison: dateutil takes seconds for a century of days."""
    years = {"YEARLY": 45, "MONTHLY": 20, "WEEKLY": 8, "DAILY": 6}[parts["FREQ"]]
    return date(min(start.year + years, LAST_DAY.year), 12, 31)


def for_dateutil(parts: Parts) -> Parts:
    """Return the rule in a form that python-dateutil reads like RFC 5545.

    It takes only the days that BYDAY names both with a number and without, though a list means
    any of them, so plain weekdays beside numbered ones are spelled with all their numbers. It
    refuses a UTC end for a start without a zone, and lets an end at midnight mean that day.
    """
    converted = dict(parts)
    listed = converted.get("BYDAY", "").split(",")
    if any(day[:-2] for day in listed):
        most = 5 if parts["FREQ"] == "MONTHLY" or "BYMONTH" in parts else 53
        spelled = [
            [day] if day[:-2] else [f"{n}{day}" for n in range(1, most + 1)] for day in listed
        ]
        converted["BYDAY"] = ",".join(day for each in spelled for day in each)
    if "UNTIL" in converted:
        converted["UNTIL"] = converted["UNTIL"][:8]
    return converted


def by_dateutil(parts: Parts, start: date, horizon: date) -> list[date]:
    midnight = dt.datetime(start.year, start.month, start.day)  # noqa: DTZ001
    # If a rule yields nothing, dateutil searches to its last year.
    with mock.patch.object(dt, "MAXYEAR", horizon.year):
        found = [at.date() for at in rrulestr(text(for_dateutil(parts)), dtstart=midnight)]
    return [day for day in found if day <= horizon]


def by_reading(parts: Parts, start: date, horizon: date, *, end_of_month: bool) -> list[date]:
    """The days of a rule by its definition, tested day by day."""
    parts = completed(parts, start)
    interval, count = int(parts.get("INTERVAL", 1)), int(parts.get("COUNT", 10**9))
    if "UNTIL" in parts:
        until = parts["UNTIL"][:8]
        horizon = min(horizon, date(int(until[:4]), int(until[4:6]), int(until[6:])))
    first = {
        "YEARLY": date(start.year, 1, 1),
        "MONTHLY": start.replace(day=1),
        # As in dateutil, positions in the first week count from the start.
        "WEEKLY": start,
        "DAILY": start,
    }[parts["FREQ"]]
    periods: dict[int, list[date]] = {}
    # The last period is complete too; a week can end in the next year.
    last = horizon.replace(month=12, day=31) + 6 * DAY
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        ago = periods_between(parts, start, day)
        if ago % interval == 0 and matches(parts, day, end_of_month=end_of_month):
            periods.setdefault(ago, []).append(day)
    chosen = []
    for found in periods.values():
        if "BYSETPOS" in parts:
            ranks = {int(at) for at in parts["BYSETPOS"].split(",")}
            length = len(found)
            found = [d for n, d in enumerate(found) if n + 1 in ranks or n - length in ranks]
        chosen += [day for day in found if start <= day <= horizon]
    return chosen[:count]


def completed(parts: Parts, start: date) -> Parts:
    if {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY"} & set(parts):
        return parts
    implied: dict[str, Parts] = {
        "YEARLY": {"BYMONTH": str(start.month), "BYMONTHDAY": str(start.day)},
        "MONTHLY": {"BYMONTHDAY": str(start.day)},
        "WEEKLY": {"BYDAY": WEEKDAYS[start.weekday()]},
        "DAILY": {},
    }
    return implied[parts["FREQ"]] | parts


def periods_between(parts: Parts, start: date, day: date) -> int:
    match parts["FREQ"]:
        case "YEARLY":
            return day.year - start.year
        case "MONTHLY":
            return (day.year - start.year) * 12 + day.month - start.month
        case "WEEKLY":
            wkst = parts.get("WKST", "MO")
            return (week_start(day, wkst) - week_start(start, wkst)).days // 7
        case _:
            return (day - start).days


def week_start(day: date, wkst: str) -> date:
    while WEEKDAYS[day.weekday()] != wkst:
        day -= DAY
    return day


def matches(parts: Parts, day: date, *, end_of_month: bool) -> bool:
    def listed(name: str, *names_of_day: int) -> bool:
        return name not in parts or not {int(n) for n in parts[name].split(",")}.isdisjoint(
            names_of_day
        )

    of_month, of_month_end = place(day, day.replace(day=1), month_end(day))
    of_year, of_year_end = place(day, day.replace(month=1, day=1), date(day.year, 12, 31))
    clamped = range(29, 32) if end_of_month and of_month_end == -1 else range(0)
    return (
        listed("BYMONTH", day.month)
        and listed("BYMONTHDAY", of_month, of_month_end, *(n for n in clamped if n > of_month))
        and listed("BYYEARDAY", of_year, of_year_end)
        and ("BYWEEKNO" not in parts or listed("BYWEEKNO", *week(day, parts.get("WKST", "MO"))))
        and ("BYDAY" not in parts or not names(parts, day).isdisjoint(parts["BYDAY"].split(",")))
    )


def place(day: date, first: date, last: date) -> tuple[int, int]:
    """The number of a day in a range of days, from its beginning and from its end."""
    return (day - first).days + 1, (day - last).days - 1


@cache
def month_end(day: date) -> date:
    while (day + DAY).month == day.month:
        day += DAY
    return day


@cache
def week(day: date, wkst: str) -> tuple[int, int]:
    """The number of the week of a day, from the beginning and the end of the year.

    A week belongs to the year of its fourth day, so weeks can be counted by their fourth days.
    """
    fourth = week_start(day, wkst) + 3 * DAY
    ahead, behind = place(fourth, fourth.replace(month=1, day=1), date(fourth.year, 12, 31))
    return (ahead - 1) // 7 + 1, -((-behind - 1) // 7 + 1)


def names(parts: Parts, day: date) -> set[str]:
    """The values of BYDAY that match a day: FR, 3FR, +3FR, -2FR."""
    weekday = WEEKDAYS[day.weekday()]
    if parts["FREQ"] == "MONTHLY" or "BYMONTH" in parts:
        ahead, behind = place(day, day.replace(day=1), month_end(day))
    else:
        ahead, behind = place(day, day.replace(month=1, day=1), date(day.year, 12, 31))
    nth, nth_last = (ahead - 1) // 7 + 1, (-behind - 1) // 7 + 1
    return {weekday, f"{nth}{weekday}", f"+{nth}{weekday}", f"-{nth_last}{weekday}"}


# The days of rules.


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: str(case["id"]))
def test_the_examples_of_the_rfc_have_the_days_that_it_lists(case: dict[str, Any]) -> None:
    start = dt.datetime.fromisoformat(case["dtstart_local"]).date()
    expected = case["first_dates"]
    has_end = "COUNT" in case["rrule"] or "UNTIL" in case["rrule"]
    most = None if has_end else len(expected)
    assert days(case["rrule"], str(start), most) == expected


@given(rules(most_week=51), starts)
@example({"FREQ": "MONTHLY", "BYDAY": "MO,1TU"}, date(2026, 1, 1))
@example({"FREQ": "WEEKLY", "BYDAY": "MO,WE,FR", "BYSETPOS": "1"}, date(2026, 1, 7))
@example({"FREQ": "YEARLY", "BYWEEKNO": "1,-1", "WKST": "SU"}, date(1999, 12, 1))
def test_a_rule_has_the_same_days_as_in_dateutil(parts: Parts, start: date) -> None:
    # Weeks 52 and 53 from either end are tested below, because dateutil is wrong there.
    horizon = horizon_of(parts, start)
    found = occurrences(parse_rrule(text(parts)), start=start, until=horizon)
    assert list(found) == by_dateutil(parts, start, horizon)


@given(rules(most_week=51), starts)
def test_a_rule_has_the_days_that_a_calendar_program_shows(parts: Parts, start: date) -> None:
    # RFC 5545 counts DTSTART as the first instance even where it does not match the rule, and a
    # calendar shows it, beside the days of the rule. A deadline on a day that the rule does not
    # name would be a false one, so here it is left out; nothing else differs.
    horizon = horizon_of(parts, start)
    event = icalendar.Event.from_ical(
        "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
        f"DTSTART;VALUE=DATE:{start:%Y%m%d}\r\nRRULE:{text(for_dateutil(parts))}\r\n"
        "END:VEVENT\r\n"
    )
    calendar = icalendar.Calendar()
    calendar.add_component(event)
    with mock.patch.object(dt, "MAXYEAR", horizon.year):
        events = recurring_ical_events.of(calendar).between(start, horizon + DAY)
    shown = {event["DTSTART"].dt for event in events}
    found = set(occurrences(parse_rrule(text(parts)), start=start, until=horizon))
    assert found | {start} == shown | {start}


@given(rules(), starts, st.booleans())
@example({"FREQ": "YEARLY", "BYWEEKNO": "-53"}, date(2019, 1, 1), False)
@example({"FREQ": "WEEKLY", "BYDAY": "MO,TH", "BYSETPOS": "-1"}, date(2000, 1, 1), False)
@example({"FREQ": "DAILY", "BYMONTHDAY": "1", "BYSETPOS": "-1"}, date(2026, 1, 1), False)
def test_a_rule_yields_exactly_the_days_that_match_it(
    parts: Parts, start: date, end_of_month: bool
) -> None:
    horizon = min(horizon_of(parts, start), date(min(start.year + 12, LAST_DAY.year), 12, 31))
    found = occurrences(
        parse_rrule(text(parts)), start=start, until=horizon, end_of_month=end_of_month
    )
    assert list(found) == by_reading(parts, start, horizon, end_of_month=end_of_month)


@given(rules(), starts, st.none() | starts, st.booleans())
def test_days_ascend_from_the_start_to_the_end(
    parts: Parts, start: date, until: date | None, end_of_month: bool
) -> None:
    rule = parse_rrule(text(parts))
    found = list(occurrences(rule, start=start, until=until, end_of_month=end_of_month))
    assert all(earlier < later for earlier, later in pairwise(found))
    assert all(start <= day <= min(until or LAST_DAY, rule.until or LAST_DAY) for day in found)
    assert rule.count is None or len(found) <= rule.count


def test_plain_and_numbered_weekdays_can_be_combined() -> None:
    parts = {"FREQ": "MONTHLY", "BYDAY": "MO,1TU"}
    february = days(text(parts), "2026-02-01", until=date(2026, 2, 28))
    assert february == ["2026-02-02", "2026-02-03", "2026-02-09", "2026-02-16", "2026-02-23"]
    # Given the rule unchanged, dateutil searches for a Monday that is the first Tuesday.
    midnight = dt.datetime(2026, 2, 1)  # noqa: DTZ001
    with mock.patch.object(dt, "MAXYEAR", 2027):
        assert list(rrulestr(text(parts), dtstart=midnight)) == []


def test_weeks_are_those_of_iso_8601() -> None:
    counted: dict[int, list[date]] = {}
    for ordinal in range(FIRST_DAY.toordinal(), LAST_DAY.toordinal() + 1):
        day = date.fromordinal(ordinal)
        year, number, _ = day.isocalendar()
        last = date(year, 12, 28).isocalendar().week
        counted.setdefault(number, []).append(day)
        counted.setdefault(number - last - 1, []).append(day)
    for number, expected in counted.items():
        found = occurrences(parse_rrule(f"FREQ=YEARLY;BYWEEKNO={number}"), start=FIRST_DAY)
        assert list(found) == expected
    # dateutil computes the weeks of the old year with the length of the new one, and so takes
    # 1 January 2022 for a day of week 53, though 2021 had only 52.
    parts = {"FREQ": "YEARLY", "BYWEEKNO": "53"}
    new_year = date(2022, 1, 1)
    assert new_year.isocalendar().week == 52
    assert new_year in by_dateutil(parts, date(2021, 1, 1), date(2022, 12, 31))


def test_the_first_week_counted_from_the_end_can_begin_in_the_year_before() -> None:
    # 2020 has 53 weeks, and the first of them begins on 30 December 2019.
    monday = ["2019-12-30"]
    assert days("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO;COUNT=1", "2019-06-01") == monday
    assert days("FREQ=YEARLY;BYWEEKNO=-53;BYDAY=MO;COUNT=1", "2019-06-01") == monday
    # dateutil considers the next year only for week 1; its source says so ("TODO").
    parts = {"FREQ": "YEARLY", "BYWEEKNO": "-53", "BYDAY": "MO"}
    assert by_dateutil(parts, date(2019, 6, 1), date(2020, 12, 31)) == []


def test_positions_in_the_first_week_count_from_the_start() -> None:
    # A Wednesday: the Monday before it is no longer the first day of that week.
    found = days("FREQ=WEEKLY;BYDAY=MO,WE;BYSETPOS=1;COUNT=2", "2026-01-07")
    assert found == ["2026-01-07", "2026-01-12"]


def test_the_start_counts_only_if_it_matches_the_rule() -> None:
    assert days("FREQ=MONTHLY;BYMONTHDAY=15;COUNT=2", "2026-01-10") == ["2026-01-15", "2026-02-15"]
    assert days("FREQ=MONTHLY;BYMONTHDAY=15;COUNT=2", "2026-01-15") == ["2026-01-15", "2026-02-15"]


def test_missing_parts_of_a_rule_are_taken_from_the_start() -> None:
    assert days("FREQ=YEARLY;COUNT=2", "2026-03-04") == ["2026-03-04", "2027-03-04"]
    assert days("FREQ=YEARLY;BYMONTH=5;COUNT=2", "2026-03-04") == ["2026-05-04", "2027-05-04"]
    assert days("FREQ=MONTHLY;COUNT=2", "2026-03-04") == ["2026-03-04", "2026-04-04"]
    assert days("FREQ=WEEKLY;COUNT=2", "2026-03-04") == ["2026-03-04", "2026-03-11"]
    assert days("FREQ=DAILY;INTERVAL=10;COUNT=2", "2026-03-04") == ["2026-03-04", "2026-03-14"]


def test_the_31st_can_mean_the_end_of_every_month() -> None:
    rule = "FREQ=MONTHLY;BYMONTHDAY=31;COUNT=4"
    assert days(rule, "2026-01-31", end_of_month=True) == [
        "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30",
    ]  # fmt: skip
    assert days(rule, "2026-01-31") == ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]
    implied = days("FREQ=MONTHLY;COUNT=3", "2026-01-30", end_of_month=True)
    assert implied == ["2026-01-30", "2026-02-28", "2026-03-30"]


@given(starts)
def test_the_31st_as_the_end_of_the_month_skips_no_month(start: date) -> None:
    rule = parse_rrule("FREQ=MONTHLY;BYMONTHDAY=31")
    found = list(occurrences(rule, start=start, end_of_month=True))
    assert [(day.year, day.month) for day in found] == [
        (month // 12, month % 12 + 1)
        for month in range(start.year * 12 + start.month - 1, (LAST_DAY.year + 1) * 12)
    ]
    assert all((day + DAY).day == 1 for day in found)


def test_29_february_can_mean_the_28th_in_common_years() -> None:
    found = days("FREQ=YEARLY;COUNT=5", "2024-02-29", end_of_month=True)
    assert found == ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


def test_days_that_mean_the_same_month_end_occur_once() -> None:
    rule = "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31,-1"
    february = days(rule, "2026-02-01", end_of_month=True, until=date(2026, 2, 28))
    assert february == ["2026-02-28"]


def test_a_day_counted_from_the_end_of_a_month_is_never_moved() -> None:
    found = days("FREQ=MONTHLY;BYMONTHDAY=-31;COUNT=3", "2026-01-01", end_of_month=True)
    assert found == ["2026-01-01", "2026-03-01", "2026-05-01"]


@pytest.mark.parametrize("until", ["20260303", "20260303T000000", "20260303T000000Z"])
def test_only_the_day_of_until_counts(until: str) -> None:
    found = days(f"FREQ=DAILY;UNTIL={until}", "2026-03-01")
    assert found == ["2026-03-01", "2026-03-02", "2026-03-03"]


def test_the_earlier_of_two_ends_counts() -> None:
    rule = "FREQ=DAILY;UNTIL=20260303"
    assert days(rule, "2026-03-01", until=date(2026, 3, 2)) == ["2026-03-01", "2026-03-02"]
    assert days(rule, "2026-03-01", until=date(2027, 1, 1))[-1] == "2026-03-03"
    assert days(rule, "2026-03-04") == []
    assert days("FREQ=DAILY;UNTIL=00010101", "2026-03-01") == []
    assert days("FREQ=DAILY", "2200-12-30", until=date.max) == ["2200-12-30", "2200-12-31"]


@pytest.mark.parametrize("start", [FIRST_DAY - DAY, LAST_DAY + DAY])
def test_a_start_outside_the_supported_years_is_refused(start: date) -> None:
    with pytest.raises(DayOutOfRange, match="The start of a recurrence must lie between"):
        occurrences(parse_rrule("FREQ=DAILY"), start=start)


# Parsing.


@given(rules())
def test_order_and_case_of_the_parts_do_not_matter(parts: Parts) -> None:
    expected = parse_rrule(text(parts))
    assert isinstance(expected, Recurrence)
    assert parse_rrule(text(dict(reversed(parts.items())))) == expected
    assert parse_rrule(f" rrule:{text(parts).lower()}\r\n") == expected


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("", "The recurrence rule is empty. Give an RRULE such as 'FREQ=MONTHLY;BYMONTHDAY=15'."),
        ("RRULE:", "The recurrence rule is empty."),
        (
            "every month",
            "'EVERY MONTH' is not a valid part of an RRULE. Write each part as NAME=VALUE,",
        ),
        ("FREQ=DAILY;", "The recurrence rule has an empty part. Remove the extra ';'."),
        ("FREQ=DAILY;BYWEEK=2", "'BYWEEK' is not a valid part of an RRULE. Did you mean BYWEEKNO?"),
        ("FREQ=DAILY;X=1", "'X' is not a valid part of an RRULE. Use FREQ, INTERVAL,"),
        ("FREQ=DAILY;\uff26REQ=1", "'\uff26REQ' is not a valid part of an RRULE."),
        ("FREQ=DAILY;DTSTART=20260101", "DTSTART is not part of an RRULE. Give its day in"),
        ("DTSTART:20260101\nRRULE:FREQ=DAILY", "Give only the RRULE, without other calendar"),
        ("DTSTART;VALUE=DATE:20260101", "the day of DTSTART belongs in 'start'."),
        ("FREQ=DAILY\nFREQ=WEEKLY", "Give only the RRULE, without other calendar"),
        ("FREQ=DAILY;BYDAY=MO;BYDAY=TU", "BYDAY is given more than once. Give one list, such as"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is given more than once. Give it once."),
        ("INTERVAL=2", "The recurrence rule has no FREQ. Use YEARLY, MONTHLY, WEEKLY, DAILY."),
        ("FREQ=FORTNIGHTLY", "FREQ cannot be 'FORTNIGHTLY'. Use YEARLY,"),
        ("FREQ=HOURLY", "FREQ=HOURLY repeats within a day, which is not supported. Use"),
        ("FREQ=MINUTELY", "Use FREQ=DAILY or slower, and give the time of day in 'time'."),
        ("FREQ=SECONDLY;COUNT=9", "FREQ=SECONDLY repeats within a day"),
        (
            "FREQ=DAILY;BYHOUR=9",
            "BYHOUR is not supported, because a recurrence yields days. Remove",
        ),
        ("FREQ=DAILY;BYMINUTE=9", "and give the time of day in 'time'."),
        ("FREQ=DAILY;BYSECOND=9", "BYSECOND is not supported"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260101", "COUNT and UNTIL cannot be used together. Remove"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL cannot be '0'. Give a whole number from 1, such"),
        ("FREQ=DAILY;INTERVAL=two", "INTERVAL cannot be 'TWO'."),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL cannot be '-1'."),
        ("FREQ=DAILY;INTERVAL=٣", "INTERVAL cannot be '٣'."),
        ("FREQ=DAILY;COUNT=0", "COUNT cannot be '0'."),
        ("FREQ=DAILY;COUNT=", "COUNT cannot be ''."),
        ("FREQ=DAILY;UNTIL=20260230", "UNTIL cannot be '20260230'. Give a day such as"),
        ("FREQ=DAILY;UNTIL=2026-02-03", "UNTIL cannot be '2026-02-03'."),
        ("FREQ=DAILY;UNTIL=20260203T250000", "UNTIL cannot be '20260203T250000'."),
        ("FREQ=DAILY;UNTIL=20260203T126000", "UNTIL cannot be '20260203T126000'."),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH cannot be '13'. Give numbers from 1 to 12, separated"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH cannot be '-1'."),
        ("FREQ=DAILY;BYMONTHDAY=0", "from 1 to 31, or -31 to -1 from the end, separated"),
        ("FREQ=DAILY;BYMONTHDAY=1,,2", "BYMONTHDAY cannot be ''."),
        ("FREQ=DAILY;BYMONTHDAY=-32", "BYMONTHDAY cannot be '-32'."),
        ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY cannot be '367'."),
        ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO cannot be '54'."),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", "BYSETPOS cannot be '0'."),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367", "BYSETPOS cannot be '367'."),
        ("FREQ=MONTHLY;BYDAY=MON", "BYDAY cannot be 'MON'. Give weekdays (MO, TU, WE, TH,"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY cannot be '0MO'."),
        ("FREQ=MONTHLY;BYDAY=54MO", "as in -1FR for the last Friday."),
        ("FREQ=WEEKLY;BYDAY=1MO", "Numbered weekdays such as 1MO cannot be used with FREQ=WEEKLY."),
        ("FREQ=DAILY;BYDAY=-1MO", "Numbered weekdays such as 1MO cannot be used with FREQ=DAILY."),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "cannot be used with BYWEEKNO, because each week has"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY cannot be used with FREQ=WEEKLY. Use"),
        ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY cannot be used with FREQ=MONTHLY. Use FREQ=YEARLY"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY cannot be used with FREQ=DAILY."),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO cannot be used with FREQ=MONTHLY. Use FREQ=YEARLY."),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS needs another BY part to choose from, as in"),
        ("FREQ=DAILY;WKST=XX", "WKST cannot be 'XX'. Use one of MO, TU, WE, TH, FR, SA, SU."),
        ("RSCALE=GREGORIAN;FREQ=DAILY", "RSCALE is not supported, because days follow the"),
        ("FREQ=MONTHLY;SKIP=BACKWARD", "SKIP is not supported. Remove it; to use the last day"),
    ],
)
def test_an_invalid_rule_is_refused_with_advice(rule: str, sentence: str) -> None:
    with pytest.raises(BadRecurrence) as refusal:
        parse_rrule(rule)
    assert sentence in str(refusal.value)


def test_a_rule_that_is_too_long_is_refused() -> None:
    longest = ("FREQ=DAILY;BYMONTHDAY=1" + ",1" * LONGEST_RRULE)[: LONGEST_RRULE - 1] + "1"
    assert len(longest) == LONGEST_RRULE
    parse_rrule(longest)
    with pytest.raises(BadRecurrence, match=f"has {LONGEST_RRULE + 1} characters; at most"):
        parse_rrule(longest + "9")


@given(st.text(max_size=60) | st.text("FREQBYDAILMONTHUWSEK=;,:+-0123456789", max_size=80))
def test_any_text_is_parsed_or_refused(anything: str) -> None:
    assert is_read_or_refused(anything)


@given(rules(), st.data())
def test_a_damaged_rule_is_parsed_or_refused(parts: Parts, data: st.DataObject) -> None:
    rule = text(parts)
    at = data.draw(st.integers(0, len(rule) - 1))
    damage = data.draw(st.text("=;,-+0159MOTUFRXZ", max_size=2))
    assert is_read_or_refused(rule[:at] + damage + rule[at + 1 :])


def is_read_or_refused(rule: str) -> bool:
    try:
        return isinstance(parse_rrule(rule), Recurrence)
    except BadRecurrence as refusal:
        return str(refusal).endswith((".", "?"))


# Expensive rules.

MEASURE = """
import json, os, resource, sys, time
from datetime import date
from itertools import islice
from compliance.domain.due_dates.recurrences import occurrences
from compliance.domain.due_dates.rrules import BadRecurrence, parse_rrule

rules = json.load(sys.stdin)
# A new process starts with the peak memory of its parent, but a fork of it does not.
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
days = refused = 0
for rule, start in rules:
    for end_of_month in (False, True):
        try:
            recurrence = parse_rrule(rule)
        except BadRecurrence:
            refused += 1
            continue
        found = occurrences(
            recurrence, start=date.fromisoformat(start), end_of_month=end_of_month
        )
        days += len(list(islice(found, 1000)))
seconds = time.process_time() - began
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
figures = {"seconds": seconds, "kilobytes": grown, "days": days, "refused": refused}
print(json.dumps(figures), flush=True)
os._exit(0)
"""


def test_all_expensive_rules_together_take_less_than_a_second_and_50_megabytes() -> None:
    expensive = [(rule, str(start)) for rule, start, _ in (*REFUSED, *HARMLESS)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        cwd=ROOT,
        input=json.dumps(expensive),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    figures = json.loads(done.stdout)
    megabytes = figures["kilobytes"] / (1024 * 1024 if sys.platform == "darwin" else 1024)
    print(f"{len(expensive)} rules: {figures}, {megabytes:.1f} MB more at the peak")
    assert figures["refused"] == 2 * len(REFUSED)
    assert figures["days"] > 1000
    assert figures["seconds"] < 1
    assert megabytes < 50


@pytest.mark.parametrize("rule", [pytest.param(rule, id=why) for rule, _, why in REFUSED])
def test_an_expensive_rule_is_refused(rule: str) -> None:
    with pytest.raises(BadRecurrence):
        parse_rrule(rule)


@pytest.mark.parametrize("rule", [pytest.param(rule, id=why) for rule, _, why in HARMLESS])
def test_an_expensive_valid_rule_yields_three_centuries_quickly(rule: str) -> None:
    recurrence = parse_rrule(rule)
    took = []
    for _ in range(3):
        began = time.process_time()
        for _ in occurrences(recurrence, start=FIRST_DAY):
            pass
        took.append(time.process_time() - began)
    assert min(took) < 0.2
