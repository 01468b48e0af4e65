"""Form fields that pass their input on unchanged. The drafts parse and validate it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import time
from enum import StrEnum
from typing import Any

from django import forms
from django.db.models import QuerySet

from compliance.admin.theme import CheckboxSelectMultiple, Select, Textarea, TextInput
from compliance.domain.civil_time import zone_names
from compliance.models import Agreement, Party, Team

# A page contains one list of time zones, which every time zone field refers to.
TIME_ZONES_ID = "time-zones"
EMPTY_CHOICE = ("", "Choose")


def enum_choices(words: Iterable[StrEnum]) -> list[tuple[str, str]]:
    """Return the members of an enum as choices of a form field."""
    return [(word.value, word.value.replace("_", " ")) for word in words]


def text_field(**options: Any) -> forms.CharField:
    """Return a one-line text field, optional unless `required` is given."""
    return forms.CharField(**{"required": False, "widget": TextInput(), **options})


def agreement_field(**options: Any) -> forms.ModelChoiceField[Agreement]:
    """Return a field for an agreement, which is named by its ref."""
    agreements = Agreement.objects.order_by("title")
    return forms.ModelChoiceField(
        **{"queryset": agreements, "to_field_name": "ref", "widget": Select(), **options}
    )


def party_field(**options: Any) -> forms.ModelChoiceField[Party]:
    """Return a field for a party, which is named by its code."""
    parties = Party.objects.order_by("name")
    return forms.ModelChoiceField(
        **{"queryset": parties, "to_field_name": "code", "widget": Select(), **options}
    )


def enum_field(words: Iterable[StrEnum], **options: Any) -> forms.ChoiceField:
    """Return a field for one member of an enum, without a preselected value unless `initial`."""
    choices = enum_choices(words)
    if "initial" not in options:
        choices.insert(0, EMPTY_CHOICE)
    return forms.ChoiceField(**{"choices": choices, "widget": Select(), **options})


def time_zone_context() -> dict[str, Any]:
    """Return the context of templates/admin/pacta/time_zones.html."""
    return {"time_zones_id": TIME_ZONES_ID, "time_zones": sorted(zone_names())}


def time_zone_field(**options: Any) -> forms.CharField:
    """Return a text field for a time zone that suggests the known names."""
    widget = TextInput(
        attrs={"list": TIME_ZONES_ID, "autocomplete": "off", "placeholder": "Europe/Berlin"}
    )
    return forms.CharField(**{"required": False, "widget": widget, **options})


def set_choices(form: forms.BaseForm, name: str, choices: Iterable[tuple[str, str]]) -> None:
    """Set the choices of one field of a form."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = list(choices)


class DateTextField(forms.CharField):
    """A calendar date as text (YYYY-MM-DD), with the browser's date picker."""

    def __init__(self, **options: Any) -> None:
        widget = TextInput(attrs={"type": "date"})
        super().__init__(**{"required": False, "widget": widget, **options})


PERIOD_FORMS = "2026-02-01, 2026-02, 2026-Q1 or 2026"


class PeriodTextField(forms.CharField):
    """A day as text, or a month, quarter or year if only that is known."""

    def __init__(self, **options: Any) -> None:
        widget = TextInput(attrs={"placeholder": PERIOD_FORMS})
        super().__init__(**{"required": False, "widget": widget, **options})


class TimeTextField(forms.CharField):
    """A time of day as text (HH:MM), with the browser's time picker."""

    def __init__(self, **options: Any) -> None:
        widget = TextInput(attrs={"type": "time"})
        super().__init__(**{"required": False, "widget": widget, **options})

    def prepare_value(self, value: Any) -> Any:
        """Return a stored time in the format of the time picker."""
        if not isinstance(value, time):
            return value
        return value.isoformat("seconds" if value.second else "minutes")


class LongTextField(forms.CharField):
    """Text of several lines, stored with `\\n` as the line ending."""

    def __init__(self, **options: Any) -> None:
        options = {"required": False, "widget": Textarea(attrs={"rows": 3}), **options}
        super().__init__(**options)

    def to_python(self, value: Any) -> Any:
        """Return the text with browser line endings replaced by `\\n`."""
        text = super().to_python(value)
        return text.replace("\r\n", "\n").replace("\r", "\n") if isinstance(text, str) else text


class CommaSeparatedField(forms.CharField):
    """A list of words, entered on one line and separated by commas."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": TextInput(), **options})

    def prepare_value(self, value: Any) -> Any:
        """Return a stored list as one line."""
        return value if isinstance(value, str) or value is None else ", ".join(value)

    def to_python(self, value: Any) -> Any:
        """Return the words of a line; return a list unchanged."""
        if isinstance(value, str):
            return [word.strip() for word in value.split(",") if word.strip()]
        return list(value or ())

    def clean(self, value: Any) -> Any:
        """Return the words."""
        return self.to_python(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return whether the words differ, ignoring spaces and empty words."""
        return bool(self.to_python(initial) != self.to_python(data))


class CheckboxesWidget(CheckboxSelectMultiple):
    """Checkboxes in a row."""

    template_name = "admin/pacta/checkboxes.html"


class CheckboxesField(forms.MultipleChoiceField):
    """Several values of a set, each with a checkbox. The operation validates them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": CheckboxesWidget(), **options})

    def valid_value(self, value: str) -> bool:
        """Accept any value: the operation rejects unknown ones with a better message."""
        return True

    def offer(self, choices: Iterable[tuple[str, str]], keep: Sequence[str] = ()) -> None:
        """Set the checkboxes. Values in `keep` get one even if they are not among the choices."""
        offered = dict(choices)
        self.choices = [*offered.items(), *((word, word) for word in keep if word not in offered)]


class TeamsField(CheckboxesField):
    """Teams by slug, each with a checkbox that shows its name."""

    def offer_teams(self, teams: QuerySet[Team], keep: Sequence[str] = ()) -> None:
        """Set the checkboxes. Slugs in `keep` get one even if their team is not offered."""
        self.offer(teams.order_by("name").values_list("slug", "name"), keep)


class CompositeField(forms.Field, ABC):
    """A field with several inputs, which can name the input that a problem is about."""

    @abstractmethod
    def describe_problem(self, path: str, detail: str, value: Any) -> str:
        """Return the problem at `path` below the field, with the label of its input."""
