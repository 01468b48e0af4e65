"""Recurrences with a named day, an offset from each date, and several times in each period."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.contexts import ResolutionContext, Unresolvable
from compliance.domain.due_dates.due_instants import Resolved
from compliance.domain.due_dates.due_rules import dump_due_rule, parse_due_rule
from compliance.domain.due_dates.periods import Event
from compliance.domain.due_dates.resolution import resolve

DAY = timedelta(days=1)
UTC_CONTEXT = ResolutionContext(timezone="UTC")


def resolved(rule: dict[str, Any], most: int = 24, **context: Any) -> list[Resolved]:
    """The first dates of a rule, in UTC."""
    found = resolve(parse_due_rule(rule), ResolutionContext(timezone="UTC", **context))
    return list(islice(found, most))


def dates(rule: dict[str, Any], most: int = 24, **context: Any) -> list[str]:
    return [str(each.due.due_on) for each in resolved(rule, most, **context)]


def recurrence(rrule: str, start: str, **more: Any) -> dict[str, Any]:
    return {"type": "recurrence", "rrule": rrule, "start": start, **more}


def months_of(period: str) -> int:
    return {"month": 1, "quarter": 3, "year": 12}[period]


def days_of_period(day: date, period: str) -> list[date]:
    """Every day of the period around a day, counted one by one."""
    if period == "week":
        monday = day - day.weekday() * DAY
        return [monday + n * DAY for n in range(7)]
    first = date(day.year, (day.month - 1) // months_of(period) * months_of(period) + 1, 1)
    found = [first]
    while True:
        following = found[-1] + DAY
        if following.day == 1 and (following.month - 1) % months_of(period) == 0:
            return found
        found.append(following)


# The n-th day or business day of a period


def test_a_salary_is_due_on_the_fifth_working_day_of_each_month() -> None:
    rule = recurrence(
        "FREQ=MONTHLY", "2026-01-01", on_day={"business_day": 5, "of": "month"}, calendars=["DE-BE"]
    )
    [first, second] = resolved(rule, 2)
    # New Year is closed, and 5 February is the fourth day after the Sunday on which it begins.
    assert [str(first.due.due_on), str(second.due.due_on)] == ["2026-01-08", "2026-02-06"]
    assert first.steps[:2] == (
        "Date 1 of FREQ=MONTHLY from 2026-01-01.",
        "The 5th business day of the month from 2026-01-01 to 2026-01-31: 2026-01-08, a Thursday.",
    )


def test_a_return_is_due_two_working_days_before_the_quarter_ends() -> None:
    rule = recurrence(
        "FREQ=MONTHLY;INTERVAL=3", "2026-01-31", on_day={"business_day": -3, "of": "quarter"}
    )
    assert dates(rule, 2) == ["2026-03-27", "2026-06-26"]


def test_no_month_is_left_out_because_it_has_no_such_day_as_the_start() -> None:
    rule = recurrence("FREQ=MONTHLY", "2026-01-31", on_day={"day": -1, "of": "month"})
    assert dates(rule, 3) == ["2026-01-31", "2026-02-28", "2026-03-31"]


def test_named_days_before_the_start_and_after_the_end_are_left_out() -> None:
    rule = recurrence(
        "FREQ=MONTHLY", "2026-01-15", until="2026-04-10", on_day={"business_day": 5, "of": "month"}
    )
    assert dates(rule) == ["2026-02-06", "2026-03-06", "2026-04-07"]
    counted = recurrence(
        "FREQ=MONTHLY;COUNT=2", "2026-01-15", on_day={"business_day": 5, "of": "month"}
    )
    assert dates(counted) == ["2026-02-06", "2026-03-06"]


def test_several_days_of_the_rule_in_one_period_give_one_date() -> None:
    rule = recurrence("FREQ=WEEKLY;COUNT=3", "2026-01-05", on_day={"day": 1, "of": "month"})
    assert dates(rule) == ["2026-02-01", "2026-03-01", "2026-04-01"]


def test_a_period_with_fewer_business_days_uses_the_last_of_them_and_warns() -> None:
    rule = recurrence("FREQ=MONTHLY", "2026-02-01", on_day={"business_day": 23, "of": "month"})
    [first] = resolved(rule, 1)
    assert str(first.due.due_on) == "2026-02-27"
    assert "has only 20 business days, so the last of them is used." in first.warnings[0]


@given(
    st.dates(date(2000, 1, 1), date(2060, 12, 31)),
    st.sampled_from(["week", "month", "quarter", "year"]),
    st.sampled_from(["day", "business_day"]),
    st.integers(1, 366),
    st.booleans(),
    st.sampled_from(["weekend", "US", "TARGET", "weekend:fri-sat"]),
)
def test_the_named_day_of_a_period_is_the_one_found_by_counting_day_by_day(
    day: date, period: str, kind: str, number: int, from_end: bool, calendar: str
) -> None:
    longest = {"week": 7, "month": 31, "quarter": 92, "year": 366}[period]
    number = min(number, longest) * (-1 if from_end else 1)
    rule = {
        "type": "offset", "from": {"date": str(day)}, "count": 0, "unit": "days",
        "on_day": {kind: number, "of": period}, "calendars": [calendar],
    }  # fmt: skip
    business = BusinessCalendar((calendar,))
    counted = [
        each
        for each in days_of_period(day, period)
        if kind == "day" or business.is_business_day(each)
    ]
    expected = counted[:number][-1] if number > 0 else counted[number:][0]
    assert dates(rule) == [str(expected)]


@given(st.dates(date(2000, 1, 1), date(2060, 12, 31)), st.integers(1, 4), st.integers(-4, 4))
def test_a_recurring_named_weekday_agrees_with_dateutil(
    start: date, interval: int, number: int
) -> None:
    # Without holidays, the n-th business day is a BYSETPOS of the weekdays.
    number = number or 1
    rule = recurrence(
        f"FREQ=MONTHLY;INTERVAL={interval}", str(start.replace(day=1)),
        on_day={"business_day": number, "of": "month"},
    )  # fmt: skip
    text = f"FREQ=MONTHLY;INTERVAL={interval};BYDAY=MO,TU,WE,TH,FR;BYSETPOS={number}"
    theirs = rrulestr(text, dtstart=datetime.combine(start.replace(day=1), time()))
    assert dates(rule, 12) == [str(each.date()) for each in islice(theirs, 12)]


@pytest.mark.parametrize(
    ("on_day", "problem"),
    [
        ({"day": 0, "of": "month"}, "Give a number from 1 to 31"),
        ({"day": 32, "of": "month"}, "Give a number from 1 to 31"),
        ({"business_day": -8, "of": "week"}, "Give a number from 1 to 7"),
        ({"of": "month"}, "Give either day or business_day"),
        ({"day": 1, "business_day": 1, "of": "month"}, "Give either day or business_day"),
    ],
)
def test_a_day_that_no_period_has_is_refused(on_day: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        parse_due_rule(recurrence("FREQ=MONTHLY", "2026-01-01", on_day=on_day))


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"unit": "hours"}, "on_day"),
        ({"unit": "months", "end_of_month": True}, "end_of_month"),
        ({"method": "eu-1182-71"}, "on_day"),
    ],
)
def test_a_named_day_that_contradicts_the_rule_is_refused(more: dict[str, Any], path: str) -> None:
    rule = {
        "type": "offset", "from": {"date": "2026-01-01"}, "count": 1, "unit": "days",
        "on_day": {"day": -1, "of": "month"}, **more,
    }  # fmt: skip
    with pytest.raises(Unresolvable) as caught:
        dates(rule)
    assert caught.value.path == path


# The end of the month in which something happens


@pytest.mark.parametrize(
    ("count", "unit", "on_day", "due_on"),
    [
        (0, "days", {"day": -1, "of": "month"}, "2026-01-31"),
        (0, "days", {"day": -1, "of": "quarter"}, "2026-03-31"),
        (0, "days", {"day": -1, "of": "year"}, "2026-12-31"),
        (30, "days", {"day": -1, "of": "month"}, "2026-03-31"),
        (2, "months", {"day": 1, "of": "month"}, "2026-03-01"),
        (1, "months", {"business_day": 10, "of": "month"}, "2026-02-13"),
        (5, "business_days", {"day": 5, "of": "week"}, "2026-02-06"),
    ],
)
def test_a_period_ends_on_a_named_day(
    count: int, unit: str, on_day: dict[str, Any], due_on: str
) -> None:
    rule = {
        "type": "offset", "from": {"date": "2026-01-30"}, "count": count, "unit": unit,
        "on_day": on_day,
    }  # fmt: skip
    assert dates(rule) == [due_on]


def test_a_named_day_is_rolled_if_it_is_closed() -> None:
    rule = {
        "type": "offset", "from": {"milestone": "delivery"}, "count": 0, "unit": "days",
        "on_day": {"day": -1, "of": "month"}, "roll": "following",
    }  # fmt: skip
    [found] = resolved(rule, milestones={"delivery": Event(on=date(2026, 1, 9))})
    assert str(found.due.due_on) == "2026-02-02"
    assert "The last day of the month from 2026-01-01 to 2026-01-31" in found.steps[1]


# An offset from each date


def test_reports_are_due_45_days_after_the_end_of_each_quarter() -> None:
    rule = recurrence(
        "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1", "2026-03-31", then={"count": 45, "unit": "days"}
    )
    [first, second] = resolved(rule, 2)
    assert [str(each.due.due_on) for each in (first, second)] == ["2026-05-15", "2026-08-14"]
    assert first.steps[1].startswith("45 days after 2026-03-31, first day not counted: 2026-05-15")


def test_a_budget_is_due_five_business_days_before_each_fiscal_year() -> None:
    then = {"count": 5, "unit": "business_days", "direction": "before", "calendars": ["GB-ENG"]}
    rule = recurrence("FREQ=YEARLY", "2026-04-01", then=then)
    # Good Friday 2026 is 3 April, Easter Monday 2027 is 29 March.
    assert dates(rule, 2) == ["2026-03-25", "2027-03-23"]


def test_a_date_with_a_time_can_be_followed_by_minutes() -> None:
    rule = recurrence(
        "FREQ=DAILY;COUNT=2", "2026-03-28", time="23:45", then={"count": 30, "unit": "minutes"}
    )
    found = resolve(parse_due_rule(rule), ResolutionContext(timezone="Europe/Berlin"))
    assert [each.due.due_at for each in found] == [
        datetime(2026, 3, 28, 23, 15, tzinfo=UTC),
        datetime(2026, 3, 29, 22, 15, tzinfo=UTC),
    ]


def test_each_reading_of_a_date_is_followed() -> None:
    # Epiphany closes only some German states, so the second business day of 2026 differs.
    rule = recurrence(
        "FREQ=YEARLY", "2026-01-01", calendars=["DE"],
        on_day={"business_day": 3, "of": "year"}, then={"count": 1, "unit": "days"},
    )  # fmt: skip
    [first] = resolved(rule, 1)
    assert (str(first.earliest_on), str(first.due.due_on)) == ("2026-01-07", "2026-01-08")
    assert first.due.earliest_due_at == datetime(2026, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"then": {"count": 1, "unit": "days", "from": {"date": "2026-01-01"}}}, ("then", "from")),
        ({"then": {"count": 1, "unit": "days"}, "timezone": "UTC"}, ("timezone",)),
        ({"then": {"count": 1, "unit": "days"}, "is_two_sided": True}, ("is_two_sided",)),
        ({"then": {"count": 1, "unit": "days"}, "time": "12:00"}, ("time",)),
        ({"then": {"count": 3651, "unit": "business_days"}}, ("then", "count")),
        ({"times": 0}, ("times",)),
        ({"times": 21}, ("times",)),
        ({"on_day": {"day": 1, "of": "month"}, "end_of_month": True}, ("end_of_month",)),
    ],
)
def test_a_recurrence_that_contradicts_itself_is_refused(
    more: dict[str, Any], path: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as caught:
        parse_due_rule(recurrence("FREQ=MONTHLY", "2026-01-01", **more))
    assert [error["loc"] for error in caught.value.errors()] == [path]


@given(
    st.dates(date(2000, 1, 1), date(2060, 12, 31)),
    st.sampled_from(["FREQ=MONTHLY", "FREQ=WEEKLY;BYDAY=TU,FR", "FREQ=YEARLY;INTERVAL=2"]),
    st.integers(0, 400),
    st.sampled_from(["days", "weeks"]),
    st.sampled_from([1, -1]),
)
def test_offsets_from_each_date_agree_with_dateutil(
    start: date, rrule: str, count: int, unit: str, sign: int
) -> None:
    direction = "after" if sign > 0 else "before"
    rule = recurrence(
        rrule, str(start), then={"count": count, "unit": unit, "direction": direction}
    )
    shift = timedelta(**{unit: sign * count})
    theirs = rrulestr(rrule, dtstart=datetime.combine(start, time()))
    assert dates(rule, 6) == [str((each + shift).date()) for each in islice(theirs, 6)]


# Several times in each period


def test_a_committee_meets_at_least_twice_in_every_calendar_year() -> None:
    rule = recurrence("FREQ=YEARLY", "2026-12-31", times=2)
    found = resolved(rule, 4)
    assert [str(each.due.due_on) for each in found] == [
        "2026-12-31", "2026-12-31", "2027-12-31", "2027-12-31",
    ]  # fmt: skip
    assert found[1].steps[-1] == "This is number 2 of the 2 that are due by this date."


# Minutes


def test_minutes_are_elapsed_time() -> None:
    rule = {
        "type": "offset", "from": {"date": "2026-03-29", "time": "01:45"}, "count": 30,
        "unit": "minutes", "timezone": "Europe/Berlin",
    }  # fmt: skip
    [found] = resolved(rule)
    # Clocks go forward at 01:00 UTC; half an hour is half an hour.
    assert found.due.due_at == datetime(2026, 3, 29, 1, 15, tzinfo=UTC)
    assert found.steps[0].startswith("30 minutes after 01:45 on 2026-03-29: 03:15 on 2026-03-29")


@pytest.mark.parametrize("method", ["frcp-6", "eu-1182-71", "corresponding-date"])
def test_no_statute_counts_minutes(method: str) -> None:
    rule = {
        "type": "offset", "from": {"date": "2026-03-29", "time": "01:00"}, "count": 30,
        "unit": "minutes", "method": method,
    }  # fmt: skip
    with pytest.raises(Unresolvable) as caught:
        dates(rule)
    assert caught.value.path == "unit"


# Every rule


@pytest.mark.parametrize(
    "rule",
    [
        recurrence("FREQ=MONTHLY", "2026-01-01", on_day={"business_day": -1, "of": "quarter"}),
        recurrence("FREQ=YEARLY", "2026-01-01", then={"count": 5, "unit": "minutes"}, times=3),
    ],
)
def test_a_rule_survives_storage(rule: dict[str, Any]) -> None:
    stored = dump_due_rule(parse_due_rule(rule))
    assert dump_due_rule(parse_due_rule(stored)) == stored
    assert {name: stored[name] for name in ("rrule", "start")} == {
        name: rule[name] for name in ("rrule", "start")
    }


def test_month_lengths_are_those_of_the_calendar() -> None:
    for month in range(1, 13):
        [found] = dates(
            {
                "type": "offset", "from": {"date": f"2024-{month:02}-15"}, "count": 0,
                "unit": "days", "on_day": {"day": 31, "of": "month"},
            }
        )  # fmt: skip
        assert found == f"2024-{month:02}-{monthrange(2024, month)[1]}"
