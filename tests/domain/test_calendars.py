"""Business days, by country, subdivision and weekend."""

from __future__ import annotations

from datetime import date, timedelta
from threading import Barrier, Thread
from typing import Any

import holidays
import pytest
from holidays.registry import COUNTRIES
from hypothesis import assume, given
from hypothesis import strategies as st

from compliance.domain.civil_time import FIRST_DAY, LAST_DAY, DayOutOfRange
from compliance.domain.due_dates import local_holidays, public_holidays
from compliance.domain.due_dates.calendar_names import UnknownCalendar, validate_calendar
from compliance.domain.due_dates.calendars import (
    MOST_DAYS_SCANNED,
    BusinessCalendar,
    CustomCalendar,
    NoBusinessDay,
)
from compliance.domain.due_dates.public_holidays import holidays_version, known_years
from compliance.domain.vocabulary import RollConvention

DAY = timedelta(days=1)

names = st.sampled_from(
    [
        "weekend",
        "weekend:sun",
        "US",
        "CN",
        "DE",
        "DE-BY",
        "GB-SCT",
        "IL",
        "SA",
        "AE",
        "HK",
        "IR",
        "ZA",
        "BR-SP",
    ]
)
joined = st.lists(names, max_size=3, unique=True).map(tuple)
days = st.dates(date(1999, 1, 1), date(2035, 12, 31))
counts = st.integers(-60, 60)


def open_by_the_library(day: date, name: str) -> bool:
    """An independent answer: an object of the library itself, created with only the year."""
    if name == "weekend":
        return day.isoweekday() not in (6, 7)
    if name == "weekend:sun":
        return day.isoweekday() != 7
    country, _, subdivision = name.partition("-")
    # The law of Hong Kong counts its general holidays, which the library calls optional.
    categories = ("public", "optional") if country == "HK" else None
    known = holidays.country_holidays(
        country, subdiv=subdivision or None, years=day.year, categories=categories
    )
    if day in known.weekend_workdays:
        return True
    return not known.is_weekend(day) and day not in known


@pytest.mark.parametrize(
    ("day", "names", "is_open"),
    [
        ("2025-05-14", (), True),
        ("2025-05-17", (), False),
        ("2025-07-04", (), True),
        ("2025-07-04", ("US",), False),
        ("2025-07-04", ("weekend",), True),
        # Observed on the Friday, in the year before the holiday itself.
        ("2021-12-31", ("US",), False),
        # Epiphany: in Bavaria, not in all of Germany.
        ("2026-01-06", ("DE-BY",), False),
        ("2026-01-06", ("DE",), True),
        # Fridays and Saturdays are the weekend.
        ("2025-05-16", ("IL",), False),
        ("2025-05-18", ("IL",), True),
        # The weekend moved from Friday and Saturday to Saturday and Sunday in 2022.
        ("2021-05-21", ("AE",), False),
        ("2023-05-19", ("AE",), True),
        ("2023-05-21", ("AE",), False),
        # A Sunday declared a working day before the May holidays.
        ("2025-04-27", ("CN",), True),
        ("2025-05-01", ("CN",), False),
        # Weekends by their days.
        ("2025-05-16", ("weekend:fri-sat",), False),
        ("2025-05-18", ("weekend:fri-sat",), True),
        ("2025-05-17", ("weekend:sun",), True),
        ("2025-05-18", ("weekend:sun",), False),
        ("2025-05-15", ("weekend:thu-fri",), False),
        # Combined: open in all of them.
        ("2025-05-01", ("US",), True),
        ("2025-05-01", ("US", "CN"), False),
        ("2025-04-27", ("US", "CN"), False),
    ],
)
def test_a_business_day_is_open_in_all_calendars(
    day: str, names: tuple[str, ...], is_open: bool
) -> None:
    assert BusinessCalendar(names).is_business_day(date.fromisoformat(day)) is is_open


@given(days, joined)
def test_business_days_match_the_holidays_library(day: date, chosen: tuple[str, ...]) -> None:
    expected = all(open_by_the_library(day, name) for name in chosen or ("weekend",))

    assert BusinessCalendar(chosen).is_business_day(day) is expected


