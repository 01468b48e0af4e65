"""The inputs of a due rule: their labels, widgets, and the types of rules that they belong to."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms

from compliance.admin import fields
from compliance.admin.theme import CheckboxInput, NumberInput, Select, TextInput
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention

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
FLAGS = frozenset({"count_first_day", "end_of_month", "is_two_sided"})

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


def _time() -> forms.Widget:
    return TextInput(attrs={"type": "time"})


def _suggest(list_id: str) -> forms.Widget:
    return TextInput(attrs={"list": list_id, "autocomplete": "off"})


GROUPS = (
    InputGroup(
        heading="On a date",
        inputs=(RuleInput(name="on", label="Date", widget=_date(), types=("date",)),),
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
                name="from_date", label="Start date", widget=_date(), types=COUNTED_TYPES,
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
            RuleInput(name="start", label="From", widget=_date(), types=("recurrence",)),
            RuleInput(
                name="until", label="Until", widget=_date(), types=("recurrence",),
                help_text="Leave empty if it has no end.",
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
INPUTS = {each.name: each for group in GROUPS for each in group.inputs}
FOLDED_NAMES = [each.name for group in GROUPS if group.is_folded for each in group.inputs]


def input_label(name: str) -> str:
    """Return the label of an input, or an empty text for an empty name."""
    return INPUTS[name].label if name else ""
