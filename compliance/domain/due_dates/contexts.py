"""The context in which due rules are resolved, and the errors of resolution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from compliance.domain.civil_time import UnknownTimeZone, zone_names
from compliance.domain.due_dates.calendar_names import UnknownCalendar
from compliance.domain.due_dates.calendars import BusinessCalendar, CustomCalendar
from compliance.domain.due_dates.grace_periods import Grace
from compliance.domain.due_dates.periods import Event


class Unresolvable(ValueError):
    """A rule that cannot yield a date. `path` is the field of the rule that causes this."""

    def __init__(self, path: str, sentence: str) -> None:
        self.path = path
        super().__init__(sentence)


class GraceUnresolvable(ValueError):
    """A grace period that has no end in the supported range of days."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolutionContext:
    """The values that apply where a rule names none.

    `timezone` is the zone of the agreement, or else of the obligors; None if theirs differ.
    `party_timezones` has the zones of obligors and obligees by party code.
    `custom_calendars` are by full name, such as `custom:hq`. `milestones` and `deadlines` are the
    possible anchors of the rule, by ref; None stands for one without a date yet. `ends_on` is the
    last day on which the agreement binds, if it ends and the obligation ends with it.
    """

    timezone: str | None = None
    party_timezones: Mapping[str, str] = field(default_factory=dict)
    calendars: tuple[str, ...] = ()
    custom_calendars: Mapping[str, CustomCalendar] = field(default_factory=dict)
    grace: Grace | None = None
    milestones: Mapping[str, Event | None] = field(default_factory=dict)
    deadlines: Mapping[str, Event | None] = field(default_factory=dict)
    ends_on: date | None = None

    def zone_name(self, named: str | None) -> str:
        """Return the time zone to use for a rule that names `named`.

        Raises:
            Unresolvable: neither the rule nor the context has one, or the zone data does not have
                it.
        """
        zone_name = named or self.timezone
        if zone_name is None:
            sentence = (
                "The obligors are in different time zones: set timezone here or on the agreement."
            )
            raise Unresolvable("timezone", sentence)
        if zone_name not in zone_names():
            raise Unresolvable("timezone", str(UnknownTimeZone(zone_name)))
        return zone_name

    def calendar(self, named: tuple[str, ...]) -> BusinessCalendar:
        """Return the business calendar of the `named` calendars, or else of the agreement's.

        Raises:
            Unresolvable: one of them does not exist.
        """
        try:
            return BusinessCalendar(named or self.calendars, self.custom_calendars)
        except UnknownCalendar as error:
            raise Unresolvable("calendars", str(error)) from None


def default_timezone(
    agreement_timezone: str | None, obligor_timezones: Iterable[str]
) -> str | None:
    """Return the zone for rules that name none: the agreement's, or else that of all obligors.

    None if the obligors are in different zones.
    """
    if agreement_timezone:
        return agreement_timezone
    zones = set(obligor_timezones)
    return zones.pop() if len(zones) == 1 else None