@given(days, counts, joined)
def test_business_days_are_counted_without_the_first_day(
    day: date, count: int, chosen: tuple[str, ...]
) -> None:
    calendar = BusinessCalendar(chosen)
    reached = calendar.add(day, count)

    first, last = sorted((day, reached))
    between = [first + n * DAY for n in range((last - first).days + 1)]
    counted = [each for each in between if each != day and calendar.is_business_day(each)]
    assert len(counted) == abs(count)
    if count:
        assert calendar.is_business_day(reached)
        assert (reached > day) is (count > 0)
    else:
        assert reached == day


@given(days, st.integers(1, 60), joined)
def test_counting_forward_and_back_from_a_business_day_returns_to_it(
    day: date, count: int, chosen: tuple[str, ...]
) -> None:
    calendar = BusinessCalendar(chosen)
    assume(calendar.is_business_day(day))

    assert calendar.add(calendar.add(day, count), -count) == day


@given(days, st.integers(1, 60), joined, names)
def test_another_calendar_never_shortens_a_count(
    day: date, count: int, chosen: tuple[str, ...], other: str
) -> None:
    assume(chosen)

    longer = BusinessCalendar((*chosen, other)).add(day, count)
    assert longer >= BusinessCalendar(chosen).add(day, count)


def test_calendars_without_a_common_business_day_are_refused() -> None:
    never = BusinessCalendar(("weekend:mon-tue-wed-thu", "weekend:fri-sat-sun"))

    with pytest.raises(NoBusinessDay, match=f"do not fit into {MOST_DAYS_SCANNED} days"):
        never.add(date(2025, 5, 14), 2)
    for convention in set(RollConvention) - {RollConvention.NONE}:
        with pytest.raises(NoBusinessDay, match=r"no business day in .* Remove a calendar"):
            never.roll(date(2025, 5, 14), convention)


def test_a_count_of_any_size_is_answered_or_refused_immediately() -> None:
    with pytest.raises(NoBusinessDay, match="Use a smaller count"):
        BusinessCalendar(("US",)).add(date(2025, 5, 14), 10**9)
    with pytest.raises(DayOutOfRange):
        BusinessCalendar(("US",)).add(date(2199, 5, 14), 10**9)
    with pytest.raises(DayOutOfRange):
        BusinessCalendar(()).add(date(1901, 5, 14), -(10**9))


def test_the_longest_grace_period_fits_into_the_scan() -> None:
    assert BusinessCalendar(("US", "CN", "SA")).add(date(2025, 5, 14), 3650) > date(2035, 1, 1)


@pytest.mark.parametrize("day", [date.min, date(1899, 12, 31), date(2201, 1, 1), date.max])
def test_days_outside_the_supported_range_are_neither_open_nor_closed(day: date) -> None:
    with pytest.raises(DayOutOfRange):
        BusinessCalendar(("US",)).is_business_day(day)


def test_every_country_of_the_library_is_a_calendar() -> None:
    codes = {words[1] for words in COUNTRIES.values()}

    assert len(codes) > 200
    assert {validate_calendar(code) for code in codes} == codes


@pytest.mark.parametrize(
    "name",
    [
        "weekend:sun",
        "weekend:fri-sat",
        "weekend:thu-fri",
        "weekend:sat-sun",
        "weekend:mon-tue-wed-thu-fri-sat-sun",
        "custom:hq",
        "custom:0-a",
        "custom:" + "a" * 32,
    ],
)
def test_names_of_weekends_and_custom_calendars_are_valid(name: str) -> None:
    assert validate_calendar(name) == name


