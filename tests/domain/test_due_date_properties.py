"""Properties of due dates that hold for every rule, zone and calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from compliance.domain.civil_time import day_end
from compliance.domain.due_dates.calendars import BusinessCalendar, CustomCalendar
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.resolution import resolve
from compliance.domain.due_dates.rule_parts import Anchor
from compliance.domain.due_dates.rule_types import DateRule, OffsetRule, RecurrenceRule
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention

DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))
# Offsets with half and quarter hours, days that begin at 01:00, clocks that never change,
# zones that skipped a day, and the earliest and the latest zone.
ZONES = st.sampled_from([
    "UTC", "America/New_York", "Europe/Berlin", "Asia/Shanghai", "Asia/Kathmandu", "Asia/Beirut",
    "Africa/Cairo", "Africa/Casablanca", "America/Sao_Paulo", "America/St_Johns",
    "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Etc/GMT+12", "Europe/Dublin",
])  # fmt: skip
CALENDARS = st.sampled_from([
    (), ("US",), ("DE-HE",), ("CN",), ("ZA",), ("US", "CN"), ("weekend:fri-sat",), ("weekend",),
])  # fmt: skip
ROLLS = st.sampled_from(list(RollConvention))
FORWARD = {RollConvention.FOLLOWING}
BACKWARD = {RollConvention.PRECEDING}
WITHIN_MONTH = {RollConvention.MODIFIED_FOLLOWING, RollConvention.MODIFIED_PRECEDING}


@st.composite
def offsets(draw: st.DrawFn) -> OffsetRule:
    """Offsets in civil units, in both directions, with every roll convention."""
    return OffsetRule(
        anchor=Anchor(date=draw(DAYS)),
        count=draw(st.integers(1, 60)),
        unit=draw(st.sampled_from([unit for unit in PeriodUnit if not unit.is_elapsed])),
        direction=draw(st.sampled_from(Direction)),
        roll=draw(ROLLS),
        calendars=draw(CALENDARS),
        timezone=draw(ZONES),
        is_two_sided=draw(st.booleans()),
    )


@st.composite
def rules(draw: st.DrawFn) -> DueRule:
    """Rules that need no context."""
    return draw(
        st.one_of(
            offsets(),
            st.builds(DateRule, on=DAYS, timezone=ZONES, is_two_sided=st.booleans()),
            st.builds(
                RecurrenceRule,
                rrule=st.sampled_from([
                    "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY",
                    "FREQ=WEEKLY;BYDAY=SA,SU", "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1",
                ]),
                start=DAYS,
                end_of_month=st.booleans(),
                roll=ROLLS,
                calendars=CALENDARS,
                timezone=ZONES,
            ),
        )
    )  # fmt: skip


def first(rule: DueRule, context: ResolutionContext | None = None) -> Due:
    """The first date that a rule yields."""
    return next(resolve(rule, context or ResolutionContext())).due


def unrolled(rule: OffsetRule | RecurrenceRule) -> date:
    """The day of the rule before it is rolled."""
    return first(replace(rule, roll=RollConvention.NONE)).due_on


def keeps_to(roll: RollConvention, named: date, due_on: date, calendar: BusinessCalendar) -> bool:
    """Whether a rolled day satisfies the definition of its convention."""
    if roll is RollConvention.NONE:
        return due_on == named
    if not calendar.is_business_day(due_on):
        return False
    if calendar.is_business_day(named):
        return due_on == named
    if roll in FORWARD:
        between = _days(named, due_on)
        return due_on > named and not any(map(calendar.is_business_day, between))
    if roll in BACKWARD:
        between = _days(due_on + timedelta(days=1), named)
        return due_on < named and not any(map(calendar.is_business_day, between))
    if roll in WITHIN_MONTH:
        return (due_on.year, due_on.month) == (named.year, named.month)
    return abs(due_on - named) <= timedelta(days=15)


def _days(start: date, end: date) -> list[date]:
    return [start + timedelta(days=number) for number in range((end - start).days)]


@given(rules(), st.lists(ZONES, max_size=2))
def test_no_deadline_ends_before_the_end_of_its_day(rule: DueRule, others: list[str]) -> None:
    parties = {f"P{number}": name for number, name in enumerate(others)}
    for resolved, _ in zip(
        resolve(rule, ResolutionContext(party_timezones=parties)), range(5), strict=False
    ):
        due = resolved.due
        assert due.due_at >= day_end(due.due_on, due.timezone)
        assert due.unmet_at >= due.due_at
        assert due.earliest_due_at is None or due.earliest_due_at < due.due_at
        ends = [day_end(due.due_on, name) for name in (due.timezone, *parties.values())]
        if getattr(rule, "is_two_sided", False):
            assert due.due_at == max(ends)
            assert (due.earliest_due_at or due.due_at) == min(
                [*ends, day_end(due.due_on, _zone(rule))]
            )


def _zone(rule: DueRule) -> str:
    zone_name: str = getattr(rule, "timezone", None) or "UTC"
    return zone_name


@given(offsets())
def test_an_offset_follows_its_roll_convention(rule: OffsetRule) -> None:
    assume(rule.unit is not PeriodUnit.BUSINESS_DAYS)
    calendar = BusinessCalendar(rule.calendars)
    assert keeps_to(rule.roll, unrolled(rule), first(rule).due_on, calendar)


@given(offsets(), ZONES)
def test_another_zone_moves_the_instant_but_not_the_day(rule: OffsetRule, zone: str) -> None:
    here = first(replace(rule, is_two_sided=False))
    there = first(replace(rule, is_two_sided=False, timezone=zone))
    assert there.due_on == here.due_on
    assert abs(there.due_at - here.due_at) <= timedelta(hours=50)


@given(offsets(), st.integers(-5, 5))
def test_one_more_holiday_never_leaves_a_deadline_on_a_closed_day(
    rule: OffsetRule, shift: int
) -> None:
    assume(rule.roll is not RollConvention.NONE or rule.unit is PeriodUnit.BUSINESS_DAYS)
    before = first(rule).due_on
    holiday = before + timedelta(days=shift)
    desk = {"custom:hq": CustomCalendar(weekend=frozenset(), closed={holiday: "Stocktaking"})}
    names = (*(rule.calendars or ("weekend",)), "custom:hq")
    after = first(replace(rule, calendars=names), ResolutionContext(custom_calendars=desk)).due_on
    calendar = BusinessCalendar(names, desk)
    assert calendar.is_business_day(after)
    if rule.unit is not PeriodUnit.BUSINESS_DAYS:
        assert keeps_to(rule.roll, unrolled(rule), after, calendar)
    if rule.roll in FORWARD and rule.direction is Direction.AFTER:
        assert after >= before


@given(DAYS, st.integers(1, 60), CALENDARS)
def test_business_days_forward_and_backward_return_to_the_start(
    day: date, count: int, calendars: tuple[str, ...]
) -> None:
    calendar = BusinessCalendar(calendars)
    start = calendar.roll(day, RollConvention.FOLLOWING)
    there = OffsetRule(
        anchor=Anchor(date=start),
        count=count,
        unit=PeriodUnit.BUSINESS_DAYS,
        calendars=calendars,
        timezone="UTC",
    )
    reached = first(there).due_on
    back = replace(there, anchor=Anchor(date=reached), direction=Direction.BEFORE)
    assert first(back).due_on == start


@given(DAYS, st.integers(1, 400), st.sampled_from([PeriodUnit.DAYS, PeriodUnit.WEEKS]))
def test_days_and_weeks_forward_and_backward_return_to_the_start(
    day: date, count: int, unit: PeriodUnit
) -> None:
    there = OffsetRule(anchor=Anchor(date=day), count=count, unit=unit, timezone="UTC")
    reached = first(there).due_on
    back = replace(there, anchor=Anchor(date=reached), direction=Direction.BEFORE)
    assert first(back).due_on == day


@given(
    DAYS,
    st.integers(1, 60),
    st.sampled_from([PeriodUnit.DAYS, PeriodUnit.WEEKS, PeriodUnit.MONTHS]),
    st.sampled_from([LegalMethod.FRCP_6, LegalMethod.EU_1182_71]),
)
def test_a_forward_legal_period_ends_on_an_open_day(
    day: date, count: int, unit: PeriodUnit, method: LegalMethod
) -> None:
    rule = OffsetRule(
        anchor=Anchor(date=day),
        count=count,
        unit=unit,
        method=method,
        calendars=("US",) if method is LegalMethod.FRCP_6 else ("DE-HE",),
        timezone="UTC",
    )
    due = first(rule)
    assert BusinessCalendar(rule.calendars).is_business_day(due.due_on)
    assert due.due_on > day
