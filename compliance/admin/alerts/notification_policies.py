"""Alert ladders as people write them: `30, 7, 1`, or `10 business days, 1`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from compliance.admin.theme import Text
from compliance.domain.alerts.notification_policies import DEFAULT, Rung
from compliance.domain.vocabulary import PeriodUnit

_RUNG = re.compile(r"(\d{1,9})\s*(business\s+days?|days?|)", re.ASCII | re.IGNORECASE)
_NONE = "none"
REMINDERS, ESCALATIONS = "ladder_reminders", "ladder_escalations"

Rungs = Sequence[Mapping[str, Any]]


def rungs_text(rungs: Rungs) -> str:
    """Rungs, as they are stored, in one line."""
    return ", ".join(_rung_text(rung) for rung in rungs) or _NONE


def _rung_text(rung: Mapping[str, Any]) -> str:
    count = rung["count"]
    if rung["unit"] != PeriodUnit.BUSINESS_DAYS.value:
        return str(count)
    return f"{count} business day{'' if count == 1 else 's'}"


class RungsField(forms.CharField):
    """The rungs of a ladder in one line. Empty is no ladder (None); the word none, no rungs."""

    def __init__(self, *, example: str, **options: Any) -> None:
        widget = Text(attrs={"placeholder": example})
        super().__init__(**{"required": False, "widget": widget, **options})

    def prepare_value(self, value: Any) -> Any:
        """Stored rungs as the line that is shown."""
        return value if isinstance(value, str) or value is None else rungs_text(value)

    def to_python(self, value: Any) -> Any:
        """The rungs of a line, as a draft reads them."""
        if value is None or not isinstance(value, str):
            return value
        text = value.strip()
        if not text:
            return None
        if text.lower() == _NONE:
            return []
        return [self._rung(word.strip()) for word in text.split(",")]

    def clean(self, value: Any) -> Any:
        """The rungs."""
        return self.to_python(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the rungs differ, however they are written."""
        try:
            return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))
        except forms.ValidationError:
            return True

    def _rung(self, word: str) -> dict[str, Any]:
        found = _RUNG.fullmatch(word)
        if found is None:
            sentence = (
                f"“{word}” is no number of days. Write 30, 7, 1, or 10 business days, 1, or none."
            )
            raise forms.ValidationError(sentence)
        count, unit = found.groups()
        is_business = unit.lower().startswith("business")
        kind = PeriodUnit.BUSINESS_DAYS if is_business else PeriodUnit.DAYS
        return {"count": int(count), "unit": kind.value}


def shown(ladder: Mapping[str, Any] | None) -> dict[str, Any]:
    """A stored ladder as the initial values of its two fields."""
    ladder = ladder or {}
    return {REMINDERS: ladder.get("reminders"), ESCALATIONS: ladder.get("escalations")}


def taken(values: dict[str, Any]) -> dict[str, Any]:
    """Form values with their two fields of a ladder made the `ladder` of a draft.

    Both empty is no ladder; one empty is as in the default one.
    """
    reminders, escalations = values.pop(REMINDERS, None), values.pop(ESCALATIONS, None)
    if reminders is None and escalations is None:
        return values
    return {
        **values,
        "ladder": {
            "reminders": _dumped(DEFAULT.reminders) if reminders is None else reminders,
            "escalations": _dumped(DEFAULT.escalations) if escalations is None else escalations,
        },
    }


def _dumped(rungs: Sequence[Rung]) -> list[dict[str, Any]]:
    return [{"count": rung.count, "unit": rung.unit.value} for rung in rungs]
