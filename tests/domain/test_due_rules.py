"""Due rules: their JSON, and the instants that follow from them."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from compliance.domain.civil_time import (
    FIRST_DAY,
    LAST_DAY,
    civil_day,
    day_end,
    zone,
    zone_names,
)
from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.contexts import GraceUnresolvable, ResolutionContext, Unresolvable
from compliance.domain.due_dates.due_rules import DueRule, dump_due_rule, parse_due_rule
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.grace_periods import Grace, GraceUnit, dump_grace, parse_grace
from compliance.domain.due_dates.resolution import (
    resolve as resolve_all,
)
from compliance.domain.due_dates.rule_parts import CalendarName
from compliance.domain.due_dates.rule_types import DateRule

TICK = timedelta(microseconds=1)

zones = st.sampled_from(sorted(zone_names()))
days = st.dates(FIRST_DAY, LAST_DAY)
whole_seconds = st.times().map(lambda at: at.replace(microsecond=0))
rules = st.builds(DateRule, on=days, time=st.none() | whole_seconds, timezone=st.none() | zones)
graces = st.builds(Grace, count=st.integers(0, 400), unit=st.sampled_from(GraceUnit))
calendar_sets = st.sampled_from([(), ("US",), ("CN", "US"), ("IL", "weekend")])


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def on(day: str, at: str | None = None, zone_name: str | None = None) -> DateRule:
    return DateRule(
        on=date.fromisoformat(day),
        time=time.fromisoformat(at) if at else None,
        timezone=zone_name,
    )


def resolve(
    rule: DueRule,
    *,
    fallback_timezone: str,
    grace: Grace | None = None,
    calendars: tuple[str, ...] = (),
) -> Due:
    """The only date of a rule, in a context with these values."""
    context = ResolutionContext(timezone=fallback_timezone, grace=grace, calendars=calendars)
    [resolved] = resolve_all(rule, context)
    return resolved.due


def problems(value: object) -> dict[str, str]:
    """The sentence of every error in the rule, by path."""
    with pytest.raises(ValidationError) as refused:
        parse_due_rule(value)
    return {".".join(map(str, e["loc"])): e["msg"] for e in refused.value.errors()}


def unmet_at(
    rule: DateRule, count: int, unit: str, zone_name: str, calendars: tuple[str, ...] = ()
) -> datetime:
    grace = Grace(count=count, unit=GraceUnit(unit))
    return resolve(rule, fallback_timezone=zone_name, grace=grace, calendars=calendars).unmet_at


# Instants


def test_a_day_ends_in_the_zone_of_the_obligor() -> None:
    assert resolve(on("2025-05-14"), fallback_timezone="Asia/Shanghai") == Due(
        due_on=date(2025, 5, 14),
        due_at=utc("2025-05-14T16:00Z"),
        unmet_at=utc("2025-05-14T16:00Z"),
        timezone="Asia/Shanghai",
    )
    assert resolve(on("2025-05-14"), fallback_timezone="America/New_York").due_at == utc(
        "2025-05-15T04:00Z"
    )


def test_a_rule_with_a_time_is_due_at_that_time() -> None:
    due = resolve(on("2025-05-14", "12:01"), fallback_timezone="Asia/Shanghai")

    assert due.due_on == date(2025, 5, 14)
    assert due.due_at == utc("2025-05-14T04:01Z")


def test_the_zone_of_the_rule_takes_precedence() -> None:
    due = resolve(on("2025-05-14", zone_name="Asia/Shanghai"), fallback_timezone="America/New_York")

    assert due.timezone == "Asia/Shanghai"
    assert due.due_at == utc("2025-05-14T16:00Z")


def test_a_repeated_time_is_due_the_second_time() -> None:
    due = resolve(on("2025-11-02", "01:30"), fallback_timezone="America/New_York")

    assert due.due_at == utc("2025-11-02T06:30Z")


@given(rules, zones, st.none() | graces, calendar_sets)
def test_nothing_is_due_before_its_day_or_unmet_before_it_is_due(
    rule: DateRule, fallback: str, grace: Grace | None, calendars: tuple[str, ...]
) -> None:
    try:
        due = resolve(rule, fallback_timezone=fallback, grace=grace, calendars=calendars)
    except (Unresolvable, GraceUnresolvable):
        return
    zone_name = rule.timezone or fallback

    assert (due.due_on, due.timezone) == (rule.on, zone_name)
    assert due.due_at.tzinfo is UTC
    assert due.unmet_at.tzinfo is UTC
    assert due.unmet_at >= due.due_at
    if grace is None or grace.count == 0:
        assert due.unmet_at == due.due_at
    if rule.time is None:
        assert due.due_at == day_end(rule.on, zone_name)
        if rule.on < LAST_DAY:
            assert civil_day(due.due_at, zone_name) > rule.on
        if rule.on > FIRST_DAY:
            assert civil_day(due.due_at - TICK, zone_name) <= rule.on
    else:
        assert civil_day(due.due_at, zone_name) == rule.on
        local = due.due_at.astimezone(zone(zone_name))
        assert local.time() == rule.time


# Grace


def test_grace_in_days_ends_with_its_last_day() -> None:
    assert unmet_at(on("2025-05-14"), 5, "days", "Asia/Shanghai") == utc("2025-05-19T16:00Z")
    assert unmet_at(on("2025-05-14"), 2, "weeks", "Asia/Shanghai") == utc("2025-05-28T16:00Z")


def test_grace_in_days_keeps_the_time_of_day_when_clocks_change() -> None:
    by_day, by_time = on("2026-03-28"), on("2026-03-28", "17:00")

    assert unmet_at(by_day, 1, "days", "Europe/Berlin") == utc("2026-03-29T22:00Z")
    assert unmet_at(by_time, 1, "days", "Europe/Berlin") == utc("2026-03-29T15:00Z")


def test_grace_in_hours_is_elapsed_time_when_clocks_change() -> None:
    by_day, by_time = on("2026-03-28"), on("2026-03-28", "17:00")

    assert unmet_at(by_day, 24, "hours", "Europe/Berlin") == utc("2026-03-29T23:00Z")
    assert unmet_at(by_time, 24, "hours", "Europe/Berlin") == utc("2026-03-29T16:00Z")


def test_grace_that_ends_at_a_skipped_time_ends_when_clocks_change() -> None:
    assert unmet_at(on("2026-03-28", "02:30"), 1, "days", "Europe/Berlin") == utc(
        "2026-03-29T01:00Z"
    )


def test_grace_counts_a_day_that_the_zone_skipped() -> None:
    assert unmet_at(on("2011-12-28"), 2, "days", "Pacific/Apia") == utc("2011-12-30T10:00Z")


def test_grace_in_business_days_skips_weekends_and_holidays() -> None:
    friday_before_memorial_day = on("2025-05-23")

    assert unmet_at(friday_before_memorial_day, 1, "business_days", "UTC") == utc(
        "2025-05-27T00:00Z"
    )
    assert unmet_at(friday_before_memorial_day, 1, "business_days", "UTC", ("US",)) == utc(
        "2025-05-28T00:00Z"
    )
    assert unmet_at(
        on("2025-05-23", "17:00"), 1, "business_days", "America/New_York", ("US",)
    ) == utc("2025-05-27T21:00Z")


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(1, 60), zones, calendar_sets)
def test_grace_in_business_days_ends_with_the_last_business_day(
    day: date, count: int, zone_name: str, calendars: tuple[str, ...]
) -> None:
    ended = unmet_at(DateRule(on=day), count, "business_days", zone_name, calendars)

    assert ended == day_end(BusinessCalendar(calendars).add(day, count), zone_name)


@given(rules, zones, graces)
def test_longer_grace_never_ends_earlier(rule: DateRule, fallback: str, grace: Grace) -> None:
    longer = Grace(count=grace.count + 1, unit=grace.unit)
    try:
        short = resolve(rule, fallback_timezone=fallback, grace=grace)
        long = resolve(rule, fallback_timezone=fallback, grace=longer)
    except (Unresolvable, GraceUnresolvable):
        return
    assert short.due_at == long.due_at
    assert short.unmet_at <= long.unmet_at


def test_each_cause_of_an_unresolvable_rule_has_its_own_error() -> None:
    last = DateRule(on=LAST_DAY)
    with pytest.raises(Unresolvable, match="Mars/Olympus") as unknown:
        resolve(on("2025-05-14"), fallback_timezone="Mars/Olympus")
    assert unknown.value.path == "timezone"
    with pytest.raises(Unresolvable, match="does not exist in Europe/Berlin") as refused:
        resolve(on("2026-03-29", "02:30"), fallback_timezone="Europe/Berlin")
    assert refused.value.path == "time"
    for unit in ("days", "business_days", "weeks"):
        with pytest.raises(GraceUnresolvable, match="The end of the grace period must lie between"):
            unmet_at(last, 3650, unit, "UTC")
    assert unmet_at(last, 3650, "hours", "UTC") == day_end(LAST_DAY, "UTC") + timedelta(hours=3650)


def test_a_zone_must_be_set_if_the_obligors_zones_differ() -> None:
    with pytest.raises(Unresolvable, match="set timezone here or on the agreement") as refused:
        next(resolve_all(on("2025-05-14"), ResolutionContext()))
    assert refused.value.path == "timezone"


# JSON


def test_a_rule_has_the_documented_json() -> None:
    stated = {"type": "date", "on": "2025-05-14", "time": None, "timezone": None}

    assert parse_due_rule(stated) == DateRule(on=date(2025, 5, 14))
    assert dump_due_rule(parse_due_rule(stated)) == {
        **stated,
        "precision": "day",
        "is_two_sided": False,
    }


RULES_OF_EVERY_TYPE = [
    {"type": "offset", "from": {"date": "2007-11-02", "time": "10:23"}, "count": 72,
     "unit": "hours", "method": "frcp-6"},
    {"type": "offset", "from": {"milestone": "in-force"}, "count": 3, "unit": "months",
     "direction": "before", "roll": "modified_following", "calendars": ["US", "custom:hq"]},
    {"type": "recurrence", "rrule": "FREQ=MONTHLY;BYMONTHDAY=31", "start": "2026-01-31",
     "until": "2027-12-31", "end_of_month": True, "roll": "preceding"},
    {"type": "trigger", "on": {"breach_of": "CN-2"}, "then": {"count": 10, "unit": "days"}},
    {"type": "trigger", "on": {"met": "US-1"},
     "then": {"from": {"deadline": "US-1"}, "count": 1, "unit": "weeks"}},
]  # fmt: skip


@pytest.mark.parametrize("stated", RULES_OF_EVERY_TYPE)
def test_a_rule_of_every_type_survives_a_round_trip_through_json(stated: dict[str, Any]) -> None:
    rule = parse_due_rule(stated)
    dumped = json.loads(json.dumps(dump_due_rule(rule)))
    assert parse_due_rule(dumped) == rule
    assert stated.items() <= dumped.items() or stated["type"] == "trigger"


def test_the_date_that_hours_are_counted_from_can_include_a_time() -> None:
    stated = {"type": "offset", "from": {"date": "2007-11-02T10:23"}, "count": 1, "unit": "hours"}
    apart = {**stated, "from": {"date": "2007-11-02", "time": "10:23"}}
    assert parse_due_rule(stated) == parse_due_rule(apart)


@pytest.mark.parametrize(
    ("stated", "path", "sentence"),
    [
        ({"type": "offset", "count": 1, "unit": "days"}, "from", "Give what to count from"),
        ({"type": "offset", "from": {}, "count": 1, "unit": "days"}, "from", "Give exactly one of"),
        (
            {"type": "offset", "from": {"date": "2026-01-01", "deadline": "A"}, "count": 1,
             "unit": "days"},
            "from",
            "Give exactly one of date",
        ),
        (
            {"type": "offset", "from": {"deadline": "A", "time": "10:00"}, "count": 1,
             "unit": "hours"},
            "from.time",
            "A time needs a date",
        ),
        (
            {"type": "trigger", "on": {"met": "A", "breach_of": "B"},
             "then": {"count": 1, "unit": "days"}},
            "on",
            "Give exactly one of milestone",
        ),
        (
            {"type": "recurrence", "rrule": "FREQ=SECONDLY", "start": "2026-01-01"},
            "rrule",
            "",
        ),
        (
            {"type": "offset", "from": {"date": "2026-01-01"}, "count": 1, "unit": "days",
             "calendars": ["US", "US"]},
            "calendars",
            "Name each calendar only once",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_a_rule_is_refused_at_its_path(
    stated: dict[str, Any], path: str, sentence: str
) -> None:
    found = problems(stated)
    assert list(found) == [path]
    assert sentence in found[path]


def test_optional_fields_of_a_rule_may_be_missing() -> None:
    assert parse_due_rule({"type": "date", "on": "2025-05-14"}) == on("2025-05-14")


def test_a_rule_may_contain_date_objects() -> None:
    assert parse_due_rule({"type": "date", "on": date(2025, 5, 14)}) == on("2025-05-14")


@pytest.mark.parametrize("text", ["17:00", "00:00", "23:59:59", "07:05:09"])
def test_a_time_of_day_survives_a_round_trip(text: str) -> None:
    stated = {"type": "date", "on": "2025-05-14", "time": text, "timezone": "Asia/Shanghai"}

    assert dump_due_rule(parse_due_rule(stated)) == {
        **stated,
        "precision": "day",
        "is_two_sided": False,
    }


@given(rules)
def test_a_rule_survives_a_round_trip_through_json(rule: DateRule) -> None:
    stated = json.loads(json.dumps(dump_due_rule(rule)))
    back = parse_due_rule(stated)
    assert back == rule
    assert dump_due_rule(back) == stated


@given(graces)
def test_a_grace_period_survives_a_round_trip_through_json(grace: Grace) -> None:
    assert parse_grace(json.loads(json.dumps(dump_grace(grace)))) == grace


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("on", "2025-02-29", "2025-02-29 does not exist: that month has days 01 to 28."),
        ("on", "2025-13-01", "There is no month 13."),
        ("on", "14.05.2025", "Give the day as year-month-day"),
        ("on", "2025-5-14", "Give the day as year-month-day"),
        ("on", "20250514", "Give the day as year-month-day"),
        ("on", "2025-05-14T00:00:00", "Give the day as year-month-day"),
        ("on", "\uff12\uff10\uff12\uff15-05-14", "Give the day as year-month-day"),
        ("on", " 2025-05-14", "Give the day as year-month-day"),
        ("on", 1747180800, "Give the day as year-month-day"),
        ("on", 0, "Give the day as year-month-day"),
        ("on", True, "Give the day as year-month-day"),
        ("on", None, "Give the day as year-month-day"),
        ("on", b"2025-05-14", "Give the day as year-month-day"),
        ("on", datetime(2025, 5, 14, tzinfo=UTC), "This is an instant, not a day."),
        ("on", "1899-12-31", "must lie between 1900-01-01 and 2200-12-31"),
        ("on", "9999-12-31", "must lie between 1900-01-01 and 2200-12-31"),
        ("on", "0000-00-00", "must lie between 1900-01-01 and 2200-12-31"),
        ("time", "17", "Give the time of day as"),
        ("time", "7:00", "Give the time of day as"),
        ("time", "5pm", "Give the time of day as"),
        ("time", "17:00Z", "Leave out the offset"),
        ("time", "17:00+08:00", "Leave out the offset"),
        ("time", "17:00:00.5", "Give the time of day as"),
        ("time", "25:00", "25:00 is not a time of day."),
        ("time", "24:00", "leave out the time"),
        ("time", 1020, "In YAML, put it in quotes."),
        ("time", 61200.0, "Give the time of day as"),
        ("time", time(17, tzinfo=UTC), "Put the time zone in its own field"),
        ("time", [], "Give the time of day as"),
        ("timezone", "Europe/Berln", "Did you mean 'Europe/Berlin'?"),
        ("timezone", "", "is not a time zone"),
        ("timezone", "../UTC", "is not a time zone"),
        ("timezone", 8, "Input should be a valid string"),
        ("timezone", b"UTC", "Input should be a valid string"),
        ("type", "ofset", "There is no such type of rule: use one of 'date', 'offset'"),
        ("type", None, "There is no such type of rule: use one of 'date', 'offset'"),
        ("type", ["date"], "There is no such type of rule: use one of 'date', 'offset'"),
    ],
)
def test_a_wrong_value_is_refused_at_its_path_with_advice(
    field: str, value: Any, sentence: str
) -> None:
    found = problems({"type": "date", "on": "2025-05-14", field: value})

    assert list(found) == [field]
    assert sentence in found[field]


def test_all_errors_of_a_rule_are_reported_together() -> None:
    wrong = {"type": "date", "on": "x", "time": "x", "timezone": "x", "until": "2025-05-14"}

    assert set(problems(wrong)) == {"on", "time", "timezone", "until"}


@pytest.mark.parametrize("value", [None, "2025-05-14", 5, [], [{"type": "date"}], True])
def test_a_value_that_is_not_an_object_is_not_a_rule(value: object) -> None:
    assert list(problems(value)) == [""]


def test_a_rule_needs_its_type_and_its_day() -> None:
    assert problems({"on": "2025-05-14"}) == {
        "type": "Give the type of the rule: "
        "one of 'date', 'offset', 'recurrence', 'trigger', 'undated'."
    }
    assert problems({"type": "date"}) == {"on": "Field required"}


def test_a_skipped_time_is_refused_when_stored_but_only_a_warning_in_a_preview() -> None:
    gap = {"type": "date", "on": "2026-03-29", "time": "02:30", "timezone": "Europe/Berlin"}
    sentence = (
        "02:30 on 2026-03-29 does not exist in Europe/Berlin: clocks jump from 02:00 "
        "to 03:00. Use 01:59 or earlier, or 03:00 or later."
    )
    with pytest.raises(Unresolvable) as refused:
        next(resolve_all(parse_due_rule(gap), ResolutionContext()))
    assert (refused.value.path, str(refused.value)) == ("time", sentence)
    tried = next(resolve_all(parse_due_rule(gap), ResolutionContext(), is_lenient=True))
    assert tried.due.due_at == utc("2026-03-29T01:00Z")
    assert tried.readings == (utc("2026-03-29T00:30Z"), utc("2026-03-29T01:30Z"))
    assert any(sentence in warning for warning in tried.warnings)


def test_a_skipped_time_is_not_refused_before_its_zone_is_known() -> None:
    parsed = parse_due_rule({"type": "date", "on": "2026-03-29", "time": "02:30"})

    assert resolve(parsed, fallback_timezone="Asia/Shanghai").due_at == utc("2026-03-28T18:30Z")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"count": -1, "unit": "days"}, "count"),
        ({"count": 3651, "unit": "days"}, "count"),
        ({"count": True, "unit": "days"}, "count"),
        ({"count": "5", "unit": "days"}, "count"),
        ({"count": 1.5, "unit": "days"}, "count"),
        ({"count": 5, "unit": "months"}, "unit"),
        ({"count": 5, "unit": "days", "roll": "none"}, "roll"),
        ({"count": 5}, "unit"),
        (5, ""),
    ],
)
def test_a_wrong_grace_period_is_refused_at_its_path(value: object, path: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_grace(value)

    assert [".".join(map(str, e["loc"])) for e in refused.value.errors()] == [path]


class Duty(BaseModel):
    due: DueRule | None = None
    grace: Grace | None = None
    calendars: list[CalendarName] = []


class Document(BaseModel):
    obligations: list[Duty]


def test_errors_in_a_document_have_paths_in_the_document() -> None:
    offset = {"type": "offset", "from": {"date": "2026-02-30"}, "count": 1, "unit": "days"}
    with pytest.raises(ValidationError) as refused:
        Document.model_validate(
            {
                "obligations": [
                    {"due": offset},
                    {"due": {"on": "2025-05-14"}},
                    {"due": {"type": "date", "on": "2025-02-30"}, "calendars": ["US", "USA"]},
                ]
            }
        )

    assert [e["loc"] for e in refused.value.errors()] == [
        ("obligations", 0, "due", "from", "date"),
        ("obligations", 1, "due", "type"),
        ("obligations", 2, "due", "on"),
        ("obligations", 2, "calendars", 1),
    ]


def test_a_document_dumps_its_rules_as_they_are_stored() -> None:
    rule = on("2025-05-14", "17:00", "Asia/Shanghai")

    assert Duty(due=rule).model_dump(mode="json")["due"] == dump_due_rule(rule)


def test_the_json_schema_requires_what_the_parser_requires() -> None:
    schema = TypeAdapter(DueRule).json_schema()

    assert schema["discriminator"]["propertyName"] == "type"
    asked = {name: each["required"] for name, each in schema["$defs"].items() if "required" in each}
    assert asked["DateRule"] == ["type", "on"]
    assert asked["OffsetRule"] == ["type", "count", "unit"]
    assert asked["RecurrenceRule"] == ["type", "rrule", "start"]
    assert asked["TriggerRule"] == ["type", "on", "then"]
    for name, each in schema["$defs"].items():
        assert each.get("additionalProperties", False) is False, name
    on = schema["$defs"]["DateRule"]["properties"]["on"]
    for text in ("2025-05-14", "2025-05", "2025-Q2", "2025"):
        assert re.fullmatch(on["pattern"], text)