@pytest.mark.parametrize("name", ["weekend", "US", "DE-BY", "US-CA", "AU-NSW Western", "FR-57"])
def test_names_of_countries_subdivisions_and_the_weekend_are_valid(name: str) -> None:
    assert validate_calendar(name) == name
    assert isinstance(BusinessCalendar((name,)).is_business_day(date(2025, 5, 14)), bool)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("USA", "Did you mean 'US'?"),
        ("us", "Did you mean 'US'?"),
        ("UK", "Did you mean 'GB'?"),
        ("Germany", "Did you mean 'DE'?"),
        ("de-BY", "Did you mean 'DE-BY'?"),
        ("DE-by", "Did you mean 'DE-BY'?"),
        ("DE-XX", "The subdivisions of 'DE' are"),
        ("DE-", "The subdivisions of 'DE' are"),
        ("SG-01", "use 'SG' alone"),
        ("Weekend", "Did you mean 'weekend'?"),
        ("weekend:sat-fri", "Did you mean 'weekend:fri-sat'?"),
        ("weekend:Friday", "Did you mean 'weekend:fri'?"),
        ("weekend:fri,sat", "Did you mean 'weekend:fri-sat'?"),
        ("weekend:sun-sun", "Did you mean 'weekend:sun'?"),
        ("WEEKEND:SUN", "Did you mean 'weekend:sun'?"),
        ("weekend:sun\n", "Did you mean 'weekend:sun'?"),
        ("weekend:", "(mon, tue, wed, thu, fri, sat, sun) in this order"),
        ("weekend:s", "such as 'weekend:fri-sat' or 'weekend:sun'"),
        ("weekend:funday", "in this order, joined by hyphens"),
        ("custom:HQ", "Did you mean 'custom:hq'?"),
        ("custom:head office", "Did you mean 'custom:head-office'?"),
        ("custom:-hq", "Did you mean 'custom:hq'?"),
        ("custom:", "give 1 to 32 lower-case letters, digits and hyphens"),
        ("custom:" + "a" * 33, "give 1 to 32 lower-case letters, digits and hyphens"),
        ("nyse", "Did you mean 'NYSE'?"),
        ("HK:Public", "Did you mean 'HK:public'?"),
        ("hk:public", "Did you mean 'HK:public'?"),
        ("HK:public,optional", "Did you mean 'HK:public-optional'?"),
        ("HK:public+optional", "Did you mean 'HK:public-optional'?"),
        ("HK:public-public", "Did you mean 'HK:public'?"),
        ("HK:bank", "The categories of 'HK' are optional, public:"),
        ("HK:", "The categories of 'HK' are optional, public:"),
        ("JP:office", "Did you mean 'JP:offices'?"),
        ("US:offices", "The categories of 'US' are"),
        ("NYSE:bank", "The categories of 'NYSE' are half_day, public:"),
        ("NewYorkStockExchange", "Use a country such as"),
        ("HolidayBase", "Use a country such as"),
        ("country_holidays", "Use a country such as"),
        ("__doc__", "Use a country such as"),
        ("", "Use a country such as"),
        ("x" * 100_000, "Use a country such as"),
    ],
)
def test_an_unknown_calendar_name_is_refused_with_advice(name: Any, advice: str) -> None:
    with pytest.raises(UnknownCalendar) as refused:
        validate_calendar(name)

    assert advice in str(refused.value)


HQ = CustomCalendar(
    weekend=frozenset({4, 5}), closed={date(2026, 5, 13): "Inventory", date(2026, 5, 22): "Moving"}
)
DESK = {"custom:hq": HQ, "custom:lab": CustomCalendar(weekend=frozenset(), closed={})}


def test_a_custom_calendar_is_closed_on_its_weekend_and_its_closing_days() -> None:
    calendar = BusinessCalendar(("custom:hq",), DESK)

    week = [date(2026, 5, 11) + n * DAY for n in range(7)]
    assert [calendar.is_business_day(day) for day in week] == [
        True, True, False, True, False, False, True,
    ]  # fmt: skip
    assert calendar.add(date(2026, 5, 12), 1) == date(2026, 5, 14)


def test_a_custom_calendar_can_be_combined_with_others() -> None:
    calendar = BusinessCalendar(("custom:hq", "DE-BY"), DESK)

    # Inventory, Ascension Day, the weekend of the custom calendar, and Bavaria's Sunday.
    assert calendar.add(date(2026, 5, 12), 1) == date(2026, 5, 18)
    assert BusinessCalendar(("DE-BY",), DESK).is_business_day(date(2026, 5, 13))


def test_a_change_of_a_custom_calendar_takes_effect_immediately() -> None:
    day = date(2026, 5, 19)
    assert BusinessCalendar(("custom:hq",), DESK).is_business_day(day)

    changed = {"custom:hq": CustomCalendar(weekend=HQ.weekend, closed={day: "Moving"})}
    assert not BusinessCalendar(("custom:hq",), changed).is_business_day(day)


