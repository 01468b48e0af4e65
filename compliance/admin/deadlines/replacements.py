"""Obligations that take the place of others: the form that records it, and links between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from compliance.admin import fields, urls
from compliance.admin.deadlines.fact_forms import FactForm
from compliance.admin.operation_forms import without_empty
from compliance.admin.record_forms import date_field
from compliance.admin.visible import reader, visible
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import FactKind, Status
from compliance.models import Deadline, Fact, Obligation
from compliance.queries.deadlines.replacements import successor


class ReplacementForm(FactForm):
    """Records that another obligation takes the place of this one."""

    kind = FactKind.REPLACEMENT
    heading = "Record a replacement"
    advice = (
        "Another obligation takes the place of this one, for example one that was agreed later. "
        "The deadline is superseded and names its successor. A breach that has begun ends but "
        "stays on record."
    )
    success_message = "Replacement recorded."

    successor = fields.text_field(
        label="Successor", help_text="The ref of the obligation that takes its place."
    )
    successor_agreement = fields.text_field(
        label="Agreement of the successor", help_text="Leave empty if it is this agreement."
    )
    on = date_field("Takes effect on")
    field_order = (
        "successor", "successor_agreement", "on", "time", "period", "timezone", "note", "evidence",
    )  # fmt: skip

    def own_values(self) -> dict[str, Any]:
        """Return the successor."""
        if not self.cleaned_data.get("successor"):
            raise refusal("successor", "Enter the ref of the obligation that takes its place.")
        names = ("successor", "successor_agreement")
        return without_empty({name: self.cleaned_data.get(name) for name in names})


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplacementLink:
    """A link to an obligation that replaces this one, or that this one replaces."""

    text: str
    url: str


def successor_link(deadline: Deadline, request: HttpRequest) -> ReplacementLink | None:
    """Return a link to the deadlines of the obligation that took the place of this one."""
    if deadline.status != Status.SUPERSEDED.value:
        return None
    found = successor(deadline.pk, reader=reader(request), as_of=None, known_at=None)
    if found is None:
        return None
    text = f"{found['obligation_ref']} {found['title']} ({found['agreement']})"
    return ReplacementLink(text=text, url=urls.deadlines_url(obligation_id=found["id"]))


def replaced_links(deadline: Deadline, request: HttpRequest) -> Sequence[ReplacementLink]:
    """Return links to the deadlines that the obligation of this one replaces."""
    facts = (
        visible(Fact.objects.all(), request)
        .filter(
            successor=deadline.obligation_id,
            kind=FactKind.REPLACEMENT.value,
            deadline__status=Status.SUPERSEDED.value,
        )
        .select_related("deadline__obligation__agreement")
    )
    replaced = {each.deadline for each in facts.order_by("deadline_id") if each.deadline}
    return [
        ReplacementLink(text=_text(each.obligation), url=urls.deadline_url(each.pk))
        for each in sorted(replaced, key=lambda each: each.pk)
    ]


def _text(obligation: Obligation) -> str:
    return f"{obligation.ref} {obligation.title} ({obligation.agreement.ref})"
