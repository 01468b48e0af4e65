"""Conversion between a due rule and the values of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from compliance.admin.due_dates.rule_groups import INPUTS
from compliance.admin.due_dates.rule_inputs import (
    COUNTED_TYPES,
    DEFAULTS,
    THEN,
    TYPE_CHOICES,
    is_flag,
    is_number,
)
from compliance.domain.whole_numbers import whole_number


class RuleValues(dict[str, str]):
    """The values of the inputs of a due rule, by the input's name."""


def values_from_rule(rule: Mapping[str, Any]) -> RuleValues:
    """Return the values of the inputs for a stored rule."""
    found = RuleValues(DEFAULTS)
    kind = rule["type"]
    if kind == "trigger":
        _add_event(found, rule["on"], "event")
        found["each"] = "on" if rule.get("each") else ""
        _add_offset(found, rule["then"])
    elif kind == "offset":
        _add_offset(found, rule)
    else:
        _add_fields(found, rule)
    if kind == "recurrence":
        _add_start(found, rule["start"])
        if then := rule.get("then"):
            _add_fields(found, then, THEN)
            shared = {name: then.get(name) for name in _SHARED_WITH_THEN}
            _add_fields(found, shared)
    found["type"] = kind
    return found


# A recurrence with an offset from each date has these only in that offset.
_SHARED_WITH_THEN = ("timezone", "is_two_sided")
_UNSHOWN = {"service_days": "0", "times": "1"}


def _add_event(found: RuleValues, event: Mapping[str, str], prefix: str) -> None:
    [(name, ref)] = event.items()
    found[prefix if prefix == "event" else "start_kind"] = name
    found[f"{prefix}_{'milestone' if name == 'milestone' else 'obligation'}"] = ref


def _add_start(found: RuleValues, start: str | Mapping[str, Any]) -> None:
    if isinstance(start, str):
        found["start"] = start
    elif "from" in start:
        _add_event(found, start["from"], "start")
        _add_fields(found, start, "start_")
    else:
        _add_event(found, start, "start")


def _add_offset(found: RuleValues, offset: Mapping[str, Any]) -> None:
    _add_fields(found, offset)
    anchor = offset.get("from") or {}
    found["from"] = next(iter(sorted(anchor.keys() - {"time"})), "event")
    found.update({f"from_{name}": str(value) for name, value in anchor.items()})


def _add_fields(found: RuleValues, fields: Mapping[str, Any], prefix: str = "") -> None:
    for field, value in fields.items():
        name = f"{prefix}{field}"
        if field == "on_day" and value:
            number = "day" if "day" in value else "business_day"
            found[f"{name}_number"] = str(value[number])
            found[f"{name}_of"] = f"{number}:{value['of']}"
        elif name not in INPUTS or field in ("from", "type", "start") or value is None:
            continue
        elif isinstance(value, bool):
            found[name] = "on" if value else ""
        elif isinstance(value, list):
            found[name] = ", ".join(value)
        else:
            found[name] = "" if _UNSHOWN.get(field) == str(value) else str(value)