@pytest.mark.parametrize(
    ("desk", "advice"),
    [
        ({}, "There is no custom calendar of this name"),
        ({"custom:lab": HQ}, "The custom calendars are custom:lab."),
        ({"custom:head-office": HQ}, "Did you mean 'custom:head-office'?"),
    ],
)
def test_a_missing_custom_calendar_is_refused_with_advice(
    desk: dict[str, CustomCalendar], advice: str
) -> None:
    with pytest.raises(UnknownCalendar) as refused:
        BusinessCalendar(("DE", "custom:head-offic"), desk)

    assert advice in str(refused.value)


@pytest.mark.parametrize(
    ("day", "names", "reason"),
    [
        ("2026-05-14", ("DE-BY",), "Ascension Day in DE-BY"),
        ("2026-05-16", ("DE-BY", "US"), "a Saturday"),
        ("2026-05-16", (), "a Saturday"),
        ("2026-05-15", ("IL", "US"), "a Friday in IL"),
        ("2026-01-01", ("US", "DE"), "New Year's Day in US and DE"),
        ("2026-07-04", ("DE", "US"), "a Saturday and Independence Day in US"),
        ("2026-05-13", ("custom:hq", "US"), "Inventory in custom:hq"),
        ("2026-05-22", ("custom:hq",), "Moving in custom:hq"),
        ("2026-05-15", ("custom:hq",), "a Friday in custom:hq"),
        ("2026-05-18", ("custom:hq", "US"), None),
        # A Sunday that is a working day in China.
        ("2025-04-27", ("CN",), None),
    ],
)
def test_a_closed_day_says_why_and_where(
    day: str, names: tuple[str, ...], reason: str | None
) -> None:
    assert BusinessCalendar(names, DESK).why_closed(date.fromisoformat(day)) == reason


@given(days, joined)
def test_every_closed_day_has_a_reason_and_no_business_day_has_one(
    day: date, chosen: tuple[str, ...]
) -> None:
    calendar = BusinessCalendar(chosen)

    assert (calendar.why_closed(day) is None) is calendar.is_business_day(day)


@pytest.mark.parametrize(
    ("day", "names", "holiday"),
    [
        # For a Saturday, in the year before the holiday itself, and for a Sunday.
        ("2026-07-03", ("US",), "Independence Day"),
        ("2021-12-31", ("US",), "New Year's Day"),
        ("2021-07-05", ("US",), "Independence Day"),
        ("2026-07-03", ("US", "weekend"), "Independence Day"),
        # The holiday itself, a business day, and a day that is also closed for another reason.
        ("2026-07-04", ("US",), None),
        ("2026-06-19", ("US",), None),
        ("2026-07-02", ("US",), None),
        ("2026-07-03", ("US", "IL"), None),
        ("2026-05-22", ("custom:hq",), None),
    ],
)
def test_an_observed_day_is_distinguished_from_the_holiday_itself(
    day: str, names: tuple[str, ...], holiday: str | None
) -> None:
    assert BusinessCalendar(names, DESK).in_lieu_of(date.fromisoformat(day)) == holiday


def test_the_weekend_is_the_one_in_force_at_the_time() -> None:
    calendar = BusinessCalendar(("AE", "weekend:sun", "custom:hq"), DESK)

    assert calendar.weekends(date(2021, 6, 1)) == {
        "AE": {4, 5},
        "weekend:sun": {6},
        "custom:hq": {4, 5},
    }
    assert calendar.weekends(date(2023, 6, 1))["AE"] == {5, 6}
    assert BusinessCalendar(()).weekends(date(2023, 6, 1)) == {"weekend": {5, 6}}


def test_the_years_with_known_holidays_are_reported() -> None:
    known = known_years("DE-BY")
    assert known is not None
    first, last = known

    calendar = BusinessCalendar(("DE-BY", "weekend", "custom:hq"), DESK)
    assert calendar.without_holidays(date(first, 1, 1)) == ()
    assert calendar.without_holidays(date(first - 1, 12, 31)) == ("DE-BY",)
    assert calendar.without_holidays(date(last + 1, 1, 1)) == ("DE-BY",)
    assert known_years("weekend:sun") is known_years("custom:hq") is None


