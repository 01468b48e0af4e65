"""Which holidays count where: the law of each country, named categories, parts of an area."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from holidays.registry import COUNTRIES, FINANCIAL
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.due_dates import local_holidays
from compliance.domain.due_dates.calendar_names import known_categories, validate_calendar
from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.grace_periods import Grace, GraceUnit
from compliance.domain.due_dates.holiday_laws import HOLIDAY_LAWS
from compliance.domain.due_dates.previews import Preview, preview
from compliance.domain.due_dates.public_holidays import known_years
from compliance.domain.due_dates.rule_parts import Anchor
from compliance.domain.due_dates.rule_types import DateRule, OffsetRule, RecurrenceRule
from compliance.domain.skipped_days import skipped_days
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention

DAY = timedelta(days=1)


def resolved(rule: DueRule, **context: object) -> Preview:
    return preview(rule, ResolutionContext(timezone="UTC", **context), limit=5)  # type: ignore[arg-type]


def business_days(calendars: str, after: str, count: int = 1, **more: object) -> Preview:
    return resolved(
        OffsetRule(
            anchor=Anchor(date=date.fromisoformat(after)),
            count=count,
            unit=PeriodUnit.BUSINESS_DAYS,
            calendars=tuple(calendars.split()),
            **more,  # type: ignore[arg-type]
        )
    )


def days_of(found: Preview) -> tuple[str | None, str]:
    """Return the earliest reading, if there is one, and the latest."""
    only = found.dates[0]
    earliest = only.earliest_on.isoformat() if only.earliest_on else None
    return earliest, only.due.due_on.isoformat()


@pytest.mark.parametrize(
    ("calendar", "after", "next_day"),
    [
        # General holidays of Hong Kong that are not statutory ones.
        ("HK", "2026-04-02", "2026-04-08"),
        ("HK", "2020-12-24", "2020-12-28"),
        ("HK:public", "2026-04-02", "2026-04-03"),
        ("HK:optional", "2026-04-02", "2026-04-08"),
        ("HK weekend", "2026-04-10", "2026-04-13"),
        # Federal holidays of Canada that are not holidays in every province.
        ("CA", "2026-10-09", "2026-10-13"),
        ("CA", "2026-05-15", "2026-05-19"),
        ("CA", "2026-09-29", "2026-10-01"),
        ("CA", "2026-11-10", "2026-11-12"),
        ("CA", "2026-12-24", "2026-12-29"),
        ("CA:public", "2026-10-09", "2026-10-12"),
        ("CA-ON", "2026-04-02", "2026-04-07"),
        # Macau: holidays that only the public service must observe.
        ("MO:public", "2026-12-07", "2026-12-08"),
        ("MO", "2026-12-07", "2026-12-09"),
        # Swedish eves, and Liberation Day in years that are not a multiple of five.
        ("SE", "2026-06-18", "2026-06-22"),
        ("SE", "2026-12-23", "2026-12-28"),
        ("NL", "2026-05-04", "2026-05-06"),
        # Holidays in Costa Rica without compulsory pay; St Helena's government holidays.
        ("CR", "2026-11-30", "2026-12-02"),
        ("SH-HL", "2025-12-31", "2026-01-02"),
        # Observed in every state, under different names; the library has it in no nationwide list.
        ("AU", "2026-12-24", "2026-12-29"),
        # Only national holidays count in Italy, federal ones in the United States.
        ("IT", "2026-12-04", "2026-12-07"),
        ("IT-MI", "2026-12-04", "2026-12-09"),
        ("US", "2026-11-26", "2026-11-27"),
        ("US", "2026-02-11", "2026-02-12"),
        # Subdivisions.
        ("GB-SCT", "2026-04-02", "2026-04-06"),
        ("GB-ENG", "2026-04-02", "2026-04-07"),
        ("GB-NIR", "2026-03-16", "2026-03-18"),
        ("DE-HE", "2026-06-03", "2026-06-05"),
        ("DE-BE", "2026-06-03", "2026-06-04"),
        ("DE-BY:public", "2025-08-14", "2025-08-15"),
        ("DE-BY:catholic-public", "2025-08-14", "2025-08-18"),
        # Markets and payment systems.
        ("TARGET", "2026-04-02", "2026-04-07"),
        ("TARGET", "2026-05-13", "2026-05-14"),
        ("TARGET", "2026-04-30", "2026-05-04"),
        ("ECB", "2026-04-30", "2026-05-04"),
        ("NYSE", "2026-04-02", "2026-04-06"),
        ("XNYS", "2026-10-09", "2026-10-12"),
        ("NYSE", "2026-11-26", "2026-11-27"),
        ("NYSE:half_day-public", "2026-11-26", "2026-11-30"),
        ("FED", "2026-04-02", "2026-04-03"),
        ("LSE", "2026-04-02", "2026-04-07"),
    ],
)
def test_the_next_business_day_is_the_one_that_the_law_counts(
    calendar: str, after: str, next_day: str
) -> None:
    assert days_of(business_days(calendar, after)) == (None, next_day)


@pytest.mark.parametrize(
    ("calendar", "after", "earliest", "latest"),
    [
        # Places.
        ("GB", "2026-04-02", "2026-04-06", "2026-04-07"),
        ("GB", "2026-12-31", "2027-01-04", "2027-01-05"),
        ("DE", "2026-06-03", "2026-06-04", "2026-06-05"),
        ("DE-BY", "2025-08-14", "2025-08-15", "2025-08-18"),
        ("DE-SN", "2026-06-03", "2026-06-04", "2026-06-05"),
        ("CH", "2026-04-02", "2026-04-03", "2026-04-07"),
        ("FR", "2026-04-02", "2026-04-03", "2026-04-07"),
        ("ES", "2026-04-01", "2026-04-02", "2026-04-07"),
        ("AU", "2026-06-05", "2026-06-08", "2026-06-09"),
        ("NZ", "2026-01-23", "2026-01-26", "2026-01-27"),
        ("IN", "2026-03-03", "2026-03-04", "2026-03-05"),
        ("MY", "2026-01-30", "2026-02-01", "2026-02-03"),
        ("BA", "2026-01-05", "2026-01-06", "2026-01-08"),
        # The weekend of some states was Friday and Saturday.
        ("MY", "2024-06-06", "2024-06-07", "2024-06-09"),
        # Purposes: courts, banks, public offices.
        ("AT", "2026-04-02", "2026-04-03", "2026-04-07"),
        ("BR", "2026-02-13", "2026-02-16", "2026-02-19"),
        ("CA", "2026-04-02", "2026-04-06", "2026-04-07"),
        ("DK", "2026-06-04", "2026-06-05", "2026-06-08"),
        ("ID", "2026-03-23", "2026-03-24", "2026-03-25"),
        ("IE", "2026-04-02", "2026-04-03", "2026-04-07"),
        ("IE", "2026-12-24", "2026-12-28", "2026-12-29"),
        ("IE", "2021-12-24", "2021-12-27", "2021-12-29"),
        ("JP", "2026-12-28", "2026-12-29", "2027-01-04"),
        ("KR", "2025-04-30", "2025-05-01", "2025-05-02"),
        ("NL", "2026-05-14", "2026-05-15", "2026-05-18"),
        ("NL", "2022-05-05", "2022-05-06", "2022-05-09"),
        ("NL", "2018-12-28", "2018-12-31", "2019-01-02"),
        ("PT", "2026-02-16", "2026-02-17", "2026-02-18"),
        ("TH", "2026-05-12", "2026-05-13", "2026-05-14"),
        ("TT", "2026-02-13", "2026-02-16", "2026-02-18"),
        ("UY", "2026-01-05", "2026-01-06", "2026-01-07"),
    ],
)
def test_a_holiday_of_only_a_part_gives_every_reading(
    calendar: str, after: str, earliest: str, latest: str
) -> None:
    found = business_days(calendar, after)

    assert days_of(found) == (earliest, latest)
    assert any("but not in all of" in step for step in found.trace)
    assert any("differ by place or purpose" in each for each in found.warnings)


def test_the_readings_say_where_they_hold() -> None:
    found = business_days("GB", "2026-04-02")

    assert (
        "Readings differ: 2026-04-06, a Monday, in GB-SCT; "
        "2026-04-07, a Tuesday, in GB-ENG, GB-NIR and GB-WLS." in found.trace
    )
    assert (
        "2026-04-06 is Easter Monday in GB-ENG, GB-NIR and GB-WLS, but not in all of GB."
        in found.trace
    )
    purposes = business_days("NZ", "2026-12-24").trace
    assert (
        "Readings differ: 2026-12-29, a Tuesday, in NZ:public; "
        "2027-01-05, a Tuesday, in NZ:offices-public." in purposes
    )


def test_two_countries_agree_if_either_of_them_closes_the_day() -> None:
    # Easter Monday is a holiday in all of Germany, so Scotland makes no difference.
    assert days_of(business_days("DE GB", "2026-04-02")) == (None, "2026-04-07")
    found = business_days("DE CA", "2026-06-03")
    assert days_of(found) == ("2026-06-04", "2026-06-05")
    assert next(each for each in found.warnings if "differ by place" in each).startswith(
        "The holidays of DE "
    )


def test_rolled_dates_recurrences_methods_and_single_dates_have_the_readings_too() -> None:
    corpus_christi = date(2026, 6, 4)
    calendars = ("DE",)
    days = OffsetRule(
        anchor=Anchor(date=date(2026, 6, 1)),
        count=3,
        unit=PeriodUnit.DAYS,
        roll=RollConvention.FOLLOWING,
        calendars=calendars,
    )
    assert days_of(resolved(days)) == ("2026-06-04", "2026-06-05")
    european = OffsetRule(
        anchor=days.anchor,
        count=3,
        unit=PeriodUnit.DAYS,
        method=LegalMethod.EU_1182_71,
        calendars=calendars,
    )
    assert days_of(resolved(european)) == ("2026-06-04", "2026-06-05")
    yearly = RecurrenceRule(
        rrule="FREQ=YEARLY;COUNT=1",
        start=corpus_christi,
        roll=RollConvention.PRECEDING,
        calendars=calendars,
    )
    assert days_of(resolved(yearly)) == ("2026-06-03", "2026-06-04")
    single = resolved(DateRule(on=corpus_christi), calendars=calendars)
    assert any("but not in all of DE" in each for each in single.warnings)


def test_grace_ends_when_it_has_ended_in_every_part() -> None:
    rule = DateRule(on=date(2026, 4, 2))
    grace = Grace(count=1, unit=GraceUnit.BUSINESS_DAYS)
    found = resolved(rule, calendars=("GB",), grace=grace)
    assert found.dates[0].due.unmet_at.date() == date(2026, 4, 8)


PARTED = ("DE", "GB", "AU", "MY", "CH", "DK", "JP", "DE-BY", "NZ", "FR")


@given(
    st.sampled_from(PARTED),
    st.dates(date(2015, 1, 1), date(2030, 12, 31)),
    st.integers(0, 30),
    st.sampled_from(Direction),
)
def test_the_readings_are_the_results_of_the_parts(
    name: str, day: date, count: int, direction: Direction
) -> None:
    rule = OffsetRule(
        anchor=Anchor(date=day),
        count=count,
        unit=PeriodUnit.BUSINESS_DAYS,
        direction=direction,
        roll=RollConvention.FOLLOWING,
        calendars=(name,),
    )
    only = resolved(rule).dates[0]

    step = count if direction is Direction.AFTER else -count
    by_part = {
        BusinessCalendar((part,)).add(day, step)
        if count
        else BusinessCalendar((part,)).roll(day, RollConvention.FOLLOWING)
        for part in local_holidays.parts_of(name)
    }
    assert only.due.due_on == max(by_part)
    assert (only.earliest_on or only.due.due_on) == min(by_part)


def test_too_many_parts_are_left_out_with_a_warning() -> None:
    found = business_days("DE CH ES IN BR", "2026-06-03", 200)
    assert any("too many parts" in each for each in found.warnings)


def test_every_law_has_a_source_and_categories_that_the_library_has() -> None:
    for name, law in HOLIDAY_LAWS.items():
        validate_calendar(name)
        assert law.source
        assert law.counted | law.partly <= {*known_categories(name)}
        assert not law.counted & law.partly
    for code in sorted({words[1] for words in COUNTRIES.values()}):
        assert all(validate_calendar(part) == part for part in local_holidays.parts_of(code))


def test_every_market_of_the_library_is_a_calendar() -> None:
    codes = {code for words in FINANCIAL.values() for code in words[1:]}

    assert len(codes) > 60
    for code in codes:
        calendar = BusinessCalendar((code,))
        weekdays = sum(calendar.is_business_day(date(2026, 1, 1) + n * DAY) for n in range(365))
        assert 230 < weekdays < 261
    assert BusinessCalendar(("TARGET",)).why_closed(date(2026, 5, 1)) == "Labour Day in TARGET"
    assert BusinessCalendar(("TARGET",)).names == ("TARGET",)


def test_years_without_data_of_hindu_festivals_are_not_known() -> None:
    assert known_years("IN") == known_years("IN-MH") == known_years("NSE") == (2001, 2035)
    found = business_days("IN-MH", "2040-03-01")
    assert "Not all holidays of IN-MH are known for 2040." in found.warnings


def test_a_saturday_that_counts_is_pointed_out() -> None:
    found = business_days("HK", "2026-04-10")
    assert days_of(found) == (None, "2026-04-11")
    assert any(
        "2026-04-11 is a Saturday, which is a business day in HK" in w for w in found.warnings
    )


def test_days_that_a_zone_skipped_are_known() -> None:
    assert skipped_days("Pacific/Apia") == skipped_days("Pacific/Fakaofo") == (date(2011, 12, 30),)
    assert skipped_days("Pacific/Kwajalein") == (date(1993, 8, 21),)
    assert skipped_days("Pacific/Kiritimati") == (date(1994, 12, 31),)
    assert skipped_days("Europe/Berlin") == ()


@pytest.mark.parametrize(
    "rule",
    [
        DateRule(on=date(2011, 12, 30), timezone="Pacific/Apia"),
        OffsetRule(
            anchor=Anchor(date=date(2011, 12, 29)),
            count=1,
            unit=PeriodUnit.DAYS,
            timezone="Pacific/Apia",
        ),
        OffsetRule(
            anchor=Anchor(date=date(2011, 12, 20)),
            count=1,
            unit=PeriodUnit.MONTHS,
            timezone="Pacific/Apia",
        ),
        OffsetRule(
            anchor=Anchor(date=date(2011, 12, 30)),
            count=2,
            unit=PeriodUnit.BUSINESS_DAYS,
            timezone="Pacific/Apia",
        ),
        RecurrenceRule(
            rrule="FREQ=DAILY;COUNT=3", start=date(2011, 12, 29), timezone="Pacific/Apia"
        ),
    ],
)
def test_a_day_that_does_not_exist_in_the_zone_is_warned_about(rule: DueRule) -> None:
    found = resolved(rule)
    assert any("2011-12-30 does not exist in Pacific/Apia" in each for each in found.warnings)


def test_a_day_that_exists_is_not_warned_about() -> None:
    rule = DateRule(on=date(2011, 12, 30), timezone="Pacific/Pago_Pago")
    assert not any("does not exist" in each for each in resolved(rule).warnings)


def test_a_skipped_day_within_grace_is_warned_about() -> None:
    rule = DateRule(on=date(2011, 12, 29), timezone="Pacific/Apia")
    found = resolved(rule, grace=Grace(count=2, unit=GraceUnit.DAYS))
    assert any("within the grace period" in each for each in found.warnings)
