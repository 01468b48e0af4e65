"""The form field for a due rule: its type, and the fields of that type.

The parts are posted as `due_type`, `due_on`, `due_count`; the field makes of them the rule as a
draft reads it. A script shows only the parts of the chosen type; without it all are shown, under
headings, and those of other types are not read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.safestring import SafeString
from pydantic import ValidationError

from compliance.admin import fields
from compliance.admin.theme import Checkbox, Choice, Number, Text
from compliance.admin.whole_numbers import whole_number
from compliance.domain.due_dates.due_rules import dump_due_rule, parse_due_rule
from compliance.domain.vocabulary import Direction, LegalMethod, PeriodUnit, RollConvention
from compliance.models import Agreement

MILESTONES, OBLIGATIONS, RECURRENCES = "known-milestones", "known-obligations", "recurrences"
SOME_RECURRENCES = (
    ("FREQ=MONTHLY;BYMONTHDAY=-1", "the last day of each month"),
    ("FREQ=MONTHLY;BYMONTHDAY=15", "the 15th of each month"),
    ("FREQ=MONTHLY;BYDAY=1MO", "the first Monday of each month"),
    ("FREQ=WEEKLY;BYDAY=FR", "every Friday"),
    ("FREQ=MONTHLY;INTERVAL=3", "every three months"),
    ("FREQ=YEARLY", "every year"),
    ("FREQ=YEARLY;BYMONTH=3,6,9,12;BYMONTHDAY=-1", "the last day of each quarter"),
)

_TYPES = (
    ("", "never: it has no due date"),
    ("date", "on a date"),
    ("offset", "a period after or before something"),
    ("recurrence", "again and again"),
    ("trigger", "once something has happened"),
)
_ANCHORS = (
    ("date", "a date"),
    ("milestone", "a milestone"),
    ("deadline", "the due date of an obligation"),
    ("event", "what wakes it"),
)
_EVENTS = (
    ("milestone", "the milestone has happened"),
    ("met", "the obligation is met"),
    ("breach_of", "the obligation is breached"),
)
_METHODS = (
    ("", "as said here"),
    (LegalMethod.FRCP_6.value, "US federal courts, Rule 6 (frcp-6)"),
    (LegalMethod.EU_1182_71.value, "EU Regulation 1182/71"),
    (LegalMethod.CORRESPONDING_DATE.value, "corresponding date"),
)
_FLAGS = frozenset({"count_first_day", "end_of_month", "is_two_sided"})
_ALL = ("date", "offset", "recurrence", "trigger")
_COUNTED = ("offset", "trigger")


def _day() -> forms.Widget:
    return Text(attrs={"type": "date"})


def _refs(known: str) -> forms.Widget:
    return Text(attrs={"list": known, "autocomplete": "off"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One input of a rule. It belongs to rules of these `types`, and with `of`, to those alone
    whose part of that name has one of the values given."""

    name: str
    label: str
    widget: forms.Widget
    types: tuple[str, ...]
    of: str = ""
    values: tuple[str, ...] = ()
    help_text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Parts that stand together; those that are seldom needed are folded away."""

    heading: str
    parts: tuple[Part, ...]
    is_folded: bool = False


def _clock() -> forms.Widget:
    return Text(attrs={"type": "time"})


_GROUPS = (
    Group(
        heading="On a date",
        parts=(Part(name="on", label="Day", widget=_day(), types=("date",)),),
    ),
    Group(
        heading="Once something has happened",
        parts=(
            Part(name="event", label="Once", widget=Choice(choices=_EVENTS), types=("trigger",)),
            Part(
                name="event_milestone", label="Which milestone", widget=_refs(MILESTONES),
                types=("trigger",), of="event", values=("milestone",),
            ),
            Part(
                name="event_obligation", label="Which obligation", widget=_refs(OBLIGATIONS),
                types=("trigger",), of="event", values=("met", "breach_of"),
            ),
        ),
    ),
    Group(
        heading="A period after or before something, or after what happened",
        parts=(
            Part(name="count", label="How many", widget=Number(attrs={"min": 0}), types=_COUNTED),
            Part(
                name="unit", label="Of", widget=Choice(choices=fields.choices_of(PeriodUnit)),
                types=_COUNTED,
            ),
            Part(
                name="direction", label="After or before",
                widget=Choice(choices=fields.choices_of(Direction)), types=_COUNTED,
            ),
            Part(name="from", label="What", widget=Choice(choices=_ANCHORS), types=_COUNTED),
            Part(
                name="from_date", label="Which date", widget=_day(), types=_COUNTED,
                of="from", values=("date",),
            ),
            Part(
                name="from_time", label="At what time", widget=_clock(), types=_COUNTED,
                of="from", values=("date",), help_text="Where hours are counted.",
            ),
            Part(
                name="from_milestone", label="Which milestone", widget=_refs(MILESTONES),
                types=_COUNTED, of="from", values=("milestone",),
            ),
            Part(
                name="from_deadline", label="Which obligation", widget=_refs(OBLIGATIONS),
                types=_COUNTED, of="from", values=("deadline",),
            ),
        ),
    ),
    Group(
        heading="Again and again",
        parts=(
            Part(
                name="rrule", label="How often", widget=_refs(RECURRENCES), types=("recurrence",),
                help_text="A recurrence rule (RRULE), such as FREQ=MONTHLY;BYMONTHDAY=-1.",
            ),
            Part(name="start", label="From", widget=_day(), types=("recurrence",)),
            Part(
                name="until", label="Until", widget=_day(), types=("recurrence",),
                help_text="Empty: without an end.",
            ),
        ),
    ),
    Group(
        heading="For all",
        parts=(
            Part(
                name="time", label="Time", widget=_clock(), types=_ALL,
                help_text="Empty: by the end of the day.",
            ),
            Part(
                name="timezone", label="Time zone", widget=fields.time_zone().widget, types=_ALL,
                help_text="Empty: the agreement's, else the obligor's.",
            ),
        ),
    ),
    Group(
        heading="Counting, closed days, both sides",
        is_folded=True,
        parts=(
            Part(
                name="method", label="Counted as the law says", widget=Choice(choices=_METHODS),
                types=_COUNTED,
            ),
            Part(
                name="service_days", label="Days added for service",
                widget=Number(attrs={"min": 0, "max": 30}), types=_COUNTED,
            ),
            Part(
                name="roll", label="On a closed day it moves",
                widget=Choice(choices=fields.choices_of(RollConvention)),
                types=(*_COUNTED, "recurrence"),
            ),
            Part(
                name="calendars", label="Calendars", widget=Text(),
                types=(*_COUNTED, "recurrence"),
                help_text="US, CN, DE-BY, desk:hq, weekend; empty: the agreement's.",
            ),
            Part(
                name="count_first_day", label="The first day counts", widget=Checkbox(),
                types=_COUNTED,
            ),
            Part(
                name="end_of_month", label="The last of a month stays the last",
                widget=Checkbox(), types=(*_COUNTED, "recurrence"),
            ),
            Part(
                name="is_two_sided", label="The day counts for both sides", widget=Checkbox(),
                types=_ALL,
                help_text="It ends first in one party's zone, last in another's.",
            ),
        ),
    ),
)  # fmt: skip
_PARTS = {part.name: part for group in _GROUPS for part in group.parts}
_FOLDED = [part.name for group in _GROUPS if group.is_folded for part in group.parts]
# What stands in a field that nobody has touched; none of it makes a rule that opens the fold.
_UNTOUCHED = {
    "type": "date",
    "unit": PeriodUnit.DAYS.value,
    "direction": Direction.AFTER.value,
    "from": "date",
    "event": "milestone",
    "method": "",
    "service_days": "",
    "roll": RollConvention.NONE.value,
}


class Parts(dict[str, str]):
    """The parts of a rule as they stand in the form."""


def parts_of(rule: Mapping[str, Any]) -> Parts:
    """A stored rule, taken apart."""
    found = Parts(_UNTOUCHED)
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
        elif name in _PARTS and name not in ("from", "type") and value is not None:
            found[name] = str(value)
    if found.get("service_days") == "0":
        found["service_days"] = ""
    if counted["type"] == "offset":
        anchor = counted.get("from") or {}
        found["from"] = next(iter(sorted(anchor.keys() - {"time"})), "event")
        found.update({f"from_{name}": str(value) for name, value in anchor.items()})
    found["type"] = rule["type"]
    return found


def rule_of(parts: Mapping[str, str]) -> dict[str, Any] | None:
    """The rule that parts make, as a draft reads it; None if nothing is said."""
    kind = parts.get("type", "date")
    if kind == "date":
        rule = _given(parts, "on", "time", "timezone", "is_two_sided")
        return {"type": "date", **rule} if rule else None
    if kind == "recurrence":
        names = ("rrule", "start", "until", "time", "timezone", "roll", "calendars")
        return {"type": kind, **_given(parts, *names, "end_of_month", "is_two_sided")}
    if kind not in _COUNTED:
        return None
    counted: dict[str, Any] = {
        "type": "offset",
        **_given(
            parts, "count", "unit", "direction", "time", "timezone", "method", "service_days",
            "roll", "calendars", "count_first_day", "end_of_month", "is_two_sided",
        ),
    }  # fmt: skip
    source = parts.get("from", "date")
    anchor = {source: parts[f"from_{source}"]} if parts.get(f"from_{source}") else {}
    if source == "date" and parts.get("from_time"):
        anchor["time"] = parts["from_time"]
    if anchor:
        counted["from"] = anchor
    if kind == "offset":
        return counted
    event = parts.get("event", "milestone")
    ref = parts.get("event_milestone" if event == "milestone" else "event_obligation", "")
    return {"type": "trigger", "on": {event: ref}, "then": counted}


def _given(parts: Mapping[str, str], *names: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        text = parts.get(name, "").strip()
        if not text:
            continue
        if name in _FLAGS:
            found[name] = True
        elif name == "calendars":
            found[name] = [word.strip() for word in text.split(",") if word.strip()]
        elif name in ("count", "service_days"):
            number = whole_number(text)
            found[name] = text if number is None else number
        else:
            found[name] = text
    return found


def read_parts(data: Mapping[str, Any], name: str) -> Parts:
    """The parts of the rule that was posted as `name`."""
    found = Parts()
    for part in ("type", *_PARTS):
        value = data.get(f"{name}_{part}")
        if value is not None:
            found[part] = str(value)
    return found


def part_at(path: str, rule: Mapping[str, Any] | None) -> str:
    """The part of a rule that a problem's path below the rule speaks of; empty if none."""
    steps = path.removeprefix("then/").split("/")
    kind = rule.get("type") if rule else "date"
    if steps[0] == "on" and kind == "trigger":
        event = next(iter(rule["on"]), "milestone") if rule else ""
        return "event_milestone" if event == "milestone" else "event_obligation"
    if steps[0] == "from":
        anchor = (rule or {}).get("then", rule or {}).get("from") or {}
        named = steps[1] if len(steps) > 1 else next(iter(anchor), "")
        return f"from_{named}" if f"from_{named}" in _PARTS else "from"
    return steps[0] if steps[0] in _PARTS else ""


