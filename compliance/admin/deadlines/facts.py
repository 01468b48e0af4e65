"""Facts of all deadlines and agreements, and how the admin shows them. Facts are never edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.admin import badges, instants, urls
from compliance.admin.due_dates.rule_values import described
from compliance.admin.fields import set_choices
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.record_forms import UTC
from compliance.admin.searching import folded
from compliance.admin.visible import visible
from compliance.domain.deadlines.amounts import amount_text
from compliance.domain.vocabulary import FactKind
from compliance.models import Agreement, Deadline, Evidence, Fact, Obligation
from compliance.queries.deadlines.effective_facts import effective_facts_of, superseders


@admin.register(Fact)
class FactAdmin(ReadOnlyAdmin):
    """All facts, newest first. Facts are recorded on the page of their deadline or agreement."""

    list_display = ("fact_badges", "about", "effective", "note", "recorded", "recorded_by")
    list_filter = ("kind",)
    list_select_related = (
        "deadline__obligation", "deadline__agreement", "agreement", "recorded_by",
    )  # fmt: skip
    search_fields = folded(
        "note", "deadline__obligation__ref", "deadline__agreement__ref", "agreement__ref",
    )  # fmt: skip
    ordering = ("-id",)
    fields = (
        "deadline", "agreement", "kind", "effective", "effective_on", "until_on", "until_at",
        "is_tolling", "verdict", "share", "quantity", "is_final", "successor_obligation",
        "due_rule", "supersedes", "superseded_by", "note", "evidence", "recorded",
        "recorded_by", "approved_by", "stored_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the facts without the derivation of the due dates of their deadlines.

        A deadline with thousands of extensions has megabytes of it, and each fact would repeat it.
        """
        return super().get_queryset(request).defer("deadline__moves", "deadline__trace")

    @admin.display(description="New due date")
    def due_rule(self, fact: Fact) -> SafeString | str:
        """Return the due rule of an extension, with the labels of the form."""
        return described(fact.due) if fact.due else "-"

    @admin.display(description="Successor")
    def successor_obligation(self, fact: Fact) -> str:
        """Return the obligation that takes the place of this one, if it exists for the user."""
        return "" if fact.successor is None else str(fact.successor)

    def get_object(self, request: HttpRequest, *args: Any) -> Any:
        """Return the fact, without a successor that does not exist for the user."""
        fact = super().get_object(request, *args)
        if fact is not None and fact.successor_id is not None:
            rows = Obligation.objects.filter(pk=fact.successor_id)
            fact.successor = visible(rows, request).first()
        return fact

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, with the facts that supersede those on this page."""
        found = super().get_changelist_instance(request)
        shown = list(found.result_list)
        newer = superseders(
            [fact.deadline_id for fact in shown if fact.deadline_id],
            [fact.agreement_id for fact in shown if fact.agreement_id],
        )
        for fact in shown:
            fact.superseded_by_id = newer.get(fact.pk)
        found.result_list = shown
        return found

    @admin.display(description="Fact", ordering="kind")
    def fact_badges(self, fact: Any) -> SafeString:
        """Return the kind, the verdict of a determination, and whether the fact is superseded."""
        newer = fact.superseded_by_id
        words = [fact.kind, fact.verdict, "superseded" if newer is not None else None]
        title = "" if newer is None else f"Superseded by fact {newer}"
        shown = ((title, badges.badge(word)) for word in words if word)
        return format_html_join(" ", '<span title="{}">{}</span>', shown)

    @admin.display(description="Superseded by")
    def superseded_by(self, fact: Fact) -> SafeString:
        """Return a link to the fact that supersedes it."""
        newer = superseders([fact.deadline_id or 0], [fact.agreement_id or 0]).get(fact.pk)
        if newer is None:
            return SafeString("-")
        url = urls.fact_url(newer)
        return format_html('<a class="pacta-link" href="{}">Fact {}</a>', url, newer)

    @admin.display(description="Effective", ordering="effective_at")
    def effective(self, fact: Fact) -> SafeString:
        """Return the effective instant in UTC, below the date if only that is known."""
        at = instants.utc_html(fact.effective_at, _zone(fact))
        return (
            badges.two_lines(instants.period(fact.effective_on, fact.precision), at)
            if fact.effective_on
            else at
        )

    @admin.display(description="Recorded", ordering="recorded_at")
    def recorded(self, fact: Fact) -> SafeString:
        """Return when the fact was recorded."""
        return instants.utc_html(fact.recorded_at, _zone(fact))

    @admin.display(description="About")
    def about(self, fact: Fact) -> SafeString:
        """Return the deadline or agreement, and whether the agreement is archived."""
        agreement = fact.agreement if fact.deadline is None else fact.deadline.agreement
        return badges.with_archived_mark(fact.deadline or fact.agreement, agreement)


def _zone(fact: Fact) -> str | None:
    return fact.deadline.timezone if fact.deadline else None


@dataclass(frozen=True, kw_only=True, slots=True)
class FactRow:
    """A fact on the page of a deadline."""

    fact: Fact
    effective: str
    effective_utc: str
    recorded: SafeString
    evidence: Sequence[Evidence]
    is_effective: bool
    is_of_agreement: bool
    new_due: str
    quantity: str
    until: str


def fact_rows(deadline: Deadline) -> list[FactRow]:
    """Return the facts about a deadline and its agreement, in order of their effective instant."""
    effective = {fact.pk for fact in effective_facts_of(deadline)}
    about = Q(deadline=deadline)
    if not deadline.obligation.survives_termination:
        about |= Q(agreement=deadline.agreement_id)
        effective |= {fact.pk for fact in effective_facts_of(deadline.agreement)}
    facts = Fact.objects.filter(about)
    facts = facts.select_related("recorded_by", "approved_by").prefetch_related("evidence")
    zone = deadline.timezone
    return [
        FactRow(
            fact=fact,
            effective=instants.period(fact.effective_on, fact.precision)
            or instants.local_text(fact.effective_at, zone),
            effective_utc=instants.utc_text(fact.effective_at),
            recorded=instants.utc_html(fact.recorded_at, zone),
            evidence=list(fact.evidence.all()),
            is_effective=fact.pk in effective or fact.kind == FactKind.RETRACTION.value,
            is_of_agreement=fact.agreement_id is not None,
            new_due=str(fact.due_on) if fact.due_on else "",
            quantity=(
                ""
                if fact.quantity is None
                else amount_text(fact.quantity, deadline.obligation.unit)
            ),
            until=_until_text(fact, zone),
        )
        for fact in facts.order_by("effective_at", "id")
    ]


def _until_text(fact: Fact, zone: str) -> str:
    if fact.kind not in (FactKind.VIOLATION.value, FactKind.SUSPENSION.value):
        return ""
    if fact.until_at is None:
        return "until further notice"
    if fact.until_on is not None:
        return f"until the end of {instants.period(fact.until_on, fact.until_precision)}"
    return f"until {instants.local_text(fact.until_at, zone)}"


def fact_label(fact: Fact) -> str:
    """Return a fact as the label of a choice."""
    verdict = f" ({fact.verdict.replace('_', ' ')})" if fact.verdict else ""
    day = instants.period(fact.effective_on, fact.precision) or instants.local_text(
        fact.effective_at, UTC
    )
    return f"{fact.kind}{verdict} on {day}" + (f": {fact.note}" if fact.note else "")


def set_fact_choices(form: forms.Form, subject: Deadline | Agreement) -> None:
    """Offer the effective facts about a deadline or agreement in the field `fact`."""
    choices = [(str(fact.pk), fact_label(fact)) for fact in effective_facts_of(subject)]
    set_choices(form, "fact", choices)
    if not choices:
        name = "deadline" if isinstance(subject, Deadline) else "agreement"
        form.fields["fact"].help_text = f"No effective facts are recorded for this {name}."


def retraction_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a form that retracts a fact, in the format of a draft."""
    return {
        "type": FactKind.RETRACTION.value,
        "supersedes": int(values["fact"]),
        "note": values.get("note") or "",
    }