closings = st.sets(st.dates(date(2026, 4, 25), date(2026, 6, 10)), max_size=30)
near_days = st.dates(date(2026, 5, 1), date(2026, 5, 31))


def closing_on(closed: set[date]) -> BusinessCalendar:
    desk = CustomCalendar(weekend=frozenset({5, 6}), closed=dict.fromkeys(closed, "Closed"))
    return BusinessCalendar(("custom:hq",), {"custom:hq": desk})


@given(near_days, closings, st.sampled_from(RollConvention))
def test_rolling_ends_on_a_business_day_and_leaves_business_days_alone(
    day: date, closed: set[date], convention: RollConvention
) -> None:
    calendar = closing_on(closed)
    rolled = calendar.roll(day, convention)

    if convention is RollConvention.NONE or calendar.is_business_day(day):
        assert rolled == day
    else:
        assert calendar.is_business_day(rolled)


@given(near_days, closings, st.dates(date(2026, 4, 25), date(2026, 6, 10)))
def test_one_more_closing_day_never_makes_a_roll_break_its_convention(
    day: date, closed: set[date], another: date
) -> None:
    for calendar in (closing_on(closed), closing_on(closed | {another})):
        opened = [
            each
            for each in (day + n * DAY for n in range(-60, 61))
            if calendar.is_business_day(each)
        ]
        after = min(each for each in opened if each >= day)
        before = max(each for each in opened if each <= day)
        rolled = {each: calendar.roll(day, each) for each in RollConvention}

        assert rolled[RollConvention.FOLLOWING] == after >= day
        assert rolled[RollConvention.PRECEDING] == before <= day
        is_later = after - day <= day - before
        assert rolled[RollConvention.NEAREST] == (after if is_later else before)
        if any(each.month == day.month for each in opened):
            assert rolled[RollConvention.MODIFIED_FOLLOWING].month == day.month
            assert rolled[RollConvention.MODIFIED_PRECEDING].month == day.month
        half = rolled[RollConvention.HALF_MONTH_MODIFIED_FOLLOWING]
        stays = after.month == day.month and not day.day <= 15 < after.day
        assert half == (after if stays else before)
        assert calendar.month_end(day) == max(each for each in opened if each < date(2026, 6, 1))
        assert calendar.is_month_end(day) is not any(
            day < each < date(2026, 6, 1) for each in opened
        )


def test_rolling_stays_within_the_supported_days() -> None:
    last = BusinessCalendar(
        ("custom:hq",),
        {"custom:hq": CustomCalendar(weekend=frozenset(), closed={LAST_DAY: "Closed"})},
    )
    first = BusinessCalendar(
        ("custom:hq",),
        {"custom:hq": CustomCalendar(weekend=frozenset(), closed={FIRST_DAY: "Closed"})},
    )

    assert last.roll(LAST_DAY, RollConvention.PRECEDING) == LAST_DAY - DAY
    assert last.month_end(LAST_DAY) == LAST_DAY - DAY
    for calendar, day, convention in (
        (last, LAST_DAY, RollConvention.FOLLOWING),
        (first, FIRST_DAY, RollConvention.PRECEDING),
        (last, LAST_DAY, RollConvention.NEAREST),
    ):
        with pytest.raises(DayOutOfRange):
            calendar.roll(day, convention)


def test_an_unknown_calendar_is_refused_wherever_it_is_used() -> None:
    with pytest.raises(UnknownCalendar):
        BusinessCalendar(("US", "XX")).is_business_day(date(2025, 5, 14))
    with pytest.raises(UnknownCalendar):
        BusinessCalendar(("XX",)).add(date(2025, 5, 14), 3)


def test_concurrent_threads_get_the_same_answer() -> None:
    for cached in (public_holidays.closed_days, local_holidays.closed_in_any):
        cached.cache_clear()
    gate, found = Barrier(8), []

    def ask() -> None:
        gate.wait()
        found.append(BusinessCalendar(("US", "CN", "DE-BY")).add(date(2024, 12, 20), 300))

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_version_of_the_holiday_data_is_known() -> None:
    assert holidays_version().split(".")[0].isdigit()
