"""Notification policies as people write them: `30, 7, 1`, or `10 business days, 1`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from compliance.admin.theme import TextInput
from compliance.domain.alerts.notification_policies import DEFAULT, PolicyStep
from compliance.domain.vocabulary import PeriodUnit

_STEP = re.compile(r"(\d{1,9})\s*(business\s+days?|days?|)", re.ASCII | re.IGNORECASE)
_NONE = "none"
REMINDERS, ESCALATIONS = "notification_policy_reminders", "notification_policy_escalations"

Steps = Sequence[Mapping[str, Any]]


def steps_text(steps: Steps) -> str:
    """Return stored steps as one line."""
    return ", ".join(_step_text(step) for step in steps) or _NONE


def policy_text(policy: Mapping[str, Any] | None, name: str, default: str) -> str:
    """Return the `reminders` or `escalations` of a policy as one line; `default` if it is None."""
    return default if policy is None else steps_text(policy.get(name, ()))


def _step_text(step: Mapping[str, Any]) -> str:
    count = step["count"]
    if step["unit"] != PeriodUnit.BUSINESS_DAYS.value:
        return str(count)
    return f"{count} business day{'' if count == 1 else 's'}"


class StepsField(forms.CharField):
    """Reminder or escalation steps on one line. Empty means None; `none` means no steps."""

    def __init__(self, *, example: str, **options: Any) -> None:
        widget = TextInput(attrs={"placeholder": example})
        super().__init__(**{"required": False, "widget": widget, **options})

    def prepare_value(self, value: Any) -> Any:
        """Return stored steps as one line."""
        return value if isinstance(value, str) or value is None else steps_text(value)

    def to_python(self, value: Any) -> Any:
        """Return the steps of a line, in the format of a draft."""
        if value is None or not isinstance(value, str):
            return value
        text = value.strip()
        if not text:
            return None
        if text.lower() == _NONE:
            return []
        return [_parse_step(word.strip()) for word in text.split(",")]

    def clean(self, value: Any) -> Any:
        """Return the steps."""
        return self.to_python(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return whether the steps differ, ignoring different notations of the same steps."""
        try:
            return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))
        except forms.ValidationError:
            return True


def _parse_step(word: str) -> dict[str, Any]:
    found = _STEP.fullmatch(word)
    if found is None:
        sentence = (
            f"“{word}” is not a number of days. "
            "Write “30, 7, 1”, “10 business days, 1” or “none”, for example."
        )
        raise forms.ValidationError(sentence)
    count, unit = found.groups()
    is_business = unit.lower().startswith("business")
    kind = PeriodUnit.BUSINESS_DAYS if is_business else PeriodUnit.DAYS
    return {"count": int(count), "unit": kind.value}


def initial_steps(policy: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a stored policy as the initial values of its two fields."""
    policy = policy or {}
    return {REMINDERS: policy.get("reminders"), ESCALATIONS: policy.get("escalations")}


def with_policy(values: dict[str, Any]) -> dict[str, Any]:
    """Return form values with the two fields of the policy combined as a draft expects them.

    If both fields are empty there is no policy. If one is empty, its steps are the default ones.
    """
    reminders, escalations = values.pop(REMINDERS, None), values.pop(ESCALATIONS, None)
    if reminders is None and escalations is None:
        return values
    return {
        **values,
        "notification_policy": {
            "reminders": _dump(DEFAULT.reminders) if reminders is None else reminders,
            "escalations": _dump(DEFAULT.escalations) if escalations is None else escalations,
        },
    }


def _dump(steps: Sequence[PolicyStep]) -> list[dict[str, Any]]:
    return [{"count": step.count, "unit": step.unit.value} for step in steps]
