"""Periods as statutes and courts count them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.due_dates.calendars import BusinessCalendar, CustomCalendar, NoBusinessDay
from compliance.domain.due_dates.legal_methods import contradiction
from compliance.domain.due_dates.offsets import PeriodEnd, compute_period_end
from compliance.domain.due_dates.periods import Event
from compliance.domain.due_dates.rule_types import OffsetRule
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "legal_periods.json").read_text(encoding="utf-8")
)
FRCP, EU = VECTORS["frcp6"], VECTORS["eu1182_71"]
DAY = timedelta(days=1)

days = st.dates(date(2010, 1, 1), date(2035, 12, 31))
day_units = st.sampled_from(
    [PeriodUnit.DAYS, PeriodUnit.WEEKS, PeriodUnit.MONTHS, PeriodUnit.YEARS]
)


def compute(
    method: str,
    event: str | date | Event,
    count: int,
    unit: str = "days",
    *,
    direction: str = "after",
    names: tuple[str, ...] = (),
    service_days: int = 0,
    zone_name: str = "America/New_York",
    roll: RollConvention = RollConvention.NONE,
) -> PeriodEnd:
    if isinstance(event, str):
        event = date.fromisoformat(event)
    return compute_period_end(
        event if isinstance(event, Event) else Event(on=event),
        OffsetRule(
            count=count,
            unit=PeriodUnit(unit),
            direction=Direction(direction),
            method=LegalMethod(method),
            service_days=service_days,
            roll=roll,
        ),
        calendar=BusinessCalendar(names),
        zone_name=zone_name,
    )


def days_of(computed: PeriodEnd) -> list[str]:
    return [str(reading.on) for reading in computed.readings]


def local_event(local: str, zone_name: str) -> Event:
    at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone_name))
    return Event(on=at.date(), at=at.astimezone(UTC))


def local_ends(computed: PeriodEnd, zone_name: str) -> list[str]:
    return [
        f"{reading.at.astimezone(ZoneInfo(zone_name)):%Y-%m-%dT%H:%M}"
        for reading in computed.readings
        if reading.at is not None
    ]


@pytest.mark.parametrize("case", FRCP["days"], ids=lambda case: case["basis"])
def test_frcp_6_counts_days_as_in_the_rule_and_the_committee_note(case: dict[str, Any]) -> None:
    computed = compute(
        "frcp-6",
        case["trigger"],
        case["days"],
        direction=case["direction"],
        names=("US",),
        service_days=3 if case["mail_plus_3_rule_6d"] else 0,
    )

    assert days_of(computed) == [case["expected_last_day"]]


@pytest.mark.parametrize("case", FRCP["hours"], ids=lambda case: case["basis"])
def test_frcp_6_counts_every_hour_when_clocks_change(case: dict[str, Any]) -> None:
    event = local_event(case["trigger_local"], case["zone"])

    computed = compute("frcp-6", event, case["hours"], "hours", zone_name=case["zone"])

    assert local_ends(computed, case["zone"]) == [case["expected_local"]]


def test_a_friday_observed_for_a_saturday_holiday_has_two_readings_under_frcp_6() -> None:
    (case,) = FRCP["ambiguous"]

    computed = compute("frcp-6", case["trigger"], case["days"])

    assert days_of(computed) == ["2026-07-03", "2026-07-06"]
    assert [reading.why for reading in computed.readings] == [
        "if the day observed for Independence Day does not count",
        "if the day observed for Independence Day counts",
    ]
    assert any("5 U.S.C. 6103(b)" in step for step in computed.steps)


@pytest.mark.parametrize(
    ("event", "count", "others", "expected"),
    [
        # Days for service are added to each reading, and each is rolled again.
        ("2026-06-19", 14, {"service_days": 3}, ["2026-07-06", "2026-07-09"]),
        # Only the days for service reach the Friday.
        ("2026-06-16", 14, {"service_days": 3}, ["2026-07-03", "2026-07-06"]),
        # Counted back from a Sunday, over the holiday itself.
        ("2026-07-12", 7, {"direction": "before"}, ["2026-07-02", "2026-07-03"]),
        # The reading does not matter if the Friday is in the middle.
        ("2026-07-02", 5, {}, ["2026-07-07"]),
        ("2026-07-01", 3, {}, ["2026-07-06"]),
        # The Monday after a Sunday holiday counts, by executive order.
        ("2021-06-25", 10, {}, ["2021-07-06"]),
        ("2020-12-21", 11, {}, ["2021-01-04"]),
        # The observed day can be in the year before.
        ("2021-12-17", 14, {}, ["2021-12-31", "2022-01-03"]),
    ],
)
def test_an_observed_day_leads_to_two_readings_only_if_it_matters(
    event: str, count: int, others: dict[str, Any], expected: list[str]
) -> None:
    assert days_of(compute("frcp-6", event, count, **others)) == expected


def test_a_backward_period_under_frcp_6_rolls_backward() -> None:
    # Ten days before 2026-06-01 is Friday, ten before 2026-06-02 is Saturday.
    computed = compute("frcp-6", "2026-06-02", 10, direction="before")
    assert days_of(computed) == ["2026-05-22"]

    # Ten days before 2026-06-04 is Memorial Day.
    assert days_of(compute("frcp-6", "2026-06-04", 10, direction="before")) == ["2026-05-22"]


@pytest.mark.parametrize(
    ("local", "hours", "direction", "expected"),
    [
        # Ends on a Saturday, before a Monday that is Labor Day.
        ("2026-09-03T10:00", 48, "after", ["2026-09-08T10:00"]),
        # Ends on the Sunday on which clocks go forward: the same time on Monday.
        ("2026-03-07T09:00", 24, "after", ["2026-03-09T10:00"]),
        ("2026-05-19T10:00", 72, "before", ["2026-05-15T10:00"]),
        # Midnight at the end of a Friday is still Friday; at the end of a Saturday, Saturday.
        ("2026-05-15T12:00", 12, "after", ["2026-05-16T00:00"]),
        ("2026-05-16T12:00", 12, "after", ["2026-05-19T00:00"]),
        ("2026-07-02T10:00", 24, "after", ["2026-07-03T10:00", "2026-07-06T10:00"]),
    ],
)
def test_hours_that_end_on_a_closed_day_continue_to_the_same_time_on_the_next_open_day(
    local: str, hours: int, direction: str, expected: list[str]
) -> None:
    event = local_event(local, "America/New_York")

    computed = compute("frcp-6", event, hours, "hours", direction=direction)

    assert local_ends(computed, "America/New_York") == expected


def test_days_for_service_keep_the_time_of_day_of_a_period_in_hours() -> None:
    event = local_event("2026-05-12T10:00", "America/New_York")

    computed = compute("frcp-6", event, 24, "hours", service_days=3)

    # 2026-05-13 and three days is a Saturday.
    assert local_ends(computed, "America/New_York") == ["2026-05-18T10:00"]


def test_frcp_6_counts_hours_from_both_ends_of_a_day() -> None:
    computed = compute("frcp-6", "2026-05-12", 24, "hours")

    assert local_ends(computed, "America/New_York") == ["2026-05-13T00:00", "2026-05-14T00:00"]
    assert days_of(computed) == ["2026-05-12", "2026-05-13"]
    assert "as 2026-05-12 began" in computed.readings[0].why


def test_longer_units_roll_under_frcp_6_like_days() -> None:
    assert days_of(compute("frcp-6", "2026-08-24", 2, "weeks")) == ["2026-09-08"]
    assert days_of(compute("frcp-6", "2026-01-31", 1, "months")) == ["2026-03-02"]
    assert days_of(compute("frcp-6", "2025-12-25", 1, "years")) == ["2026-12-28"]


def test_state_holidays_count_in_addition_to_federal_ones_but_only_forward() -> None:
    # Cesar Chavez Day, 2026-03-31, is Californian; Columbus Day, 2026-10-12, is not.
    forward = compute("frcp-6", "2026-03-17", 14, names=("US-CA",))
    assert days_of(forward) == ["2026-04-01"]
    backward = compute("frcp-6", "2026-04-14", 14, names=("US-CA",), direction="before")
    assert days_of(backward) == ["2026-03-31"]
    federal = compute("frcp-6", "2026-09-28", 14, names=("US-CA",))
    assert days_of(federal) == ["2026-10-13"]


def test_frcp_6_without_the_federal_holidays_warns() -> None:
    (warning,) = compute("frcp-6", "2026-05-14", 14, names=("DE",)).warnings

    assert "US is not among the calendars (DE)" in warning
    assert compute("frcp-6", "2026-05-14", 14).warnings == ()


def test_saturdays_and_sundays_are_closed_under_frcp_6_in_every_calendar() -> None:
    computed = compute("frcp-6", "2026-05-02", 14, names=("US", "weekend:fri"))

    assert days_of(computed) == ["2026-05-18"]


def test_a_calendar_that_is_always_closed_is_refused() -> None:
    always_closed = "weekend:mon-tue-wed-thu-fri-sat-sun"

    for method in ("frcp-6", "eu-1182-71"):
        with pytest.raises(NoBusinessDay):
            compute(method, "2026-05-02", 14, names=("US", always_closed))


def test_a_closing_day_of_the_court_counts() -> None:
    closed = {date(2026, 5, 28): "Flood", date(2026, 5, 29): "Flood"}
    desk = {"custom:court": CustomCalendar(weekend=frozenset({5, 6}), closed=closed)}

    computed = compute_period_end(
        Event(on=date(2026, 5, 14)),
        OffsetRule(count=14, unit=PeriodUnit.DAYS, method=LegalMethod.FRCP_6),
        calendar=BusinessCalendar(("US", "custom:court"), desk),
        zone_name="UTC",
    )

    assert days_of(computed) == ["2026-06-01"]
    assert any("Flood in custom:court" in step for step in computed.steps)


@given(days, st.integers(0, 400), day_units, st.sampled_from(Direction), st.sampled_from([0, 3]))
def test_every_reading_under_frcp_6_ends_on_a_day_that_may_count_as_open(
    day: date, count: int, unit: PeriodUnit, direction: Direction, service_days: int
) -> None:
    count = count % 20 if unit is PeriodUnit.YEARS else count
    is_after = direction is Direction.AFTER
    computed = compute(
        "frcp-6",
        day,
        count,
        unit,
        direction=direction,
        service_days=service_days if is_after else 0,
    )

    federal = BusinessCalendar(("US",))
    ends = [reading.on for reading in computed.readings]
    assert 1 <= len(ends) <= 2
    assert ends == sorted(set(ends))
    # The reading by which the observed Friday is a holiday goes furthest.
    assert federal.is_business_day(ends[-1] if is_after else ends[0])
    for end in ends:
        assert federal.is_business_day(end) or federal.in_lieu_of(end)
        assert end >= day if is_after else end <= day


@pytest.mark.parametrize("case", EU["cases"], ids=lambda case: case["why"])
def test_the_eu_regulation_counts_as_its_articles_say(case: dict[str, Any]) -> None:
    computed = compute(
        "eu-1182-71",
        case["event"],
        case["n"],
        case["unit"].replace("working", "business"),
        direction=case["direction"],
        names=(case["holidays"],),
    )

    assert days_of(computed) == [case["expected_last_day"]]


@pytest.mark.parametrize("case", EU["hours"], ids=lambda case: case["why"])
def test_hours_start_with_the_next_full_hour_under_the_eu_regulation(case: dict[str, Any]) -> None:
    event = local_event(case["event_local"], case["zone"])

    computed = compute("eu-1182-71", event, case["hours"], "hours", zone_name=case["zone"])

    assert local_ends(computed, case["zone"]) == [case["expected_end_local"]]


@pytest.mark.parametrize(
    ("local", "zone_name", "count", "direction", "expected"),
    [
        # If an hour begins at the instant of the event, it is the hour of the event.
        ("2026-05-12T16:00", "Europe/Berlin", 2, "after", "2026-05-12T19:00"),
        ("2026-05-12T16:59", "Europe/Berlin", 2, "after", "2026-05-12T19:00"),
        ("2026-05-12T16:40", "Europe/Berlin", 2, "before", "2026-05-12T14:00"),
        # Full hours are those of local time.
        ("2026-05-12T16:40", "Asia/Kolkata", 2, "after", "2026-05-12T19:00"),
    ],
)
def test_the_hour_of_the_event_is_not_counted_under_the_eu_regulation(
    local: str, zone_name: str, count: int, direction: str, expected: str
) -> None:
    event = local_event(local, zone_name)

    computed = compute(
        "eu-1182-71", event, count, "hours", direction=direction, zone_name=zone_name
    )

    assert local_ends(computed, zone_name) == [expected]


def test_the_eu_regulation_counts_hours_from_the_first_and_the_last_hour_of_a_day() -> None:
    computed = compute("eu-1182-71", "2026-05-12", 2, "hours", zone_name="Europe/Berlin")

    assert local_ends(computed, "Europe/Berlin") == ["2026-05-12T03:00", "2026-05-13T02:00"]


def test_hours_with_fewer_than_two_working_days_have_a_warning() -> None:
    friday = local_event("2026-03-27T16:40", "Europe/Berlin")
    monday = local_event("2026-03-23T16:40", "Europe/Berlin")

    (warning,) = compute("eu-1182-71", friday, 72, "hours", zone_name="Europe/Berlin").warnings

    assert "fewer than two whole working days" in warning
    assert compute("eu-1182-71", monday, 72, "hours", zone_name="Europe/Berlin").warnings == ()
    assert compute("eu-1182-71", friday, 24, "hours", zone_name="Europe/Berlin").warnings == ()


@pytest.mark.parametrize(
    ("event", "count", "unit", "expected"),
    [
        # From a Friday: Saturday, Sunday, so Monday; and Tuesday, for the second working day.
        ("2026-05-08", 2, "days", "2026-05-12"),
        ("2026-05-08", 3, "days", "2026-05-12"),
        ("2026-05-08", 4, "days", "2026-05-12"),
        # A single day is not a period of two days.
        ("2026-05-08", 1, "days", "2026-05-11"),
        ("2026-05-07", 2, "days", "2026-05-11"),
        # Over Easter, and over Christmas of 2026, with a Friday and a weekend.
        ("2026-04-02", 4, "days", "2026-04-08"),
        ("2026-12-24", 2, "days", "2026-12-29"),
        ("2026-05-08", 0, "days", "2026-05-08"),
        ("2026-05-09", 0, "days", "2026-05-11"),
    ],
)
def test_two_days_or_more_include_two_working_days_under_the_eu_regulation(
    event: str, count: int, unit: str, expected: str
) -> None:
    assert days_of(compute("eu-1182-71", event, count, unit, names=("DE-BY",))) == [expected]


def test_two_working_days_in_a_backward_period_have_two_readings() -> None:
    # The two days before a Monday are a weekend, and the day stays.
    computed = compute("eu-1182-71", "2026-05-11", 2, direction="before", names=("DE-BY",))

    assert days_of(computed) == ["2026-05-07", "2026-05-09"]
    assert [reading.why for reading in computed.readings] == [
        "if article 3(5) applies to periods counted backward",
        "if article 3(5) does not apply to periods counted backward",
    ]


def test_a_closed_last_day_stays_in_a_backward_period() -> None:
    computed = compute("eu-1182-71", "2026-05-26", 12, direction="before", names=("DE-BY",))

    assert days_of(computed) == ["2026-05-14"]
    assert any("article 3(4) does not apply" in step for step in computed.steps)


def test_saturdays_and_sundays_are_never_working_days_under_the_eu_regulation() -> None:
    for names in ((), ("weekend:fri",), ("CN",)):
        # In China, that Saturday is a working day.
        computed = compute("eu-1182-71", "2025-10-01", 10, names=names)
        assert days_of(computed) == ["2025-10-13"]


def test_the_eu_regulation_warns_without_public_holidays() -> None:
    (warning,) = compute("eu-1182-71", "2026-05-04", 10).warnings

    assert "name the calendar of the Member State" in warning
    assert compute("eu-1182-71", "2026-05-04", 10, names=("DE-BY",)).warnings == ()


@given(days, st.integers(0, 60), st.sampled_from(PeriodUnit))
def test_a_period_under_the_eu_regulation_ends_on_a_working_day_with_two_within(
    day: date, count: int, unit: PeriodUnit
) -> None:
    if unit.is_elapsed:
        unit = PeriodUnit.DAYS
    (reading,) = compute("eu-1182-71", day, count, unit, names=("DE-BY",)).readings

    calendar = BusinessCalendar(("DE-BY",))
    within = [day + n * DAY for n in range(1, (reading.on - day).days + 1)]
    if count:
        assert calendar.is_business_day(reading.on)
    if count >= 2:
        assert sum(calendar.is_business_day(each) for each in within) >= 2


@pytest.mark.parametrize("case", VECTORS["uk_corresponding_date"], ids=lambda case: case["event"])
def test_months_end_on_the_corresponding_date_under_the_english_rule(case: dict[str, Any]) -> None:
    computed = compute("corresponding-date", case["event"], case["months"], "months")

    assert days_of(computed) == [case["expected_last_day"]]
    assert any("Dodds v Walker" in step for step in computed.steps)


def test_a_period_ends_with_the_month_if_that_has_no_corresponding_date() -> None:
    assert days_of(compute("corresponding-date", "2026-10-31", 4, "months")) == ["2027-02-28"]
    assert days_of(compute("corresponding-date", "2024-02-29", 1, "years")) == ["2025-02-28"]


def test_the_english_rule_rolls_only_if_the_due_rule_says_so() -> None:
    saturday = ("corresponding-date", "2026-04-16", 1, "months")

    stays = compute(*saturday)
    assert days_of(stays) == ["2026-05-16"]
    assert stays.warnings == ("2026-05-16 is a Saturday, and the rule does not roll.",)
    assert days_of(compute(*saturday, roll=RollConvention.FOLLOWING)) == ["2026-05-18"]


PLAIN = OffsetRule(count=14, unit=PeriodUnit.DAYS)
FRCP_6 = replace(PLAIN, method=LegalMethod.FRCP_6)
EU_1182_71 = replace(PLAIN, method=LegalMethod.EU_1182_71)
CORRESPONDING = replace(PLAIN, method=LegalMethod.CORRESPONDING_DATE)


@pytest.mark.parametrize(
    ("rule", "changes", "field", "advice"),
    [
        (FRCP_6, {"count_first_day": True}, "count_first_day", "frcp-6 never counts the day"),
        (EU_1182_71, {"count_first_day": True}, "count_first_day", "remove count_first_day"),
        (CORRESPONDING, {"count_first_day": True}, "count_first_day", "or method"),
        (FRCP_6, {"roll": RollConvention.FOLLOWING}, "roll", "remove roll"),
        (EU_1182_71, {"roll": RollConvention.NEAREST}, "roll", "remove roll"),
        (FRCP_6, {"end_of_month": True}, "end_of_month", "remove end_of_month"),
        (EU_1182_71, {"end_of_month": True}, "end_of_month", "remove end_of_month"),
        (CORRESPONDING, {"end_of_month": True}, "end_of_month", "remove end_of_month"),
        (PLAIN, {"service_days": 3}, "service_days", "use that method"),
        (EU_1182_71, {"service_days": 3}, "service_days", "remove service_days"),
        (CORRESPONDING, {"service_days": 3}, "service_days", "remove service_days"),
        (
            FRCP_6,
            {"service_days": 3, "direction": Direction.BEFORE},
            "service_days",
            "remove service_days",
        ),
        (CORRESPONDING, {"unit": PeriodUnit.HOURS}, "unit", "use days or a longer unit"),
        (FRCP_6, {"unit": PeriodUnit.BUSINESS_DAYS}, "unit", "use days"),
        (
            PLAIN,
            {"unit": PeriodUnit.HOURS, "count_first_day": True},
            "count_first_day",
            "remove count_first_day",
        ),
        (PLAIN, {"count": 0, "count_first_day": True}, "count_first_day", "a count of 1 or more"),
        (PLAIN, {"count_first_day": True, "end_of_month": True}, "end_of_month", "remove"),
    ],
)
def test_a_contradictory_rule_is_refused_at_its_field_with_advice(
    rule: OffsetRule, changes: dict[str, Any], field: str, advice: str
) -> None:
    conflict = contradiction(replace(rule, **changes))

    assert conflict is not None
    assert conflict[0] == field
    assert advice in conflict[1]
    assert conflict[1].endswith(".")


@pytest.mark.parametrize(
    "rule",
    [
        PLAIN,
        replace(PLAIN, count_first_day=True, roll=RollConvention.NEAREST),
        replace(PLAIN, unit=PeriodUnit.MONTHS, end_of_month=True, roll=RollConvention.PRECEDING),
        replace(FRCP_6, service_days=3),
        replace(FRCP_6, unit=PeriodUnit.HOURS, service_days=3),
        replace(FRCP_6, direction=Direction.BEFORE),
        replace(EU_1182_71, unit=PeriodUnit.BUSINESS_DAYS),
        replace(EU_1182_71, unit=PeriodUnit.HOURS),
        replace(CORRESPONDING, unit=PeriodUnit.MONTHS, roll=RollConvention.FOLLOWING),
        replace(CORRESPONDING, unit=PeriodUnit.BUSINESS_DAYS),
    ],
)
def test_a_consistent_rule_is_accepted(rule: OffsetRule) -> None:
    assert contradiction(rule) is None
