"""The form field of a due rule: its type, and the inputs of that type.

The inputs are posted as `due_type`, `due_on`, `due_count`. The field combines them into a rule in
the format of a draft. A script shows only the inputs of the chosen type. Without it, all are shown
under headings, and those of other types are ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any

from django import forms
from django.utils.html import escape
from django.utils.safestring import SafeString
from pydantic import ValidationError

from compliance.admin import urls
from compliance.admin.due_dates.rule_groups import GROUPS, INPUTS, input_label
from compliance.admin.due_dates.rule_inputs import (
    ALL_TYPES,
    DEFAULTS,
    MILESTONES_ID,
    OBLIGATIONS_ID,
    RECURRENCE_EXAMPLES,
    RECURRENCES_ID,
    TYPE_CHOICES,
    InputGroup,
    RuleInput,
    is_flag,
)
from compliance.admin.due_dates.rule_values import (
    RuleValues,
    input_at,
    posted_values,
    rule_from_values,
    values_from_rule,
)
from compliance.admin.fields import CompositeField
from compliance.admin.theme import Select
from compliance.domain.due_dates.due_rules import dump_due_rule, parse_due_rule
from compliance.models import Agreement


def rule_suggestions(agreement: Agreement | None) -> dict[str, Any]:
    """Return the context of templates/admin/pacta/rule_suggestions.html."""
    milestones: Iterable[tuple[str, str]] = ()
    obligations: Iterable[tuple[str, str]] = ()
    if agreement is not None and agreement.pk:
        milestones = agreement.milestones.values_list("ref", "title")
        obligations = agreement.obligations.values_list("ref", "title")
    return {
        "lists": (
            (MILESTONES_ID, milestones),
            (OBLIGATIONS_ID, obligations),
            (RECURRENCES_ID, RECURRENCE_EXAMPLES),
        )
    }


class RuleWidget(forms.Widget):
    """The inputs of a due rule, with those that are rarely needed folded."""

    template_name = "admin/pacta/due_rule.html"
    types: Collection[str] = ALL_TYPES
    agreement_ref = ""
    without_rule = ""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> RuleValues:
        """Return the values that were posted."""
        return posted_values(data, name)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Return False: no single input has to be posted."""
        return False

    def id_for_label(self, id_: str) -> str:
        """Return the id of the type input, which the label of the field refers to."""
        return f"{id_}_type" if id_ else id_

    def posted(self, name: str, value: Any) -> dict[str, str]:
        """Return what a browser posts if no input is changed."""
        values = {**DEFAULTS, **(value or {})}
        return {f"{name}_{key}": text for key, text in values.items() if text or key == "type"}

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Return the template context with every input, in groups."""
        values = RuleValues({**DEFAULTS, **(value or {})})
        identity = (attrs or {}).get("id", f"id_{name}")
        choices = [
            (word, label if word else self.without_rule or label)
            for word, label in TYPE_CHOICES
            if not word or word in self.types
        ]
        type_input = Select(choices=choices)
        context: dict[str, Any] = super().get_context(name, value, attrs)
        label = context["widget"]["attrs"].get("aria-label")
        type_attrs = {"id": f"{identity}_type", **({"aria-label": label} if label else {})}
        context["widget"] |= {
            "identity": identity,
            "agreement_ref": self.agreement_ref,
            "preview_url": urls.due_rule_preview_url(),
            "type": type_input.render(f"{name}_type", values["type"], type_attrs),
            "groups": [
                {
                    "heading": group.heading,
                    "is_folded": group.is_folded,
                    "is_open": any(
                        values.get(each.name, "") != DEFAULTS.get(each.name, "")
                        for each in group.inputs
                    ),
                    "inputs": list(self._inputs(group, name, identity, values)),
                }
                for group in GROUPS
            ],
        }
        return context

    def _inputs(
        self, group: InputGroup, name: str, identity: str, values: RuleValues
    ) -> Iterator[dict[str, Any]]:
        for each in group.inputs:
            types = [kind for kind in each.types if kind in self.types]
            if not types:
                continue
            is_checkbox = is_flag(each.name)
            text = values.get(each.name, "")
            input_id = f"{identity}_{each.name}"
            value: Any = bool(text) if is_checkbox else text
            yield {
                "name": each.name,
                "id": input_id,
                "label": each.label,
                "help_text": each.help_text,
                "types": " ".join(types),
                "depends_on": each.depends_on,
                "values": " ".join(each.values),
                "is_flag": is_checkbox,
                "html": _rendered(each, f"{name}_{each.name}", input_id, value),
            }


# No name or id contains them.
_NAME, _ID = "\0name\0", "\0id\0"


def _rendered(each: RuleInput, name: str, input_id: str, value: Any) -> SafeString:
    """Return the HTML of an input.

    The page of an agreement has forty inputs for each rule, nearly all of them empty. Rendering
    each anew took a quarter of its time.
    """
    if value != DEFAULTS.get(each.name, "") or is_flag(each.name):
        return each.widget.render(name, value, {"id": input_id})
    html = _unfilled(each.name).replace(_NAME, escape(name)).replace(_ID, escape(input_id))
    return SafeString(html)


@cache
def _unfilled(name: str) -> str:
    """Return the HTML of an input with its default value, but for its name and id."""
    each = INPUTS[name]
    return str(each.widget.render(_NAME, DEFAULTS.get(name, ""), {"id": _ID}))


class RuleField(CompositeField):
    """A due rule in the format of a draft, or None."""

    widget = RuleWidget

    def __init__(
        self, *, types: Collection[str] = ALL_TYPES, without_rule: str = "", **options: Any
    ) -> None:
        super().__init__(**{"required": False, **options})
        assert isinstance(self.widget, RuleWidget)
        self.widget.without_rule = without_rule
        self.widget.types = types

    def prepare_value(self, value: Any) -> Any:
        """Return the values of the inputs, for a stored rule or for posted values."""
        if value is None or isinstance(value, RuleValues):
            return value
        return values_from_rule(value)

    def clean(self, value: Any) -> Any:
        """Return the rule."""
        return rule_from_values(value or {})

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return whether the rule differs, ignoring different notations of the same rule."""
        if self.disabled:
            return False
        return bool(_canonical(initial) != _canonical(rule_from_values(data or {})))

    def describe_problem(self, path: str, detail: str, value: Any) -> str:
        """Return the problem with the label of the input that it is about."""
        label = input_label(input_at(path, value))
        return f"{label}: {detail}" if label else detail


def _canonical(rule: Any) -> Any:
    try:
        return None if rule is None else dump_due_rule(parse_due_rule(rule))
    except ValidationError:
        return rule
