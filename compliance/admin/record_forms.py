"""Base classes of the short forms that record something about a deadline or an agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, ClassVar

from django import forms

from compliance.admin import fields
from compliance.admin.theme import CheckboxInput, Select
from compliance.domain.civil_time import (
    NonexistentLocalTime,
    civil_day,
    displayed_zone_name,
    instant,
)
from compliance.domain.problems import refusal
from compliance.models import Agreement, Deadline, User

UTC = "UTC"


class RecordForm(forms.Form):
    """A form about an agreement. `record` passes it to an operation."""

    heading: ClassVar[str]
    advice: ClassVar[str] = ""
    success_message: str
    submit: ClassVar[str] = "Record"
    # What was recorded without effect, in sentences.
    warnings: Sequence[str] = ()
    is_destructive: ClassVar[bool] = False
    aliases: ClassVar[Mapping[str, str]] = {"at": "time"}

    def __init__(
        self, *args: Any, agreement: Agreement, zone_name: str, as_of: datetime, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.agreement = agreement
        self.zone_name = displayed_zone_name(zone_name)
        self.prepare(as_of)

    def prepare(self, as_of: datetime) -> None:
        """Set the choices and initial values that depend on the agreement."""
        if "timezone" in self.fields:
            zones = dict.fromkeys((self.zone_name, UTC))
            fields.set_choices(self, "timezone", [(zone, zone) for zone in zones])
            self.initial.setdefault("timezone", self.zone_name)
        if "on" in self.fields:
            self.initial.setdefault("on", civil_day(as_of, self.zone_name).isoformat())
        if "evidence" in self.fields:
            evidence = self.agreement.evidence.order_by("id").values_list("ref", "title")
            choices = [(ref, f"{ref}: {title}") for ref, title in evidence]
            fields.set_choices(self, "evidence", choices)
            if not choices:
                del self.fields["evidence"]

    def party_choices(self) -> list[tuple[str, str]]:
        """Return the parties to the agreement as choices."""
        parties = self.agreement.parties.order_by("name").values_list("code", "name")
        return [(code, f"{name} ({code})") for code, name in parties]

    def effective_values(self) -> dict[str, Any]:
        """Return the date as `on`, or the instant as `at` if a time is given, for a draft."""
        on, at = self.cleaned_data.get("on"), self.cleaned_data.get("time")
        if period := self.cleaned_data.get("period"):
            return {"on": period}
        if not on:
            raise refusal("on", "Enter the date.")
        if not at:
            return {"on": on}
        return {"at": self._instant(on, at, "")}

    def until_values(self) -> dict[str, Any]:
        """Return the last day, or the end instant if a time is given, as `until` for a draft."""
        on, at = self.cleaned_data.get("until_on"), self.cleaned_data.get("until_time")
        if at and not on:
            raise refusal("until/on", "Enter the last day as well.")
        if not on:
            return {}
        return {"until": self._instant(on, at, "until/") if at else on}

    def _instant(self, on: date, at: time, path: str) -> datetime:
        try:
            return instant(on, at, self.cleaned_data["timezone"] or self.zone_name)
        except NonexistentLocalTime as error:
            raise refusal(f"{path}time", str(error)) from None
        except ValueError as error:
            raise refusal(f"{path}on", str(error)) from None

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record the values of the form through an operation.

        Raises:
            Invalid: with paths that name fields of the form.
        """
        # Not abstract: the metaclass of Django's forms cannot be combined with ABCMeta.
        raise NotImplementedError


class DeadlineRecordForm(RecordForm):
    """A form about one deadline. Dates are in the zone of the deadline."""

    def __init__(self, *args: Any, deadline: Deadline, as_of: datetime, **kwargs: Any) -> None:
        self.deadline = deadline
        super().__init__(
            *args,
            agreement=deadline.agreement,
            zone_name=deadline.timezone,
            as_of=as_of,
            **kwargs,
        )


class AgreementRecordForm(RecordForm):
    """A form about an agreement as a whole. Dates are in its zone, or else in UTC."""

    def __init__(self, *args: Any, agreement: Agreement, as_of: datetime, **kwargs: Any) -> None:
        zone_name = agreement.timezone or UTC
        super().__init__(*args, agreement=agreement, zone_name=zone_name, as_of=as_of, **kwargs)


def confirm_field() -> forms.BooleanField:
    """Return the field that confirms that a fact may make the deadline worse."""
    return forms.BooleanField(
        label="Confirm",
        required=False,
        widget=CheckboxInput(),
        help_text="Tick this only if Pacta asks you to: it makes the deadline unmet or due sooner.",
    )


def date_field(label: str = "Date", **options: Any) -> forms.DateField:
    """Return a field for a date, optional because the draft reports a missing one."""
    widget = fields.DateTextField().widget
    return forms.DateField(**{"label": label, "required": False, "widget": widget, **options})


def time_field(
    label: str = "Time", help_text: str = "Leave empty if only the date is known."
) -> forms.TimeField:
    """Return a field for an optional time of day."""
    widget = fields.TimeTextField().widget
    return forms.TimeField(label=label, required=False, widget=widget, help_text=help_text)


def period_field(label: str = "Or only the period") -> forms.CharField:
    """Return a field for a date of which only the month, quarter or year is known."""
    return fields.text_field(
        label=label,
        help_text="If the day is not known: 2007-06, 2007-Q2 or 2007. The date above is ignored.",
    )


def zone_field() -> forms.ChoiceField:
    """Return a field that chooses between the local zone and UTC."""
    return forms.ChoiceField(label="Time zone", required=False, widget=Select())


def last_day_field() -> forms.DateField:
    """Return a field for the last day of a period."""
    return date_field("Last day", help_text="This day is included. Leave empty if open-ended.")


def tolling_field(help_text: str) -> forms.BooleanField:
    """Return a checkbox that says whether a suspension moves due dates."""
    return forms.BooleanField(
        label="Stops the clock", required=False, widget=CheckboxInput(), help_text=help_text
    )


def end_time_field() -> forms.TimeField:
    """Return a field for the time at which a period ends on its last day."""
    return time_field("End time", help_text="Only if it ended during the last day.")
