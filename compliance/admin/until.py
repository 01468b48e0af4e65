"""Until when something lasts: a day, and perhaps a time on it, by the clocks of a zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms

from compliance.admin import fields
from compliance.domain import civil_time
from compliance.domain.civil_time import NonexistentLocalTime
from compliance.domain.problems import refusal

# What an operation refuses of `until_at` stands at the day.
ALIASES = {"until_at": "until_on", "until": "until_on"}


def day(**options: Any) -> forms.DateField:
    """The last day, that day included unless a time is given."""
    widget = fields.Day().widget
    return forms.DateField(**{"label": "Until", "required": False, "widget": widget, **options})


def clock(**options: Any) -> forms.TimeField:
    """The time on the last day."""
    return forms.TimeField(
        **{
            "label": "Time",
            "required": False,
            "widget": fields.Clock().widget,
            "help_text": "Empty: until the end of that day.",
            **options,
        }
    )


def instant_of(values: Mapping[str, Any]) -> datetime | None:
    """The instant that `until_on`, `until_time` and `timezone` come to; None without a day.

    Raises:
        Invalid: with the path of the field that does not fit.
    """
    on, at = values.get("until_on"), values.get("until_time")
    zone = values.get("timezone") or "UTC"
    if on is None:
        if at is not None:
            raise refusal("until/on", "Give the day as well.")
        return None
    try:
        if at is None:
            return civil_time.day_end(on, zone)
        return civil_time.instant(on, at, zone)
    except NonexistentLocalTime as error:
        raise refusal("until/time", str(error)) from None
    except civil_time.UnknownTimeZone as error:
        raise refusal("timezone", str(error)) from None
    except ValueError as error:
        raise refusal("until/on", str(error)) from None
