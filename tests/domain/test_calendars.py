"""Business days, by country, subdivision and weekend."""

from __future__ import annotations

from datetime import date, timedelta
from threading import Barrier, Thread
from typing import Any

import holidays
import pytest
from holidays.registry import COUNTRIES
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compliance.domain import calendars
from compliance.domain.calendars import (
    MOST_DAYS_SCANNED,
    NoBusinessDay,
    UnknownCalendar,
    add_business_days,
    holidays_version,
    is_business_day,
    validate_calendar,
)
from compliance.domain.civil_time import DayOutOfRange

DAY = timedelta(days=1)

names = st.sampled_from(
    ["weekend", "US", "CN", "DE", "DE-BY", "GB-SCT", "IL", "SA", "AE", "HK", "IR", "ZA", "BR-SP"]
)
joined = st.lists(names, max_size=3, unique=True).map(tuple)
days = st.dates(date(1999, 1, 1), date(2035, 12, 31))
counts = st.integers(-60, 60)


def open_by_the_library(day: date, name: str) -> bool:
    """An independent answer: one object of the library's own, told nothing but the year."""
    if name == "weekend":
        return day.isoweekday() not in (6, 7)
    country, _, subdivision = name.partition("-")
    known = holidays.country_holidays(country, subdiv=subdivision or None, years=day.year)
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
        # Joined: open in all.
        ("2025-05-01", ("US",), True),
        ("2025-05-01", ("US", "CN"), False),
        ("2025-04-27", ("US", "CN"), False),
    ],
)
def test_a_business_day_is_open_in_every_calendar_named(
    day: str, names: tuple[str, ...], is_open: bool
) -> None:
    assert is_business_day(date.fromisoformat(day), names) is is_open


@given(days, joined)
@settings(deadline=None, max_examples=150)
def test_business_days_are_those_of_the_holidays_library(
    day: date, chosen: tuple[str, ...]
) -> None:
    expected = all(open_by_the_library(day, name) for name in chosen or ("weekend",))

    assert is_business_day(day, chosen) is expected


@given(days, counts, joined)
@settings(deadline=None, max_examples=300)
def test_business_days_are_counted_one_by_one_without_the_first(
    day: date, count: int, chosen: tuple[str, ...]
) -> None:
    reached = add_business_days(day, count, chosen)

    first, last = sorted((day, reached))
    between = [first + n * DAY for n in range((last - first).days + 1)]
    counted = [each for each in between if each != day and is_business_day(each, chosen)]
    assert len(counted) == abs(count)
    if count:
        assert is_business_day(reached, chosen)
        assert (reached > day) is (count > 0)
    else:
        assert reached == day


@given(days, st.integers(1, 60), joined)
@settings(deadline=None, max_examples=100)
def test_counting_forward_and_back_from_a_business_day_returns_to_it(
    day: date, count: int, chosen: tuple[str, ...]
) -> None:
    assume(is_business_day(day, chosen))

    assert add_business_days(add_business_days(day, count, chosen), -count, chosen) == day


@given(days, st.integers(1, 60), joined, names)
@settings(deadline=None, max_examples=100)
def test_joining_another_calendar_never_makes_a_count_shorter(
    day: date, count: int, chosen: tuple[str, ...], other: str
) -> None:
    assume(chosen)

    assert add_business_days(day, count, (*chosen, other)) >= add_business_days(day, count, chosen)


def test_calendars_that_never_agree_on_a_day_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "is_business_day", lambda *_: False)

    with pytest.raises(NoBusinessDay, match=f"do not fit into {MOST_DAYS_SCANNED} days"):
        add_business_days(date(2025, 5, 14), 1, ("US", "SA"))


def test_a_count_of_any_size_is_answered_or_refused_at_once() -> None:
    with pytest.raises(NoBusinessDay, match="Count fewer days"):
        add_business_days(date(2025, 5, 14), 10**9, ("US",))
    with pytest.raises(DayOutOfRange):
        add_business_days(date(2199, 5, 14), 10**9, ("US",))
    with pytest.raises(DayOutOfRange):
        add_business_days(date(1901, 5, 14), -(10**9), ())


def test_the_longest_grace_period_fits_into_the_scan() -> None:
    assert add_business_days(date(2025, 5, 14), 3650, ("US", "CN", "SA")) > date(2035, 1, 1)


@pytest.mark.parametrize("day", [date.min, date(1899, 12, 31), date(2201, 1, 1), date.max])
def test_days_outside_the_supported_range_are_neither_open_nor_closed(day: date) -> None:
    with pytest.raises(DayOutOfRange):
        is_business_day(day, ("US",))


def test_every_country_of_the_library_is_a_calendar() -> None:
    codes = {words[1] for words in COUNTRIES.values()}

    assert len(codes) > 200
    assert {validate_calendar(code) for code in codes} == codes


@pytest.mark.parametrize("name", ["weekend", "US", "DE-BY", "US-CA", "AU-NSW Western", "FR-57"])
def test_countries_subdivisions_and_the_weekend_are_calendars(name: str) -> None:
    assert validate_calendar(name) == name
    assert isinstance(is_business_day(date(2025, 5, 14), (name,)), bool)


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
        ("NYSE", "Use a country such as"),
        ("HolidayBase", "Use a country such as"),
        ("country_holidays", "Use a country such as"),
        ("__doc__", "Use a country such as"),
        ("", "Use a country such as"),
        ("x" * 100_000, "Use a country such as"),
    ],
)
def test_a_name_that_is_no_calendar_is_refused_with_what_to_write(name: Any, advice: str) -> None:
    with pytest.raises(UnknownCalendar) as refused:
        validate_calendar(name)

    assert advice in str(refused.value)


def test_an_unknown_calendar_is_refused_wherever_it_is_used() -> None:
    with pytest.raises(UnknownCalendar):
        is_business_day(date(2025, 5, 14), ("US", "XX"))
    with pytest.raises(UnknownCalendar):
        add_business_days(date(2025, 5, 14), 3, ("XX",))


def test_threads_that_ask_at_once_get_the_same_answer() -> None:
    calendars._closed_days.cache_clear()
    gate, found = Barrier(8), []

    def ask() -> None:
        gate.wait()
        found.append(add_business_days(date(2024, 12, 20), 300, ("US", "CN", "DE-BY")))

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_version_of_the_holiday_data_is_known() -> None:
    assert holidays_version().split(".")[0].isdigit()