def known(agreement: Agreement | None) -> dict[str, Any]:
    """What templates/admin/pacta/known.html needs: what the inputs of a rule offer."""
    milestones: Iterable[tuple[str, str]] = ()
    obligations: Iterable[tuple[str, str]] = ()
    if agreement is not None and agreement.pk:
        milestones = agreement.milestones.values_list("ref", "title")
        obligations = agreement.obligations.values_list("ref", "title")
    return {
        "lists": (
            (MILESTONES, milestones),
            (OBLIGATIONS, obligations),
            (RECURRENCES, SOME_RECURRENCES),
        )
    }


def label_of(part: str) -> str:
    """What a part is called in the form."""
    return _PARTS[part].label if part else ""


class RuleWidget(forms.Widget):
    """The parts of a due rule, those that are seldom needed folded away."""

    template_name = "admin/pacta/rule.html"
    types: Collection[str] = _ALL
    agreement = ""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Parts:
        """The parts that were posted."""
        return read_parts(data, name)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Never: no part needs to be there."""
        return False

    def id_for_label(self, id_: str) -> str:
        """The label is that of the choice of a type."""
        return f"{id_}_type" if id_ else id_

    def posted(self, name: str, value: Any) -> dict[str, str]:
        """What a browser posts of the widget if nothing is touched."""
        parts = {**_UNTOUCHED, **(value or {})}
        return {f"{name}_{part}": text for part, text in parts.items() if text or part == "type"}

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Every part with its input, in groups."""
        parts = Parts({**_UNTOUCHED, **(value or {})})
        identity = (attrs or {}).get("id", f"id_{name}")
        choices = [(word, label) for word, label in _TYPES if not word or word in self.types]
        chosen = Choice(choices=choices)
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["widget"] |= {
            "identity": identity,
            "agreement": self.agreement,
            "preview": reverse("admin:compliance_obligation_preview"),
            "type": chosen.render(f"{name}_type", parts["type"], {"id": f"{identity}_type"}),
            "groups": [
                {
                    "heading": group.heading,
                    "is_folded": group.is_folded,
                    "is_open": any(
                        parts.get(part, "") != _UNTOUCHED.get(part, "") for part in _FOLDED
                    ),
                    "parts": list(self._shown(group, name, identity, parts)),
                }
                for group in _GROUPS
            ],
        }
        return context

    def _shown(
        self, group: Group, name: str, identity: str, parts: Parts
    ) -> Iterator[dict[str, Any]]:
        for part in group.parts:
            types = [each for each in part.types if each in self.types]
            if not types:
                continue
            is_flag = part.name in _FLAGS
            value = parts.get(part.name, "")
            own = {"id": f"{identity}_{part.name}"}
            yield {
                "name": part.name,
                "id": own["id"],
                "label": part.label,
                "help_text": part.help_text,
                "types": " ".join(types),
                "of": part.of,
                "values": " ".join(part.values),
                "is_flag": is_flag,
                "html": _input(part, f"{name}_{part.name}", bool(value) if is_flag else value, own),
            }


