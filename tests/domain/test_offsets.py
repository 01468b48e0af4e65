"""Periods counted from an event, compared with QuantLib."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import QuantLib
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compliance.domain.civil_time import LAST_DAY, DayOutOfRange
from compliance.domain.due_dates.calendars import BusinessCalendar, CustomCalendar, NoBusinessDay
from compliance.domain.due_dates.offsets import PeriodEnd, compute_period_end
from compliance.domain.due_dates.periods import Event
from compliance.domain.due_dates.rule_types import OffsetRule
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention
from tests.profiles import scaled

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "business_day_conventions_quantlib.json").read_text()
)
DAY = timedelta(days=1)
FIRST, LAST = date(2000, 1, 1), date(2035, 12, 31)

CONVENTIONS = {
    RollConvention.NONE: QuantLib.Unadjusted,
    RollConvention.FOLLOWING: QuantLib.Following,
    RollConvention.MODIFIED_FOLLOWING: QuantLib.ModifiedFollowing,
    RollConvention.HALF_MONTH_MODIFIED_FOLLOWING: QuantLib.HalfMonthModifiedFollowing,
    RollConvention.PRECEDING: QuantLib.Preceding,
    RollConvention.MODIFIED_PRECEDING: QuantLib.ModifiedPreceding,
    RollConvention.NEAREST: QuantLib.Nearest,
}
NAMED_BY_QUANTLIB = {
    "Unadjusted": RollConvention.NONE,
    "Following": RollConvention.FOLLOWING,
    "ModifiedFollowing": RollConvention.MODIFIED_FOLLOWING,
    "HalfMonthModifiedFollowing": RollConvention.HALF_MONTH_MODIFIED_FOLLOWING,
    "Preceding": RollConvention.PRECEDING,
    "ModifiedPreceding": RollConvention.MODIFIED_PRECEDING,
    "Nearest": RollConvention.NEAREST,
}
# QuantLib advances by business days when given days.
UNITS = {
    PeriodUnit.BUSINESS_DAYS: QuantLib.Days,
    PeriodUnit.WEEKS: QuantLib.Weeks,
    PeriodUnit.MONTHS: QuantLib.Months,
    PeriodUnit.YEARS: QuantLib.Years,
}

days = st.dates(FIRST, LAST)
calendars = st.sampled_from(["DE", "US", "ZA", "CN", "GB", "IL"])
conventions = st.sampled_from(RollConvention)


def to_ql(day: date) -> Any:
    return QuantLib.Date(day.day, day.month, day.year)


def from_ql(day: Any) -> date:
    return date(day.year(), day.month(), day.dayOfMonth())


@cache
def quantlib_of(name: str) -> Any:
    """A QuantLib calendar with our closed days."""
    ours = BusinessCalendar((name,))
    theirs = QuantLib.BespokeCalendar(name)
    weekend = ours.weekends(FIRST)[name]
    for number in weekend:
        theirs.addWeekend((number + 1) % 7 + 1)
    day = FIRST - 1000 * DAY
    while day < LAST + 1000 * DAY:
        is_open = ours.is_business_day(day)
        if is_open and day.weekday() in weekend:
            theirs.removeHoliday(to_ql(day))
        elif not is_open and day.weekday() not in weekend:
            theirs.addHoliday(to_ql(day))
        day += DAY
    return theirs


def rule(count: int, unit: PeriodUnit, **others: Any) -> OffsetRule:
    direction = Direction.AFTER if count >= 0 else Direction.BEFORE
    return OffsetRule(**{"direction": direction, **others}, count=abs(count), unit=unit)


def compute(
    start: date | str,
    count: int,
    unit: PeriodUnit = PeriodUnit.DAYS,
    *,
    names: tuple[str, ...] = (),
    **others: Any,
) -> PeriodEnd:
    on = date.fromisoformat(start) if isinstance(start, str) else start
    return compute_period_end(
        Event(on=on),
        rule(count, unit, **others),
        calendar=BusinessCalendar(names),
        zone_name="UTC",
    )


def day_of(computed: PeriodEnd) -> date:
    (reading,) = computed.readings
    assert reading.at is None
    assert not reading.why
    return reading.on


def text_of(computed: PeriodEnd) -> str:
    return " ".join((*computed.steps, *computed.warnings))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=str)
def test_the_cases_of_quantlib_have_the_same_results(case: dict[str, Any]) -> None:
    unit = "business_days" if case["unit"] == "days" else case["unit"]

    computed = compute(
        case["start"],
        case["period"],
        PeriodUnit(unit),
        names=("ZA",),
        roll=NAMED_BY_QUANTLIB[case["convention"]],
        end_of_month=case["end_of_month"],
    )

    assert day_of(computed) == date.fromisoformat(case["expected"])


@given(days, calendars, conventions)
@settings(max_examples=scaled(2))
def test_every_convention_rolls_as_quantlib_does(
    day: date, name: str, convention: RollConvention
) -> None:
    expected = from_ql(quantlib_of(name).adjust(to_ql(day), CONVENTIONS[convention]))

    assert BusinessCalendar((name,)).roll(day, convention) == expected


@given(
    days,
    calendars,
    conventions,
    st.sampled_from(list(UNITS)),
    st.integers(-24, 24),
    st.booleans(),
)
@settings(max_examples=scaled(5))
def test_every_period_advances_as_in_quantlib(
    day: date,
    name: str,
    convention: RollConvention,
    unit: PeriodUnit,
    count: int,
    end_of_month: bool,
) -> None:
    expected = from_ql(
        quantlib_of(name).advance(
            to_ql(day), count, UNITS[unit], CONVENTIONS[convention], end_of_month
        )
    )
    assume(FIRST - 900 * DAY < expected < LAST + 900 * DAY)

    computed = compute(day, count, unit, names=(name,), roll=convention, end_of_month=end_of_month)

    assert day_of(computed) == expected


@given(
    st.integers(2000, 2035),
    st.integers(1, 12),
    st.integers(0, 5),
    calendars,
    conventions,
    st.integers(-24, 24),
)
@settings(max_examples=scaled(2.5))
def test_the_end_of_a_month_is_the_same_as_in_quantlib(
    year: int, month: int, back: int, name: str, convention: RollConvention, count: int
) -> None:
    start = (date(year, month, 28) + 4 * DAY).replace(day=1) - (back + 1) * DAY
    theirs, ours = quantlib_of(name), BusinessCalendar((name,))

    assert ours.is_month_end(start) is theirs.isEndOfMonth(to_ql(start))
    assert ours.month_end(start) == from_ql(theirs.endOfMonth(to_ql(start)))
    expected = theirs.advance(to_ql(start), count, QuantLib.Months, CONVENTIONS[convention], True)
    computed = compute(
        start, count, PeriodUnit.MONTHS, names=(name,), roll=convention, end_of_month=True
    )
    assert day_of(computed) == from_ql(expected)


@given(days, st.integers(-800, 800), calendars, conventions)
def test_days_are_counted_through_and_then_rolled_as_in_quantlib(
    day: date, count: int, name: str, convention: RollConvention
) -> None:
    expected = quantlib_of(name).adjust(to_ql(day + count * DAY), CONVENTIONS[convention])

    assert day_of(compute(day, count, names=(name,), roll=convention)) == from_ql(expected)


@given(days, st.integers(1, 250), calendars)
def test_quantlib_counts_the_requested_number_of_business_days_up_to_the_end(
    day: date, count: int, name: str
) -> None:
    after = day_of(compute(day, count, PeriodUnit.BUSINESS_DAYS, names=(name,)))
    before = day_of(compute(day, -count, PeriodUnit.BUSINESS_DAYS, names=(name,)))

    between = quantlib_of(name).businessDaysBetween
    assert between(to_ql(day), to_ql(after), False, True) == count
    assert between(to_ql(before), to_ql(day), True, False) == count


def _on(reason: str, *listed: str) -> dict[str, str]:
    return dict.fromkeys(listed, reason)


DISAGREEMENTS: dict[str, tuple[Any, dict[str, str]]] = {
    "DE": (
        QuantLib.Germany(QuantLib.Germany.Settlement),
        {
            **_on(
                "Corpus Christi: QuantLib closes all of Germany, but only some states do",
                "2010-06-03", "2011-06-23", "2012-06-07", "2013-05-30", "2014-06-19",
                "2015-06-04", "2016-05-26", "2017-06-15", "2018-05-31", "2019-06-20",
                "2020-06-11", "2021-06-03", "2022-06-16", "2023-06-08", "2024-05-30",
                "2025-06-19",
            ),
            **_on(
                "Christmas Eve: QuantLib closes its market; it is not a public holiday",
                "2010-12-24", "2012-12-24", "2013-12-24", "2014-12-24", "2015-12-24",
                "2018-12-24", "2019-12-24", "2020-12-24", "2021-12-24", "2024-12-24",
                "2025-12-24",
            ),
            "2017-10-31": "Reformation Day: a holiday everywhere that once, for its 500 years",
        },
    ),
    "US": (
        QuantLib.UnitedStates(QuantLib.UnitedStates.Settlement),
        {"2021-06-18": "Juneteenth: law since the day before; QuantLib begins with 2022"},
    ),
    "ZA": (
        QuantLib.SouthAfrica(),
        {
            **_on(
                "Elections: declared a holiday for all; QuantLib does not list these",
                "2011-05-18", "2014-05-07", "2019-05-08",
            ),
            **_on(
                "Christmas on a Sunday, whose Monday is the Day of Goodwill: the Tuesday was "
                "declared a holiday; QuantLib lists that for 2022 alone",
                "2011-12-27", "2016-12-27",
            ),
        },
    ),
    "GB-ENG": (QuantLib.UnitedKingdom(QuantLib.UnitedKingdom.Settlement), {}),
    "FI": (QuantLib.Finland(), {}),
    "IT": (
        QuantLib.Italy(QuantLib.Italy.Settlement),
        {"2011-03-17": "150 years of unity: a holiday that once; QuantLib does not list it"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(DISAGREEMENTS))
def test_business_days_match_quantlib_except_for_explained_differences(
    name: str,
) -> None:
    theirs, explained = DISAGREEMENTS[name]
    ours = BusinessCalendar((name,))

    every_day = (date(2010, 1, 1) + n * DAY for n in range(16 * 365 + 4))
    differing = {
        str(day)
        for day in every_day
        if ours.is_business_day(day) is not theirs.isBusinessDay(to_ql(day))
    }

    assert differing == set(explained)


@given(days, st.integers(1, 300), st.lists(calendars, min_size=1, max_size=3).map(tuple))
def test_business_days_forward_and_backward_return_to_a_business_day(
    day: date, count: int, names: tuple[str, ...]
) -> None:
    assume(BusinessCalendar(names).is_business_day(day))

    there = day_of(compute(day, count, PeriodUnit.BUSINESS_DAYS, names=names))

    assert day_of(compute(there, -count, PeriodUnit.BUSINESS_DAYS, names=names)) == day


@pytest.mark.parametrize(
    ("start", "count", "unit", "expected"),
    [
        ("2025-05-14", 90, "days", "2025-08-11"),
        ("2025-05-14", 1, "days", "2025-05-14"),
        ("2025-05-14", -1, "days", "2025-05-14"),
        ("2025-05-14", -90, "days", "2025-02-14"),
        # The first day is a Wednesday, then a Saturday that does not count.
        ("2025-05-14", 1, "business_days", "2025-05-14"),
        ("2025-05-14", 4, "business_days", "2025-05-19"),
        ("2025-05-17", 1, "business_days", "2025-05-19"),
        ("2025-05-14", -3, "business_days", "2025-05-12"),
        ("2025-05-14", 2, "weeks", "2025-05-27"),
        ("2025-05-14", -2, "weeks", "2025-05-01"),
        ("2025-05-01", 1, "months", "2025-05-31"),
        ("2025-05-14", 3, "months", "2025-08-13"),
        ("2025-05-31", -1, "months", "2025-05-01"),
        ("2025-01-01", 1, "years", "2025-12-31"),
        # Where the last month has no corresponding day, it ends with the month (BGB 188(3)).
        ("2025-01-31", 1, "months", "2025-02-28"),
        ("2025-01-30", 1, "months", "2025-02-28"),
        ("2025-01-29", 1, "months", "2025-02-28"),
        ("2025-01-28", 1, "months", "2025-02-27"),
        ("2024-02-29", 1, "years", "2025-02-28"),
    ],
)
def test_a_period_that_counts_its_first_day_ends_a_day_sooner(
    start: str, count: int, unit: str, expected: str
) -> None:
    computed = compute(start, count, PeriodUnit(unit), count_first_day=True)

    assert day_of(computed) == date.fromisoformat(expected)
    assert "first day counted" in text_of(computed)


def test_the_counted_first_day_is_subtracted_before_rolling() -> None:
    computed = compute(
        "2025-05-18", 7, names=("DE",), count_first_day=True, roll=RollConvention.FOLLOWING
    )

    assert day_of(computed) == date(2025, 5, 26)


def test_a_period_of_length_zero_ends_on_the_day_of_its_event_and_rolls() -> None:
    saturday = "2025-05-17"
    for unit in [unit for unit in PeriodUnit if not unit.is_elapsed]:
        rolled = compute(saturday, 0, unit, roll=RollConvention.FOLLOWING)

        assert day_of(compute(saturday, 0, unit)) == date(2025, 5, 17)
        assert day_of(rolled) == date(2025, 5, 19)


@pytest.mark.parametrize(
    ("start", "at", "count", "end", "last_day"),
    [
        # Clocks go forward in the night of 2026-03-29, and back in that of 2026-10-25.
        ("2026-03-28", "2026-03-28T11:00Z", 24, "2026-03-29T11:00Z", "2026-03-29"),
        ("2026-10-24", "2026-10-24T10:00Z", 24, "2026-10-25T10:00Z", "2026-10-25"),
        ("2026-05-14", "2026-05-14T10:00Z", -48, "2026-05-12T10:00Z", "2026-05-12"),
        # A period that ends at the end of a day includes that day.
        ("2026-05-14", "2026-05-14T10:00Z", 12, "2026-05-14T22:00Z", "2026-05-14"),
    ],
)
def test_hours_are_elapsed_time_when_clocks_change(
    start: str, at: str, count: int, end: str, last_day: str
) -> None:
    event = Event(on=date.fromisoformat(start), at=datetime.fromisoformat(at))

    computed = compute_period_end(
        event,
        rule(count, PeriodUnit.HOURS),
        calendar=BusinessCalendar(()),
        zone_name="Europe/Berlin",
    )

    (reading,) = computed.readings
    assert reading.at == datetime.fromisoformat(end)
    assert reading.on == date.fromisoformat(last_day)
    assert reading.why == ""


def test_hours_from_an_event_known_by_its_day_have_two_readings() -> None:
    computed = compute_period_end(
        Event(on=date(2026, 3, 29)),
        rule(72, PeriodUnit.HOURS),
        calendar=BusinessCalendar(()),
        zone_name="Europe/Berlin",
    )

    earliest, latest = computed.readings
    # That day has 23 hours.
    assert earliest.at == datetime(2026, 3, 31, 23, tzinfo=UTC)
    assert latest.at == datetime(2026, 4, 1, 22, tzinfo=UTC)
    assert earliest.why == "if it happened as 2026-03-29 began"
    assert latest.why == "if it happened as 2026-03-29 ended"


def test_hours_do_not_roll_and_a_warning_says_so() -> None:
    computed = compute_period_end(
        Event(on=date(2026, 5, 15), at=datetime(2026, 5, 15, 12, tzinfo=UTC)),
        rule(24, PeriodUnit.HOURS, roll=RollConvention.FOLLOWING),
        calendar=BusinessCalendar(()),
        zone_name="UTC",
    )

    assert computed.readings[0].at == datetime(2026, 5, 16, 12, tzinfo=UTC)
    (warning,) = computed.warnings
    assert "does not roll" in warning


@pytest.mark.parametrize(
    ("start", "count", "others", "sentences"),
    [
        (
            "2025-05-14",
            90,
            {"names": ("US",), "roll": "following"},
            [
                "90 days after 2025-05-14, first day not counted: 2025-08-12, a Tuesday.",
                "2025-08-12 is a business day in US.",
            ],
        ),
        (
            "2026-12-02",
            30,
            {"names": ("US",), "roll": "following"},
            [
                "30 days after 2026-12-02, first day not counted: 2027-01-01, a Friday.",
                "2027-01-01 is New Year's Day in US: following business day 2027-01-04, a Monday.",
            ],
        ),
        (
            "2007-08-02",
            30,
            {"names": ("US",), "roll": "following"},
            [
                "30 days after 2007-08-02, first day not counted: 2007-09-01, a Saturday.",
                "2007-09-01 is a Saturday, 2007-09-03 is Labor Day in US: "
                "following business day 2007-09-04, a Tuesday.",
            ],
        ),
        (
            "2026-01-31",
            1,
            {"unit": "months", "roll": "modified_following"},
            [
                "1 month after 2026-01-31, first day not counted: 2026-02-28, a Saturday, "
                "because that month has no day 31.",
                "2026-02-28 is a Saturday: preceding business day, so as not to leave the month, "
                "2026-02-27, a Friday.",
            ],
        ),
        (
            "2026-02-27",
            1,
            {"unit": "months", "roll": "following", "end_of_month": True},
            [
                "1 month after 2026-02-27, first day not counted: 2026-03-27, a Friday.",
                "There is no business day after 2026-02-27 in its month, so the period ends on "
                "the last business day of the month in weekend: 2026-03-31, a Tuesday.",
            ],
        ),
        (
            "2026-05-20",
            3,
            {"unit": "business_days", "names": ("US",)},
            [
                "3 business days after 2026-05-20, first day not counted, in US: "
                "2026-05-26, a Tuesday.",
                "Not counted: 2026-05-25 is Memorial Day in US.",
            ],
        ),
        (
            "2026-05-16",
            0,
            {"roll": "nearest"},
            [
                "0 days after 2026-05-16: 2026-05-16, a Saturday.",
                "2026-05-16 is a Saturday: nearest business day 2026-05-15, a Friday.",
            ],
        ),
    ],
)
def test_the_trace_explains_the_computation(
    start: str, count: int, others: dict[str, Any], sentences: list[str]
) -> None:
    unit = PeriodUnit(others.get("unit", "days"))
    roll = RollConvention(others.get("roll", "none"))
    end_of_month = others.get("end_of_month", False)

    computed = compute(
        start, count, unit, names=others.get("names", ()), roll=roll, end_of_month=end_of_month
    )

    assert list(computed.steps) == sentences
    assert computed.warnings == ()


@pytest.mark.parametrize(
    ("start", "others", "warning"),
    [
        (
            "2026-12-22",
            {"names": ("US",)},
            "2027-01-01 is New Year's Day in US, and the rule does not roll.",
        ),
        ("2025-05-07", {}, "2025-05-17 is a Saturday, and the rule does not roll."),
        (
            "2025-05-14",
            {"names": ("US", "IL"), "roll": RollConvention.FOLLOWING},
            "The calendars have different weekends (US Saturday and Sunday; "
            "IL Friday and Saturday): a business day must be a business day in all of them.",
        ),
        (
            "2150-05-14",
            {"names": ("DE",), "roll": RollConvention.FOLLOWING},
            "The holidays of DE are not known for 2150: only its weekends were considered.",
        ),
        (
            "2025-05-13",
            {"end_of_month": True},
            "end_of_month has no effect on a period in days: remove it.",
        ),
    ],
)
def test_warnings_name_what_to_check(start: str, others: dict[str, Any], warning: str) -> None:
    assert compute(start, 10, **others).warnings == (warning,)


@pytest.mark.parametrize("unit", list(PeriodUnit))
def test_a_period_that_ends_beyond_the_supported_days_is_refused(unit: PeriodUnit) -> None:
    event = Event(on=LAST_DAY - 3 * DAY, at=datetime(2200, 12, 28, tzinfo=UTC))
    far_rules = [rule(100_000, unit)]
    if unit is PeriodUnit.BUSINESS_DAYS:
        far_rules = [rule(10, unit)]
        with pytest.raises(NoBusinessDay):
            compute("2025-05-14", 100_000, unit)

    for far in far_rules:
        with pytest.raises(DayOutOfRange, match="must lie between 1900-01-01 and 2200-12-31"):
            compute_period_end(event, far, calendar=BusinessCalendar(()), zone_name="UTC")


def test_a_contradictory_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="Only frcp-6 adds days for service"):
        compute("2025-05-14", 10, service_days=3)


def test_closing_days_of_a_custom_calendar_count() -> None:
    desk = {
        "custom:hq": CustomCalendar(weekend=frozenset({6}), closed={date(2025, 5, 24): "Inventory"})
    }

    computed = compute_period_end(
        Event(on=date(2025, 5, 14)),
        rule(10, PeriodUnit.DAYS, roll=RollConvention.FOLLOWING),
        calendar=BusinessCalendar(("custom:hq",), desk),
        zone_name="UTC",
    )

    assert day_of(computed) == date(2025, 5, 26)
    assert "2025-05-24 is Inventory in custom:hq" in text_of(computed)


@given(days, st.integers(-40, 40), st.sampled_from([PeriodUnit.MONTHS, PeriodUnit.YEARS]))
def test_the_english_rule_ends_on_the_corresponding_date_or_with_the_month(
    day: date, count: int, unit: PeriodUnit
) -> None:
    end = day_of(compute(day, count, unit, method=LegalMethod.CORRESPONDING_DATE))

    months = count * (12 if unit is PeriodUnit.YEARS else 1)
    assert (end.year * 12 + end.month) - (day.year * 12 + day.month) == months
    assert end.day == day.day or (end.day < day.day and (end + DAY).day == 1)
