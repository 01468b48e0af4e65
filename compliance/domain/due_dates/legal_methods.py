"""The ways in which statutes and courts count a period, by name.

- `frcp-6`: Federal Rules of Civil Procedure of the United States, Rule 6 (see `frcp_6`).
- `eu-1182-71`: Regulation (EEC, Euratom) No 1182/71 (see `eu_1182_71`).
- `corresponding-date`: the English rule for months, Dodds v Walker [1981] 1 WLR 1027 (HL). It
  counts as `offsets` does without a method, but rejects some combinations.
"""

from __future__ import annotations

from compliance.domain.due_dates.calendars import BusinessCalendar
from compliance.domain.due_dates.eu_1182_71 import eu_1182_71
from compliance.domain.due_dates.frcp_6 import frcp_6
from compliance.domain.due_dates.periods import Event, PeriodEnd
from compliance.domain.due_dates.rule_types import OffsetRule
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention


def contradiction(rule: OffsetRule) -> tuple[str, str] | None:
    """Return the contradictory field of the rule, and what to do. None if there is none."""
    if rule.count_first_day and (found := _first_day_contradiction(rule)) is not None:
        return found
    if rule.on_day is not None and (found := _on_day_contradiction(rule)) is not None:
        return found
    if rule.method is None:
        if rule.service_days:
            return (
                "service_days",
                "Only frcp-6 adds days for service: use that method, or remove service_days.",
            )
        return None
    return _method_contradiction(rule, rule.method)


def _first_day_contradiction(rule: OffsetRule) -> tuple[str, str] | None:
    if rule.method is not None:
        return (
            "count_first_day",
            f"{rule.method} never counts the day of the event: remove count_first_day or method.",
        )
    if rule.unit.is_elapsed:
        return (
            "count_first_day",
            f"{rule.unit.capitalize()} are counted from the event itself: remove count_first_day.",
        )
    if not rule.count:
        return (
            "count_first_day",
            "A period of length 0 has no first day: give a count of 1 or more, "
            "or remove count_first_day.",
        )
    if rule.end_of_month:
        return (
            "end_of_month",
            "A period that counts its first day ends before the corresponding day: "
            "remove end_of_month or count_first_day.",
        )
    return None


def _on_day_contradiction(rule: OffsetRule) -> tuple[str, str] | None:
    if rule.unit.is_elapsed:
        return ("on_day", f"A period in {rule.unit} ends at its own time: remove on_day.")
    if rule.end_of_month:
        return ("end_of_month", "on_day already names the day: remove end_of_month or on_day.")
    if rule.method is not None:
        return ("on_day", f"{rule.method} defines when the period ends: remove on_day or method.")
    return None


def _method_contradiction(rule: OffsetRule, method: LegalMethod) -> tuple[str, str] | None:
    if rule.end_of_month:
        return (
            "end_of_month",
            f"{method} defines how a month without the day ends: remove end_of_month or method.",
        )
    is_corresponding_date = method is LegalMethod.CORRESPONDING_DATE
    if rule.unit is PeriodUnit.MINUTES and not is_corresponding_date:
        return ("unit", f"{method} counts hours or longer units: use one, or remove method.")
    if is_corresponding_date and rule.unit.is_elapsed:
        return (
            "unit",
            f"{rule.unit.capitalize()} have no corresponding date: use days or a longer unit, "
            "or remove method.",
        )
    if not is_corresponding_date and rule.roll is not RollConvention.NONE:
        return (
            "roll",
            f"{method} defines what happens to a last day that is closed: remove roll or method.",
        )
    if method is LegalMethod.FRCP_6:
        return _frcp_6_contradiction(rule)
    if rule.service_days:
        return (
            "service_days",
            f"{method} adds no days for service: remove service_days, or use frcp-6.",
        )
    return None


def _frcp_6_contradiction(rule: OffsetRule) -> tuple[str, str] | None:
    if rule.unit is PeriodUnit.BUSINESS_DAYS:
        return (
            "unit",
            "Rule 6(a)(1)(B) counts every day, including closed ones: use days, or remove method.",
        )
    if rule.service_days and rule.direction is Direction.BEFORE:
        return (
            "service_days",
            "Rule 6(d) adds time to act after being served, not before an event: "
            "remove service_days.",
        )
    return None


def compute_by_method(
    method: LegalMethod,
    event: Event,
    rule: OffsetRule,
    calendar: BusinessCalendar,
    zone_name: str,
) -> PeriodEnd:
    """Return when the period ends by a method other than `corresponding-date`.

    Raises:
        NoBusinessDay: the calendars have too few business days.
        UnknownTimeZone: there is no such zone.
        DayOutOfRange: the period ends outside `FIRST_DAY`..`LAST_DAY`.
    """
    if method is LegalMethod.FRCP_6:
        return frcp_6(event, rule, calendar, zone_name)
    return eu_1182_71(event, rule, calendar, zone_name)
