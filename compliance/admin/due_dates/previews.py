"""The preview of a due rule while it is typed: its dates in each zone and how they are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from compliance.admin import instants
from compliance.admin.due_dates.rule_groups import input_label
from compliance.admin.due_dates.rule_values import input_at, posted_values, rule_from_values
from compliance.admin.operation_forms import without_empty
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid, Problem
from compliance.domain.whole_numbers import whole_number
from compliance.models.people.readers import Reader
from compliance.queries.due_dates.due_rules import PreviewDraft, previewed

_SHOWN_DATES = 12


def preview_context(posted: QueryDict, *, reader: Reader) -> dict[str, Any]:
    """Return the context of templates/admin/pacta/rule_preview.html for the posted rule."""
    inputs = posted_values(posted, "rule")
    rule = rule_from_values(inputs)
    if rule is None:
        return {}
    rule, event_on = _with_unsaved_values(rule, posted)
    if _waits(rule):
        event_on = inputs.get("event_on") or event_on
    grace = {
        "count": _number(posted.get("grace_count", "")),
        "unit": posted.get("grace_unit", ""),
    }
    names = ("agreement", "obligor", "obligee", "timezone")
    values = {
        "rule": rule,
        "limit": _SHOWN_DATES,
        **without_empty({name: posted.get(name, "") for name in names}),
        **({"event_on": event_on} if event_on and _waits(rule) else {}),
        **({"grace": grace} if grace["count"] != "" else {}),
        "survives_termination": bool(posted.get("survives_termination")),
    }
    try:
        found = previewed(read(PreviewDraft, values), reader=reader)
    except Invalid as error:
        return {"problems": [_problem(each, rule) for each in error.problems]}
    dates = [_date(each) for each in found["deadlines"]]
    return {
        **{name: found[name] for name in ("trace", "warnings")},
        "dates": dates,
        "has_grace": any(each["unmet"] for each in dates),
    }


def _number(text: str) -> int | str:
    number = whole_number(text)
    return text if number is None else number


def _date(row: Mapping[str, Any]) -> dict[str, Any]:
    due_at, unmet_at, earliest_due_at = row["due_at"], row["unmet_at"], row["earliest_due_at"]
    return {
        "day": row["due_on"],
        "timezone": row["timezone"],
        "utc": instants.utc_text(due_at),
        "earliest_utc": instants.utc_text(earliest_due_at) if earliest_due_at else "",
        "unmet": instants.utc_text(unmet_at) if unmet_at != due_at else "",
        "local": [instants.local_text(due_at, name) for name in row["local"]],
    }


def _problem(problem: Problem, rule: Mapping[str, Any]) -> dict[str, str]:
    field, _, path = problem.path.partition("/")
    if field != "rule":
        label = field.replace("_", " ").capitalize()
        return {"input": "", "label": label, "detail": problem.detail}
    name = input_at(path, rule)
    return {"input": name, "label": input_label(name), "detail": problem.detail}


def _waits(rule: Mapping[str, Any]) -> bool:
    """Return whether the rule waits for an event."""
    return rule["type"] == "trigger" or isinstance(rule.get("start"), Mapping)


def _with_unsaved_values(
    rule: dict[str, Any], posted: QueryDict
) -> tuple[dict[str, Any], str | None]:
    """Return the rule with values from the page that are not stored yet, and the day of its event.

    These are the calendars of the agreement and the dates of its milestones.
    """
    calendars = [word.strip() for word in posted.get("calendars", "").split(",") if word.strip()]
    dates = dict(each.split(" ", 1) for each in posted.getlist("milestone") if " " in each)
    if rule["type"] == "recurrence":
        parts = [rule, *([rule["then"]] if "then" in rule else [])]
        for part in parts if calendars else ():
            part.setdefault("calendars", calendars)
        start = rule.get("start")
        event = start.get("from", start) if isinstance(start, Mapping) else {}
        return rule, dates.get(event.get("milestone", ""))
    return _counted_with_unsaved_values(rule, calendars, dates), None


def _counted_with_unsaved_values(
    rule: dict[str, Any], calendars: list[str], dates: Mapping[str, str]
) -> dict[str, Any]:
    counted = rule.get("then", rule)
    if calendars and rule["type"] != "date" and "calendars" not in counted:
        counted = {**counted, "calendars": calendars}
    anchor = counted.get("from", {})
    if anchor.get("milestone") in dates:
        counted = {**counted, "from": {"date": dates[anchor["milestone"]]}}
    if rule["type"] != "trigger":
        return dict(counted)
    if rule["on"].get("milestone") in dates:
        return {"from": {"date": dates[rule["on"]["milestone"]]}, **counted}
    return {**rule, "then": counted}
