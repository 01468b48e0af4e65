"""Form fields for the end of a period: a last day, optionally with a time, in a time zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms

from compliance.admin import fields
from compliance.domain import civil_time
from compliance.domain.civil_time import NonexistentLocalTime
from compliance.domain.problems import refusal

# Problems of `until_at` are shown at the date field.
ALIASES = {"until_at": "until_on", "until": "until_on"}


def end_date_field(**options: Any) -> forms.DateField:
    """Return the field for the last day, which is included unless a time is given."""
    widget = fields.DateTextField().widget
    return forms.DateField(**{"label": "Until", "required": False, "widget": widget, **options})


def end_time_field(**options: Any) -> forms.TimeField:
    """Return the field for the time on the last day."""
    return forms.TimeField(
        **{
            "label": "Time",
            "required": False,
            "widget": fields.TimeTextField().widget,
            "help_text": "Leave empty for the end of that day.",
            **options,
        }
    )


def end_instant(values: Mapping[str, Any]) -> datetime | None:
    """Return the instant that `until_on`, `until_time` and `timezone` denote; None without a day.

    The zone defaults to UTC.

    Raises:
        Invalid: with the path of the field that is wrong.
    """
    on, at = values.get("until_on"), values.get("until_time")
    zone = values.get("timezone") or "UTC"
    if on is None:
        if at is not None:
            raise refusal("until/on", "Enter the date as well.")
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
