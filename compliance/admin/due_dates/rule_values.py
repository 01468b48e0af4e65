"""Conversion between a due rule and the values of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compliance.admin.due_dates.rule_inputs import COUNTED_TYPES, DEFAULTS, FLAGS, INPUTS
from compliance.domain.whole_numbers import whole_number


class RuleValues(dict[str, str]):
    """The values of the inputs of a due rule, by the input's name."""


def values_from_rule(rule: Mapping[str, Any]) -> RuleValues:
    """Return the values of the inputs for a stored rule."""
    found = RuleValues(DEFAULTS)
    counted = rule
    if rule["type"] == "trigger":
        [(event, ref)] = rule["on"].items()
        found["event"] = event
        found["event_milestone" if event == "milestone" else "event_obligation"] = ref
        counted = rule["then"]
    for name, value in counted.items():
        if isinstance(value, bool):
            found[name] = "on" if value else ""
        elif isinstance(value, list):
            found[name] = ", ".join(value)
        elif name in INPUTS and name not in ("from", "type") and value is not None:
            found[name] = str(value)
    if found.get("service_days") == "0":
        found["service_days"] = ""
    if counted["type"] == "offset":
        anchor = counted.get("from") or {}
        found["from"] = next(iter(sorted(anchor.keys() - {"time"})), "event")
        found.update({f"from_{name}": str(value) for name, value in anchor.items()})
    found["type"] = rule["type"]
    return found


def rule_from_values(values: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the rule in the format of a draft, or None if the inputs are empty."""
    kind = values.get("type", "date")
    if kind == "date":
        rule = _filled(values, "on", "time", "timezone", "is_two_sided")
        return {"type": "date", **rule} if rule else None
    if kind == "recurrence":
        names = ("rrule", "start", "until", "time", "timezone", "roll", "calendars")
        return {"type": kind, **_filled(values, *names, "end_of_month", "is_two_sided")}
    if kind not in COUNTED_TYPES:
        return None
    offset = _offset(values)
    if kind == "offset":
        return offset
    event = values.get("event", "milestone")
    ref = values.get("event_milestone" if event == "milestone" else "event_obligation", "")
    return {"type": "trigger", "on": {event: ref}, "then": offset}


def _offset(values: Mapping[str, str]) -> dict[str, Any]:
    offset: dict[str, Any] = {
        "type": "offset",
        **_filled(
            values, "count", "unit", "direction", "time", "timezone", "method", "service_days",
            "roll", "calendars", "count_first_day", "end_of_month", "is_two_sided",
        ),
    }  # fmt: skip
    source = values.get("from", "date")
    anchor = {source: values[f"from_{source}"]} if values.get(f"from_{source}") else {}
    if source == "date" and values.get("from_time"):
        anchor["time"] = values["from_time"]
    if anchor:
        offset["from"] = anchor
    return offset


def _filled(values: Mapping[str, str], *names: str) -> dict[str, Any]:
    """Return the named values that are not empty, converted for a draft."""
    found: dict[str, Any] = {}
    for name in names:
        text = values.get(name, "").strip()
        if not text:
            continue
        if name in FLAGS:
            found[name] = True
        elif name == "calendars":
            found[name] = [word.strip() for word in text.split(",") if word.strip()]
        elif name in ("count", "service_days"):
            number = whole_number(text)
            found[name] = text if number is None else number
        else:
            found[name] = text
    return found


def posted_values(data: Mapping[str, Any], name: str) -> RuleValues:
    """Return the values that were posted for the rule field `name`."""
    found = RuleValues()
    for each in ("type", *INPUTS):
        value = data.get(f"{name}_{each}")
        if value is not None:
            found[each] = str(value)
    return found


def input_at(path: str, rule: Mapping[str, Any] | None) -> str:
    """Return the name of the input that shows a problem at a path below the rule, or ""."""
    steps = path.removeprefix("then/").split("/")
    kind = rule.get("type") if rule else "date"
    if steps[0] == "on" and kind == "trigger":
        event = next(iter(rule["on"]), "milestone") if rule else ""
        return "event_milestone" if event == "milestone" else "event_obligation"
    if steps[0] == "from":
        anchor = (rule or {}).get("then", rule or {}).get("from") or {}
        named = steps[1] if len(steps) > 1 else next(iter(anchor), "")
        return f"from_{named}" if f"from_{named}" in INPUTS else "from"
    return steps[0] if steps[0] in INPUTS else ""
