"""Form fields that take what people type as the drafts take it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import time
from enum import StrEnum
from typing import Any

from django import forms

from compliance.admin.theme import Checkboxes, Choice, Text, TextArea
from compliance.domain.civil_time import zone_names

# The list of time zones stands once in a page; every field for a zone refers to it.
ZONES = "time-zones"
UNCHOSEN = ("", "Choose")


def choices_of(words: type[StrEnum]) -> list[tuple[str, str]]:
    """The words of an enum as choices of a form field."""
    return [(word.value, word.value.replace("_", " ")) for word in words]


def line(**options: Any) -> forms.CharField:
    """A line of text that may be left empty."""
    return forms.CharField(**{"required": False, "widget": Text(), **options})


def choice(words: type[StrEnum], **options: Any) -> forms.ChoiceField:
    """One word of an enum; none is chosen beforehand unless `initial` says which."""
    choices = choices_of(words)
    if "initial" not in options:
        choices.insert(0, UNCHOSEN)
    return forms.ChoiceField(**{"choices": choices, "widget": Choice(), **options})


def zone_list() -> dict[str, Any]:
    """What the template of the list of time zones needs (templates/admin/pacta/zones.html)."""
    return {"zones_id": ZONES, "zones": sorted(zone_names())}


def time_zone(**options: Any) -> forms.CharField:
    """The name of a time zone, with the known names on offer while typing."""
    widget = Text(attrs={"list": ZONES, "autocomplete": "off", "placeholder": "Europe/Berlin"})
    return forms.CharField(**{"required": False, "widget": widget, **options})


class Day(forms.CharField):
    """A civil day, as YYYY-MM-DD, by the browser's own picker."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": Text(attrs={"type": "date"}), **options})


class Clock(forms.CharField):
    """A time of day, as HH:MM, by the browser's own picker."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": Text(attrs={"type": "time"}), **options})

    def prepare_value(self, value: Any) -> Any:
        """A stored time as the picker takes it."""
        if not isinstance(value, time):
            return value
        return value.isoformat("seconds" if value.second else "minutes")


class Prose(forms.CharField):
    """Text of several lines, with line ends as the rest of the product has them."""

    def __init__(self, **options: Any) -> None:
        options = {"required": False, "widget": TextArea(attrs={"rows": 3}), **options}
        super().__init__(**options)

    def to_python(self, value: Any) -> Any:
        """The text with bare line feeds, whatever the browser sends."""
        text = super().to_python(value)
        return text.replace("\r\n", "\n").replace("\r", "\n") if isinstance(text, str) else text


class Words(forms.CharField):
    """Several words in one line, separated by commas."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": Text(), **options})

    def prepare_value(self, value: Any) -> Any:
        """A stored list as the line that is shown."""
        return value if isinstance(value, str) or value is None else ", ".join(value)

    def to_python(self, value: Any) -> Any:
        """The words of a line; a list stays as it is."""
        if isinstance(value, str):
            return [word.strip() for word in value.split(",") if word.strip()]
        return list(value or ())

    def clean(self, value: Any) -> Any:
        """The words."""
        return self.to_python(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the words differ, however they are separated."""
        return bool(self.to_python(initial) != self.to_python(data))


class BoxesWidget(Checkboxes):
    """Check boxes side by side."""

    template_name = "admin/pacta/boxes.html"


class Boxes(forms.MultipleChoiceField):
    """Several of a set, each by a check box. Whether they fit is for the operation to say."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": BoxesWidget(), **options})

    def valid_value(self, value: str) -> bool:
        """Anything: what is not on offer is refused later, in the words of the domain."""
        return True

    def offer(self, choices: Iterable[tuple[str, str]], also: Sequence[str] = ()) -> None:
        """Set the boxes; `also` are values to keep in sight although they are not on offer."""
        offered = dict(choices)
        self.choices = [*offered.items(), *((word, word) for word in also if word not in offered)]
