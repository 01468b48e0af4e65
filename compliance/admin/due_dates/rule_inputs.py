"""How an input of a due rule is described, and the choices, widgets and defaults of inputs."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms

from compliance.admin import fields
from compliance.admin.theme import TextInput
from compliance.domain.vocabulary import (
    CalendarPeriod,
    Direction,
    LegalMethod,
    PeriodUnit,
    RollConvention,
)

MILESTONES_ID, OBLIGATIONS_ID = "milestone-refs", "obligation-refs"
RECURRENCES_ID = "recurrence-examples"
RECURRENCE_EXAMPLES = (
    ("FREQ=MONTHLY;BYMONTHDAY=-1", "the last day of each month"),
    ("FREQ=MONTHLY;BYMONTHDAY=15", "the 15th of each month"),
    ("FREQ=MONTHLY;BYDAY=1MO", "the first Monday of each month"),
    ("FREQ=WEEKLY;BYDAY=FR", "every Friday"),
    ("FREQ=MONTHLY;INTERVAL=3", "every three months"),
    ("FREQ=YEARLY", "every year"),
    ("FREQ=YEARLY;BYMONTH=3,6,9,12;BYMONTHDAY=-1", "the last day of each quarter"),
)

TYPE_CHOICES = (
    ("", "never (no due date)"),
    ("date", "on a date"),
    ("offset", "some time before or after something"),
    ("recurrence", "repeatedly"),
    ("trigger", "after an event"),
    ("undated", "no date was set"),
)
ANCHOR_CHOICES = (
    ("date", "a date"),
    ("milestone", "a milestone"),
    ("deadline", "the due date of an obligation"),
    ("event", "the event"),
)
EVENT_CHOICES = (
    ("milestone", "a milestone is reached"),
    ("met", "an obligation is met"),
    ("breach_of", "an obligation is breached"),
)
METHOD_CHOICES = (
    ("", "as specified here"),
    (LegalMethod.FRCP_6.value, "US federal courts, Rule 6 (frcp-6)"),
    (LegalMethod.EU_1182_71.value, "EU Regulation 1182/71"),
    (LegalMethod.CORRESPONDING_DATE.value, "corresponding date"),
)
START_CHOICES = (("date", "a date"), *EVENT_CHOICES)
START_EVENTS = ("milestone", "met", "breach_of")
DAY_CHOICES = tuple(
    (f"{kind}:{period}", f"{kind.replace('_', ' ')} of the {period}")
    for kind in ("day", "business_day")
    for period in CalendarPeriod
)
ALL_TYPES = ("date", "offset", "recurrence", "trigger", "undated")
COUNTED_TYPES = ("offset", "trigger")
THEN = "then_"
"""The prefix of the inputs of the offset that is counted from each date of a recurrence."""

_FLAGS = frozenset({"count_first_day", "end_of_month", "is_two_sided", "each"})
_NUMBERS = frozenset({"count", "service_days", "times", "on_day_number"})


def is_flag(name: str) -> bool:
    """Return whether an input is a checkbox."""
    return name.removeprefix(THEN) in _FLAGS


def is_number(name: str) -> bool:
    """Return whether the value of an input is a whole number."""
    return name.removeprefix(THEN).removeprefix("start_") in _NUMBERS


# The values of inputs that nobody has changed. None of them unfolds the folded group.
DEFAULTS = {
    "type": "date",
    "unit": PeriodUnit.DAYS.value,
    "direction": Direction.AFTER.value,
    "from": "date",
    "event": "milestone",
    "method": "",
    "service_days": "",
    "roll": RollConvention.NONE.value,
    "on_day_of": "day:month",
    "start_kind": "date",
    "start_unit": PeriodUnit.DAYS.value,
    "start_direction": Direction.AFTER.value,
    "start_on_day_of": "day:month",
    "then_unit": PeriodUnit.DAYS.value,
    "then_direction": Direction.AFTER.value,
    "then_roll": RollConvention.NONE.value,
    "then_on_day_of": "day:month",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleInput:
    """One input of a due rule.

    It belongs to rules of `types`. With `depends_on`, it also requires the input of that name to
    have one of `values`.
    """

    name: str
    label: str
    widget: forms.Widget
    types: tuple[str, ...]
    depends_on: str = ""
    values: tuple[str, ...] = ()
    help_text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputGroup:
    """Inputs under one heading. A group that is rarely needed is folded."""

    heading: str
    inputs: tuple[RuleInput, ...]
    is_folded: bool = False


def day_input() -> forms.Widget:
    """Return an input for a civil day."""
    return TextInput(attrs={"type": "date"})


def period_input() -> forms.Widget:
    """Return an input for a day, month, quarter or year."""
    return TextInput(attrs={"placeholder": fields.PERIOD_FORMS})


def time_input() -> forms.Widget:
    """Return an input for a wall-clock time."""
    return TextInput(attrs={"type": "time"})


def datalist_input(list_id: str) -> forms.Widget:
    """Return an input that suggests the options of the list with this id."""
    return TextInput(attrs={"list": list_id, "autocomplete": "off"})
