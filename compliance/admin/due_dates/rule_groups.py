"""The form of a due rule: its inputs, in the order of the page, grouped under headings."""

from __future__ import annotations

from compliance.admin import fields
from compliance.admin.due_dates.rule_inputs import (
    ALL_TYPES,
    ANCHOR_CHOICES,
    COUNTED_TYPES,
    DAY_CHOICES,
    EVENT_CHOICES,
    METHOD_CHOICES,
    MILESTONES_ID,
    OBLIGATIONS_ID,
    RECURRENCES_ID,
    START_CHOICES,
    START_EVENTS,
    InputGroup,
    RuleInput,
    datalist_input,
    day_input,
    period_input,
    time_input,
)
from compliance.admin.theme import CheckboxInput, NumberInput, Select, TextInput
from compliance.domain.due_dates.rule_types import MOST_TIMES
from compliance.domain.vocabulary import Direction, PeriodUnit, RollConvention


def _named_day(
    prefix: str, label: str, types: tuple[str, ...], *, on_events: bool = False
) -> tuple[RuleInput, RuleInput]:
    """Return the inputs of the number of a day, and of the period in which it is counted."""
    depends_on, values = ("start_kind", START_EVENTS) if on_events else ("", ())
    return (
        RuleInput(
            name=f"{prefix}on_day_number", label=label,
            widget=NumberInput(attrs={"min": -366, "max": 366}), types=types,
            depends_on=depends_on, values=values,
            help_text="1 is the first day, -1 the last. Leave empty to keep the date.",
        ),
        RuleInput(
            name=f"{prefix}on_day_of", label="Counted as", widget=Select(choices=DAY_CHOICES),
            types=types, depends_on=depends_on, values=values,
        ),
    )  # fmt: skip


_RULE_GROUPS = (
    InputGroup(
        heading="On a date",
        inputs=(RuleInput(name="on", label="Date", widget=period_input(), types=("date",)),),
    ),
    InputGroup(
        heading="After an event",
        inputs=(
            RuleInput(
                name="event", label="Event", widget=Select(choices=EVENT_CHOICES),
                types=("trigger",),
            ),
            RuleInput(
                name="event_milestone", label="Milestone", widget=datalist_input(MILESTONES_ID),
                types=("trigger",), depends_on="event", values=("milestone",),
            ),
            RuleInput(
                name="event_obligation", label="Obligation", widget=datalist_input(OBLIGATIONS_ID),
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
                name="from", label="Counted from", widget=Select(choices=ANCHOR_CHOICES),
                types=COUNTED_TYPES,
            ),
            RuleInput(
                name="from_date", label="Start date", widget=period_input(), types=COUNTED_TYPES,
                depends_on="from", values=("date",),
            ),
            RuleInput(
                name="from_time", label="Start time", widget=time_input(), types=COUNTED_TYPES,
                depends_on="from", values=("date",), help_text="Only for periods in hours.",
            ),
            RuleInput(
                name="from_milestone", label="Start milestone",
                widget=datalist_input(MILESTONES_ID), types=COUNTED_TYPES, depends_on="from",
                values=("milestone",),
            ),
            RuleInput(
                name="from_deadline", label="Start obligation",
                widget=datalist_input(OBLIGATIONS_ID), types=COUNTED_TYPES, depends_on="from",
                values=("deadline",),
            ),
        ),
    ),
    InputGroup(
        heading="Repeatedly",
        inputs=(
            RuleInput(
                name="rrule", label="How often", widget=datalist_input(RECURRENCES_ID),
                types=("recurrence",),
                help_text="A recurrence rule (RRULE), such as FREQ=MONTHLY;BYMONTHDAY=-1.",
            ),
            RuleInput(
                name="start_kind", label="Starts with", widget=Select(choices=START_CHOICES),
                types=("recurrence",),
            ),
            RuleInput(
                name="start", label="From", widget=period_input(), types=("recurrence",),
                depends_on="start_kind", values=("date",),
            ),
            RuleInput(
                name="start_milestone", label="Milestone that starts it",
                widget=datalist_input(MILESTONES_ID), types=("recurrence",),
                depends_on="start_kind", values=("milestone",),
            ),
            RuleInput(
                name="start_obligation", label="Obligation that starts it",
                widget=datalist_input(OBLIGATIONS_ID), types=("recurrence",),
                depends_on="start_kind", values=("met", "breach_of"),
            ),
            RuleInput(
                name="start_count", label="How long after the event",
                widget=NumberInput(attrs={"min": 0}), types=("recurrence",),
                depends_on="start_kind", values=START_EVENTS,
                help_text="Leave empty to start on the day of the event.",
            ),
            RuleInput(
                name="start_unit", label="Unit", types=("recurrence",), depends_on="start_kind",
                widget=Select(
                    choices=fields.enum_choices(unit for unit in PeriodUnit if not unit.is_elapsed)
                ),
                values=START_EVENTS,
            ),
            RuleInput(
                name="start_direction", label="Before or after the event",
                widget=Select(choices=fields.enum_choices(Direction)), types=("recurrence",),
                depends_on="start_kind", values=START_EVENTS,
            ),
            *_named_day("start_", "Move first date to day number", ("recurrence",), on_events=True),
            RuleInput(
                name="until", label="Until", widget=period_input(), types=("recurrence",),
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
            *_named_day("then_", "Then move it to day number", ("recurrence",)),
            RuleInput(
                name="then_time", label="Time on the day when it is due", widget=time_input(),
                types=("recurrence",), help_text="Leave empty for the end of the day.",
            ),
            RuleInput(
                name="then_method", label="Counting method", widget=Select(choices=METHOD_CHOICES),
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
                name="time", label="Time", widget=time_input(), types=ALL_TYPES,
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
                name="method", label="Counting method", widget=Select(choices=METHOD_CHOICES),
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
                help_text="A period that starts on the last day of a month ends on one, too.",
            ),
            RuleInput(
                name="is_two_sided", label="Applies in both parties' time zones",
                widget=CheckboxInput(), types=ALL_TYPES,
                help_text=(
                    "Between the end of the day in one zone and in the other, it is ambiguous "
                    "whether a performance is late."
                ),
            ),
        ),
    ),
)  # fmt: skip
_PREVIEW_GROUP = InputGroup(
    heading="Preview for an assumed event",
    is_folded=True,
    inputs=(
        RuleInput(
            name="event_on", label="Suppose that the event happens on", widget=day_input(),
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
