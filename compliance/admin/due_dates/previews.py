"""What a due rule comes to while it is typed: dates, instants in each zone, and the working."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from compliance.admin import moments
from compliance.admin.due_dates.due_rules import label_of, part_at, read_parts, rule_of
from compliance.admin.saving import given
from compliance.admin.whole_numbers import whole_number
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid, Problem
from compliance.queries.due_dates.due_rules import PreviewDraft, previewed

SHOWN = 12


def preview(posted: QueryDict) -> dict[str, Any]:
    """What the template admin/pacta/preview.html shows of the rule that was posted."""
    rule = rule_of(read_parts(posted, "rule"))
    if rule is None:
        return {}
    grace = {
        "count": _number(posted.get("grace_count", "")),
        "unit": posted.get("grace_unit", ""),
    }
    names = ("agreement", "obligor", "obligee", "timezone")
    values = {
        "rule": _as_on_the_page(rule, posted),
        "limit": SHOWN,
        **given({name: posted.get(name, "") for name in names}),
        **({"grace": grace} if grace["count"] != "" else {}),
    }
    try:
        found = previewed(read(PreviewDraft, values))
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
    due_at, unmet_at, first_at = row["due_at"], row["unmet_at"], row["first_at"]
    return {
        "day": row["due_on"],
        "timezone": row["timezone"],
        "utc": moments.utc_text(due_at),
        "first_utc": moments.utc_text(first_at) if first_at else "",
        "unmet": moments.utc_text(unmet_at) if unmet_at != due_at else "",
        "local": [moments.local_text(due_at, name) for name in row["local"]],
    }


def _problem(problem: Problem, rule: Mapping[str, Any]) -> dict[str, str]:
    where, _, path = problem.path.partition("/")
    part = part_at(path, rule) if where == "rule" else ""
    label = label_of(part) if where == "rule" else where.replace("_", " ").capitalize()
    return {"part": part, "label": label, "detail": problem.detail}


def _as_on_the_page(rule: dict[str, Any], posted: QueryDict) -> dict[str, Any]:
    """The rule, with what on the page is not stored yet: the agreement's calendars, and the days
    of its milestones."""
    counted = rule.get("then", rule)
    calendars = [word.strip() for word in posted.get("calendars", "").split(",") if word.strip()]
    if calendars and rule["type"] != "date" and "calendars" not in counted:
        counted = {**counted, "calendars": calendars}
    days = dict(each.split(" ", 1) for each in posted.getlist("milestone") if " " in each)
    anchor = counted.get("from", {})
    if anchor.get("milestone") in days:
        counted = {**counted, "from": {"date": days[anchor["milestone"]]}}
    if rule["type"] != "trigger":
        return dict(counted)
    if rule["on"].get("milestone") in days:
        return {"from": {"date": days[rule["on"]["milestone"]]}, **counted}
    return {**rule, "then": counted}