def rule_from_values(values: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the rule in the format of a draft, or None if the inputs are empty."""
    kind = values.get("type", "date")
    if kind == "date":
        rule = _filled(values, "on", "time", "timezone", "is_two_sided")
        return {"type": "date", **rule} if rule else None
    if kind == "recurrence":
        return _recurrence(values)
    if kind == "undated":
        return {"type": "undated"}
    if kind not in COUNTED_TYPES:
        return None
    offset = _offset(values)
    if kind == "offset":
        return offset
    event = _event(values, "event", values.get("event", "milestone"))
    return {"type": "trigger", "on": event, **_filled(values, "each"), "then": offset}


def _event(values: Mapping[str, str], prefix: str, kind: str) -> dict[str, str]:
    named = "milestone" if kind == "milestone" else "obligation"
    return {kind: values.get(f"{prefix}_{named}", "")}


def _recurrence(values: Mapping[str, str]) -> dict[str, Any]:
    names = (
        "rrule", "until", "time", "timezone", "roll", "calendars", "end_of_month", "is_two_sided",
        "times", "each",
    )  # fmt: skip
    rule = {"type": "recurrence", **_filled(values, *names), **_on_day(values, "")}
    kind = values.get("start_kind", "date")
    if kind == "date":
        rule |= _filled(values, "start")
    else:
        event = _event(values, "start", kind)
        offset = _counted(values, "start_")
        rule["start"] = {"from": event, **offset} if offset else event
    if then := _counted(values, THEN):
        moved = {name: rule.pop(name) for name in _SHARED_WITH_THEN if name in rule}
        rule["then"] = {"type": "offset", **then, **moved}
    return rule


def _counted(values: Mapping[str, str], prefix: str) -> dict[str, Any]:
    """Return the offset in the inputs with this prefix; empty if nobody has changed them."""
    names = [name for name in INPUTS if name.startswith(prefix)]
    if prefix == "start_":
        names = [name for name in names if name not in _START_NAMES]
    if all(values.get(name, "").strip() in ("", DEFAULTS.get(name, "")) for name in names):
        return {}
    return {**_filled(values, *_OFFSET_NAMES, prefix=prefix), **_on_day(values, prefix)}


_START_NAMES = ("start_kind", "start_milestone", "start_obligation")
_OFFSET_NAMES = (
    "count", "unit", "direction", "time", "timezone", "method", "service_days", "roll",
    "calendars", "count_first_day", "end_of_month", "is_two_sided",
)  # fmt: skip


def _offset(values: Mapping[str, str]) -> dict[str, Any]:
    offset: dict[str, Any] = {
        "type": "offset",
        **_filled(values, *_OFFSET_NAMES),
        **_on_day(values, ""),
    }
    source = values.get("from", "date")
    anchor = {source: values[f"from_{source}"]} if values.get(f"from_{source}") else {}
    if source == "date" and values.get("from_time"):
        anchor["time"] = values["from_time"]
    if anchor:
        offset["from"] = anchor
    return offset


def _on_day(values: Mapping[str, str], prefix: str) -> dict[str, Any]:
    number = _filled(values, "on_day_number", prefix=prefix)
    if not number:
        return {}
    kind, _, period = values.get(f"{prefix}on_day_of", DEFAULTS["on_day_of"]).partition(":")
    return {"on_day": {kind: number["on_day_number"], "of": period}}


def _filled(values: Mapping[str, str], *names: str, prefix: str = "") -> dict[str, Any]:
    """Return the named values that are not empty, converted for a draft."""
    found: dict[str, Any] = {}
    for name in names:
        text = values.get(f"{prefix}{name}", "").strip()
        if not text:
            continue
        if is_flag(name):
            found[name] = True
        elif name == "calendars":
            found[name] = [word.strip() for word in text.split(",") if word.strip()]
        elif is_number(name):
            number = _signed_number(text)
            found[name] = text if number is None else number
        else:
            found[name] = text
    return found


def _signed_number(text: str) -> int | None:
    number = whole_number(text.removeprefix("-"))
    return number if number is None or not text.startswith("-") else -number


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
    kind = rule.get("type") if rule else "date"
    if kind == "recurrence" and rule:
        return _input_of_recurrence(path, rule)
    steps = path.removeprefix("then/").split("/")
    if steps[0] == "on" and kind == "trigger":
        event = next(iter(rule["on"]), "milestone") if rule else ""
        return "event_milestone" if event == "milestone" else "event_obligation"
    if steps[0] == "from":
        anchor = (rule or {}).get("then", rule or {}).get("from") or {}
        named = steps[1] if len(steps) > 1 else next(iter(anchor), "")
        return f"from_{named}" if f"from_{named}" in INPUTS else "from"
    return _known_input(steps[0])


def _input_of_recurrence(path: str, rule: Mapping[str, Any]) -> str:
    steps = path.split("/")
    if steps[0] == "then" and len(steps) > 1:
        return _known_input(THEN + steps[1]) or _known_input(steps[1])
    start = rule.get("start")
    if steps[0] != "start" or not isinstance(start, Mapping):
        return _known_input(steps[0])
    if len(steps) > 1 and (named := _known_input(f"start_{steps[1]}")):
        return named if steps[1] != "obligation" else "start_obligation"
    event = start.get("from", start)
    return "start_milestone" if "milestone" in event else "start_obligation"


def _known_input(name: str) -> str:
    """Return the input of a field, or an empty text if it has none."""
    if name.endswith("on_day"):
        name += "_number"
    return name if name in INPUTS else ""


def described(rule: Mapping[str, Any], *, label: str = "Due") -> SafeString:
    """Return a stored rule as lines with the labels of the form, without unchanged inputs."""
    values = values_from_rule(rule)
    kind = values["type"]
    lines = [(label, dict(TYPE_CHOICES)[kind])]
    for each in INPUTS.values():
        value = values.get(each.name, "")
        is_used = kind in each.types and (
            not each.depends_on or values.get(each.depends_on) in each.values
        )
        if value and is_used and (value != DEFAULTS.get(each.name) or _is_shown(each.name, values)):
            choices = dict(getattr(each.widget, "choices", ()))
            shown = "yes" if is_flag(each.name) else choices.get(value, value)
            lines.append((each.label, str(shown)))
    return format_html_join("", "<div>{}: {}</div>", lines)


def _is_shown(name: str, values: RuleValues) -> bool:
    """Return whether an input is shown although it has its first value: with its number only."""
    if name in {"from", "event", "start_kind"}:
        return True
    prefix = next((each for each in (THEN, "start_") if name.startswith(each)), "")
    number = {"unit": "count", "direction": "count", "on_day_of": "on_day_number"}
    needed = number.get(name.removeprefix(prefix))
    return needed is not None and bool(values.get(prefix + needed))
