"""The inputs of a due rule: their labels, widgets, and the types of rules that they belong to."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms

from compliance.admin import fields
from compliance.admin.theme import CheckboxInput, NumberInput, Select, TextInput
from compliance.domain.due_dates.due_rules import MOST_TIMES
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
)
_ANCHOR_CHOICES = (
    ("date", "a date"),
    ("milestone", "a milestone"),
    ("deadline", "the due date of an obligation"),
    ("event", "the event"),
)
_EVENT_CHOICES = (
    ("milestone", "a milestone is reached"),
    ("met", "an obligation is met"),
    ("breach_of", "an obligation is breached"),
)
_METHOD_CHOICES = (
    ("", "as specified here"),
    (LegalMethod.FRCP_6.value, "US federal courts, Rule 6 (frcp-6)"),
    (LegalMethod.EU_1182_71.value, "EU Regulation 1182/71"),
    (LegalMethod.CORRESPONDING_DATE.value, "corresponding date"),
)
ALL_TYPES = ("date", "offset", "recurrence", "trigger")
COUNTED_TYPES = ("offset", "trigger")
_START_CHOICES = (("date", "a date"), *_EVENT_CHOICES)
_START_EVENTS = ("milestone", "met", "breach_of")
_DAY_CHOICES = tuple(
    (f"{kind}:{period}", f"{kind.replace('_', ' ')} of the {period}")
    for kind in ("day", "business_day")
    for period in CalendarPeriod
)
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


def _date() -> forms.Widget:
    return TextInput(attrs={"type": "date"})


def _period() -> forms.Widget:
    return TextInput(attrs={"placeholder": fields.PERIOD_FORMS})


def _time() -> forms.Widget:
    return TextInput(attrs={"type": "time"})


def _suggest(list_id: str) -> forms.Widget:
    return TextInput(attrs={"list": list_id, "autocomplete": "off"})


def _named_day(
    prefix: str, label: str, types: tuple[str, ...], *, on_events: bool = False
) -> tuple[RuleInput, RuleInput]:
    """Return the inputs of the number of a day, and of the period in which it is counted."""
    depends_on, values = ("start_kind", _START_EVENTS) if on_events else ("", ())
    return (
        RuleInput(
            name=f"{prefix}on_day_number", label=label,
            widget=NumberInput(attrs={"min": -366, "max": 366}), types=types,
            depends_on=depends_on, values=values,
            help_text="1 is the first day, -1 the last. Leave empty to keep the date.",
        ),
        RuleInput(
            name=f"{prefix}on_day_of", label="Counted as", widget=Select(choices=_DAY_CHOICES),
            types=types, depends_on=depends_on, values=values,
        ),
    )  # fmt: skip


_RULE_GROUPS = (
    InputGroup(
        heading="On a date",
        inputs=(RuleInput(name="on", label="Date", widget=_period(), types=("date",)),),
    ),
    InputGroup(
        heading="After an event",
        inputs=(
            RuleInput(
                name="event", label="Event", widget=Select(choices=_EVENT_CHOICES),
                types=("trigger",),
            ),
            RuleInput(
                name="event_milestone", label="Milestone", widget=_suggest(MILESTONES_ID),
                types=("trigger",), depends_on="event", values=("milestone",),
            ),
            RuleInput(
                name="event_obligation", label="Obligation", widget=_suggest(OBLIGATIONS_ID),
                types=("trigger",), depends_on="event", values=("met", "breach_of"),
            ),
            RuleInput(
                name="each", label="Every time, not only the first time", widget=CheckboxInput(),
                types=("trigger", "recurrence"),
                help_text="Every breach, or every event that is recorded, has its own deadline.",
            ),
        ),
    ),
    InputGroup(
        heading="Some time before or after something, or after the event",
        inputs=(
            RuleInput(
                name="count", label="Number", widget=NumberInput(attrs={"min": 0}),
                types=COUNTED_TYPES,
            ),
            RuleInput(
                name="unit", label="Unit", widget=Select(choices=fields.enum_choices(PeriodUnit)),
                types=COUNTED_TYPES,
            ),
            RuleInput(
                name="direction", label="Before or after",
                widget=Select(choices=fields.enum_choices(Direction)), types=COUNTED_TYPES,
            ),
            RuleInput(
                name="from", label="Counted from", widget=Select(choices=_ANCHOR_CHOICES),
                types=COUNTED_TYPES,
            ),
            RuleInput(
                name="from_date", label="Start date", widget=_period(), types=COUNTED_TYPES,
                depends_on="from", values=("date",),
            ),
            RuleInput(
                name="from_time", label="Start time", widget=_time(), types=COUNTED_TYPES,
                depends_on="from", values=("date",), help_text="Only for periods in hours.",
            ),
            RuleInput(
                name="from_milestone", label="Start milestone", widget=_suggest(MILESTONES_ID),
                types=COUNTED_TYPES, depends_on="from", values=("milestone",),
            ),
            RuleInput(
                name="from_deadline", label="Start obligation", widget=_suggest(OBLIGATIONS_ID),
                types=COUNTED_TYPES, depends_on="from", values=("deadline",),
            ),
        ),
    ),
    InputGroup(
        heading="Repeatedly",
        inputs=(
            RuleInput(
                name="rrule", label="How often", widget=_suggest(RECURRENCES_ID),
                types=("recurrence",),
                help_text="A recurrence rule (RRULE), such as FREQ=MONTHLY;BYMONTHDAY=-1.",
            ),
            RuleInput(
                name="start_kind", label="Starts with", widget=Select(choices=_START_CHOICES),
                types=("recurrence",),
            ),
            RuleInput(
                name="start", label="From", widget=_period(), types=("recurrence",),
                depends_on="start_kind", values=("date",),
            ),
            RuleInput(
                name="start_milestone", label="Milestone that starts it",
                widget=_suggest(MILESTONES_ID), types=("recurrence",), depends_on="start_kind",
                values=("milestone",),
            ),
            RuleInput(
                name="start_obligation", label="Obligation that starts it",
                widget=_suggest(OBLIGATIONS_ID), types=("recurrence",), depends_on="start_kind",
                values=("met", "breach_of"),
            ),
            RuleInput(
                name="start_count", label="How long after the event",
                widget=NumberInput(attrs={"min": 0}), types=("recurrence",),
                depends_on="start_kind", values=_START_EVENTS,
                help_text="Leave empty to start on the day of the event.",
            ),
            RuleInput(
                name="start_unit", label="Unit", types=("recurrence",), depends_on="start_kind",
                widget=Select(
                    choices=fields.enum_choices(unit for unit in PeriodUnit if not unit.is_elapsed)
                ),
                values=_START_EVENTS,
            ),
            RuleInput(
                name="start_direction", label="Before or after the event",
                widget=Select(choices=fields.enum_choices(Direction)), types=("recurrence",),
                depends_on="start_kind", values=_START_EVENTS,
            ),
            *_named_day("start_", "First date on day number", ("recurrence",), on_events=True),
            RuleInput(
                name="until", label="Until", widget=_period(), types=("recurrence",),
                help_text="Leave empty if it has no end.",
            ),
            RuleInput(
                name="times", label="Times in each period",
                widget=NumberInput(attrs={"min": 1, "max": MOST_TIMES}), types=("recurrence",),
                help_text="If it is due several times by each date.",
            ),
        ),
    ),
    InputGroup(
        heading="On a certain day of the week, month, quarter or year",
        is_folded=True,
        inputs=_named_day("", "Day number", (*COUNTED_TYPES, "recurrence")),
    ),
    InputGroup(
        heading="Due some time before or after each date",
        is_folded=True,
        inputs=(
            RuleInput(
                name="then_count", label="Time from each date",
                widget=NumberInput(attrs={"min": 0}), types=("recurrence",),
                help_text="Leave empty if it is due on the dates themselves.",
            ),
            RuleInput(
                name="then_unit", label="Unit", types=("recurrence",),
                widget=Select(choices=fields.enum_choices(PeriodUnit)),
            ),
            RuleInput(
                name="then_direction", label="Before or after each date",
                widget=Select(choices=fields.enum_choices(Direction)), types=("recurrence",),
            ),
            *_named_day("then_", "Then on day number", ("recurrence",)),
            RuleInput(
                name="then_time", label="Time on the day when it is due", widget=_time(),
                types=("recurrence",), help_text="Leave empty for the end of the day.",
            ),
            RuleInput(
                name="then_method", label="Counting method", widget=Select(choices=_METHOD_CHOICES),
                types=("recurrence",),
            ),
            RuleInput(
                name="then_service_days", label="Extra days for service",
                widget=NumberInput(attrs={"min": 0, "max": 30}), types=("recurrence",),
            ),
            RuleInput(
                name="then_roll", label="If that day is closed, move it",
                widget=Select(choices=fields.enum_choices(RollConvention)), types=("recurrence",),
            ),
            RuleInput(
                name="then_calendars", label="Calendars of that day", widget=TextInput(),
                types=("recurrence",), help_text="Leave empty to use the agreement's.",
            ),
            RuleInput(
                name="then_count_first_day", label="Count each date as the first day",
                widget=CheckboxInput(), types=("recurrence",),
            ),
            RuleInput(
                name="then_end_of_month", label="Keep that day to the end of the month",
                widget=CheckboxInput(), types=("recurrence",),
            ),
        ),
    ),
    InputGroup(
        heading="Time",
        inputs=(
            RuleInput(
                name="time", label="Time", widget=_time(), types=ALL_TYPES,
                help_text="Leave empty for the end of the day.",
            ),
            RuleInput(
                name="timezone", label="Time zone", widget=fields.time_zone_field().widget,
                types=ALL_TYPES,
                help_text="Leave empty to use the agreement's, or else the obligor's.",
            ),
        ),
    ),
    InputGroup(
        heading="Counting method, closed days, two time zones",
        is_folded=True,
        inputs=(
            RuleInput(
                name="method", label="Counting method", widget=Select(choices=_METHOD_CHOICES),
                types=COUNTED_TYPES,
            ),
            RuleInput(
                name="service_days", label="Extra days for service",
                widget=NumberInput(attrs={"min": 0, "max": 30}), types=COUNTED_TYPES,
            ),
            RuleInput(
                name="roll", label="If the day is closed, move it",
                widget=Select(choices=fields.enum_choices(RollConvention)),
                types=(*COUNTED_TYPES, "recurrence"),
            ),
            RuleInput(
                name="calendars", label="Calendars", widget=TextInput(),
                types=(*COUNTED_TYPES, "recurrence"),
                help_text="US, DE-BY, HK:public, NYSE, custom:hq, weekend. "
                "Leave empty to use the agreement's.",
            ),
            RuleInput(
                name="count_first_day", label="Count the first day", widget=CheckboxInput(),
                types=COUNTED_TYPES,
            ),
            RuleInput(
                name="end_of_month", label="Keep to the end of the month",
                widget=CheckboxInput(), types=(*COUNTED_TYPES, "recurrence"),
                help_text="If counted from the last day of a month, end on a last day.",
            ),
            RuleInput(
                name="is_two_sided", label="Applies in both parties' time zones",
                widget=CheckboxInput(), types=ALL_TYPES,
                help_text="Between the ends of the day in the two zones, lateness is ambiguous.",
            ),
        ),
    ),
)  # fmt: skip
_PREVIEW_GROUP = InputGroup(
    heading="Preview for a supposed event",
    is_folded=True,
    inputs=(
        RuleInput(
            name="event_on", label="Suppose that the event happens on", widget=_date(),
            types=("trigger", "recurrence"),
            help_text="Only for the preview: it is not stored.",
        ),
    ),
)  # fmt: skip
GROUPS = (*_RULE_GROUPS, _PREVIEW_GROUP)
INPUTS = {each.name: each for group in GROUPS for each in group.inputs}


def input_label(name: str) -> str:
    """Return the label of an input, or an empty text for an empty name."""
    return INPUTS[name].label if name else ""