def _input(part: Part, name: str, value: Any, attrs: dict[str, str]) -> SafeString:
    return part.widget.render(name, value, attrs)


class RuleField(forms.Field):
    """A due rule, as a draft reads it; None where there is none."""

    widget = RuleWidget

    def __init__(self, *, types: Collection[str] = _ALL, **options: Any) -> None:
        super().__init__(**{"required": False, **options})
        assert isinstance(self.widget, RuleWidget)
        self.widget.types = types

    def prepare_value(self, value: Any) -> Any:
        """The parts to show, of a stored rule or of what was posted."""
        if value is None or isinstance(value, Parts):
            return value
        return parts_of(value)

    def clean(self, value: Any) -> Any:
        """The rule."""
        return rule_of(value or {})

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether it is another rule, however it was written."""
        if self.disabled:
            return False
        return bool(_canonical(initial) != _canonical(rule_of(data or {})))

    def describe(self, path: str, detail: str, rule: Any) -> str:
        """A problem at a path below the rule, with the part that it speaks of."""
        label = label_of(part_at(path, rule))
        return f"{label}: {detail}" if label else detail


def _canonical(rule: Any) -> Any:
    try:
        return None if rule is None else dump_due_rule(parse_due_rule(rule))
    except ValidationError:
        return rule
