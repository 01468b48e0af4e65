"""What a due rule is resolved with besides the rule itself, and the errors of doing so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from compliance.domain.due_dates.calendar_names import UnknownCalendar
from compliance.domain.due_dates.calendars import BusinessCalendar, CustomCalendar
from compliance.domain.due_dates.due_rules import Grace
from compliance.domain.due_dates.periods import Event


class Unresolvable(ValueError):
    """A rule that cannot yield a date. `path` is the field of the rule that is to blame."""

    def __init__(self, path: str, sentence: str) -> None:
        self.path = path
        super().__init__(sentence)


class GraceUnresolvable(ValueError):
    """A grace period that has no end in the supported range of days."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolutionContext:
    """What applies to a rule where the rule itself does not say.

    `timezone` is the agreement's, or else the obligors'; None if theirs differ. `party_timezones`
    are those of obligors and obligees, by party code. `custom_calendars` are by full name, such as
    `custom:hq`. `milestones` and `deadlines` are what the rule can be counted from, by ref; a None
    among them has no date yet.
    """

    timezone: str | None = None
    party_timezones: Mapping[str, str] = field(default_factory=dict)
    calendars: tuple[str, ...] = ()
    custom_calendars: Mapping[str, CustomCalendar] = field(default_factory=dict)
    grace: Grace | None = None
    milestones: Mapping[str, Event | None] = field(default_factory=dict)
    deadlines: Mapping[str, Event | None] = field(default_factory=dict)

    def zone_name(self, named: str | None) -> str:
        """Return the time zone to use for a rule that names `named`.

        Raises:
            Unresolvable: neither the rule nor the context has one.
        """
        zone_name = named or self.timezone
        if zone_name is None:
            sentence = (
                "The obligors are in different time zones: set timezone here or on the agreement."
            )
            raise Unresolvable("timezone", sentence)
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
    """Return the zone for rules that name none: the agreement's, or the one of all obligors.

    None if the obligors are in different zones.
    """
    if agreement_timezone:
        return agreement_timezone
    zones = set(obligor_timezones)
    return zones.pop() if len(zones) == 1 else None
