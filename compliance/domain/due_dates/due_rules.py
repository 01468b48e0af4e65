"""Read, check and write due rules: when something is due, as agreements state it.

Documents, the API and the database store a rule as JSON; `rule_types` holds the types.
`resolution` turns a rule into days and instants: the civil date and its zone are authoritative,
and the instants are derived from them.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Annotated, Any

import orjson
from pydantic import BeforeValidator, Field, TypeAdapter
from pydantic_core import PydanticCustomError

from compliance.domain.civil_periods import period_from_text, period_of, period_text
from compliance.domain.due_dates.grace_periods import LONGEST_GRACE
from compliance.domain.due_dates.rule_parts import TriggerEvent, error_at
from compliance.domain.due_dates.rule_types import (
    DateRule,
    OffsetRule,
    RecurrenceRule,
    StartOffset,
    TriggerRule,
    UndatedRule,
)
from compliance.domain.period_fields import ends_read, starts_read
from compliance.domain.vocabulary import PeriodUnit, Precision

_RULES: dict[str, TypeAdapter[Any]] = {
    "date": TypeAdapter(DateRule),
    "offset": TypeAdapter(OffsetRule),
    "recurrence": TypeAdapter(RecurrenceRule),
    "trigger": TypeAdapter(TriggerRule),
    "undated": TypeAdapter(UndatedRule),
}


def _checked(value: object) -> object:
    """Validate `value` as the rule named by its `type`, so that error paths are its own fields."""
    if isinstance(value, DateRule | OffsetRule | RecurrenceRule | TriggerRule | UndatedRule):
        return value
    if not isinstance(value, dict):
        problem = "Give the rule as an object, such as {'type': 'date', 'on': '2025-05-14'}."
        raise PydanticCustomError("due_rule", "{reason}", {"reason": problem})
    kinds = ", ".join(f"'{name}'" for name in _RULES)
    if "type" not in value:
        problem = f"Give the type of the rule: one of {kinds}."
        raise error_at("type", "due_rule_type", problem, None)
    name = value["type"]
    if not isinstance(name, str) or name not in _RULES:
        problem = f"There is no such type of rule: use one of {kinds}."
        raise error_at("type", "due_rule_type", problem, name)
    rule = _RULES[name].validate_python(_with_periods(value, name))
    if isinstance(rule, DateRule) and rule.precision is not Precision.DAY:
        _check_period(rule)
    if isinstance(rule, OffsetRule) and rule.anchor is None:
        problem = "Give what to count from: a date, a milestone or a deadline."
        raise error_at("from", "due_rule_from", problem, None)
    if isinstance(rule, RecurrenceRule):
        _check_recurrence(rule)
    return rule


def _with_periods(value: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a rule with the days that its months, quarters and years stand for."""
    if name == "recurrence":
        read: dict[str, Any] = ends_read(starts_read(value, "start"), "until")
        return read
    return _with_period(value) if name == "date" else value


def _with_period(value: dict[str, Any]) -> dict[str, Any]:
    """Return a date rule that gives a month, quarter or year with the last day of it."""
    period = period_from_text(value.get("on"))
    if period is None:
        return value
    stated = value.get("precision")
    stated = period.precision if stated is None else stated
    return {**value, "on": period.last, "precision": stated}


def _check_period(rule: DateRule) -> None:
    if period_of(rule.on, rule.precision).last != rule.on:
        problem = f"Give on as a {rule.precision} to state that precision, or omit it."
        raise error_at("precision", "precision", problem, rule.precision)
    if rule.time is not None:
        problem = f"A {rule.precision} has no time of day: give the day, or remove time."
        raise error_at("time", "precision", problem, rule.time)


def _check_recurrence(rule: RecurrenceRule) -> None:
    """Reject a recurrence whose fields contradict each other."""
    event = awaited_event(rule)
    if rule.each and (event is None or event.breach_of is None):
        problem = "Only a recurrence that starts with a breach can start with each: remove it."
        raise error_at("each", "recurrence", problem, rule.each)
    if rule.on_day is not None and rule.end_of_month:
        problem = "on_day already says on which day each date falls: remove end_of_month."
        raise error_at("end_of_month", "recurrence", problem, rule.end_of_month)
    then = rule.then
    if then is None:
        return
    if then.anchor is not None:
        problem = "It counts from each date of the recurrence: remove from."
        raise error_at("then/from", "recurrence_then", problem, None)
    if then.unit is PeriodUnit.BUSINESS_DAYS and then.count > LONGEST_GRACE:
        problem = f"At most {LONGEST_GRACE} business days can be counted from each date."
        raise error_at("then/count", "recurrence_then", problem, then.count)
    for name in ("timezone", "is_two_sided"):
        if getattr(rule, name):
            problem = f"The field `then` decides when each date is due: give {name} there."
            raise error_at(name, "recurrence_then", problem, getattr(rule, name))
    if rule.time is not None and not then.unit.is_elapsed:
        problem = f"then counts {then.unit.replace('_', ' ')} from a day: give time in then."
        raise error_at("time", "recurrence_then", problem, rule.time)


# Only values returned by `_checked` reach the union itself, which exists for the JSON schema.
DueRule = Annotated[
    Annotated[
        DateRule | OffsetRule | RecurrenceRule | TriggerRule | UndatedRule,
        Field(discriminator="type"),
    ],
    BeforeValidator(_checked),
]
"""A validated due rule of any type, for use in pydantic models."""


def awaited_event(rule: DueRule | None) -> TriggerEvent | None:
    """Return the event that activates a trigger or starts a recurrence, or None."""
    if isinstance(rule, TriggerRule):
        return rule.on
    if not isinstance(rule, RecurrenceRule):
        return None
    start = rule.start
    if isinstance(start, StartOffset):
        return start.anchor
    return start if isinstance(start, TriggerEvent) else None


def event_path(rule: DueRule | None) -> str:
    """Return the path, in a rule that waits for an event, of that event."""
    if isinstance(rule, TriggerRule):
        return "on"
    is_offset = isinstance(rule, RecurrenceRule) and isinstance(rule.start, StartOffset)
    return "start/from" if is_offset else "start"


_RULE: TypeAdapter[DueRule] = TypeAdapter(DueRule)


def parse_due_rule(value: object) -> DueRule:
    """Return the rule that a JSON value states; days may be `date` objects, as from YAML.

    Raises:
        pydantic.ValidationError: its locations are paths in `value`, such as `on`.
    """
    return _RULE.validate_python(value)


def load_due_rule(stored: object) -> DueRule | None:
    """Return a stored rule; None for None. Equal rules are parsed only once.

    Raises:
        pydantic.ValidationError: the stored value is not a rule.
    """
    return None if stored is None else _load(orjson.dumps(stored))


@lru_cache(maxsize=4096)
def _load(text: bytes) -> DueRule:
    return parse_due_rule(orjson.loads(text))


def dump_due_rule(rule: DueRule) -> dict[str, object]:
    """Return the rule as JSON values with every field; `parse_due_rule` is the inverse."""
    dumped: dict[str, object] = _RULE.dump_python(rule, mode="json", by_alias=True)
    if isinstance(rule, DateRule):
        # No day is stated that nobody agreed.
        dumped["on"] = period_text(rule.on, rule.precision)
    if isinstance(rule, RecurrenceRule):
        # The texts say how precise they are.
        if isinstance(rule.start, dt.date):
            dumped["start"] = period_text(rule.start, rule.start_precision)
        if rule.until is not None:
            dumped["until"] = period_text(rule.until, rule.until_precision)
        del dumped["start_precision"], dumped["until_precision"]
    return dumped
