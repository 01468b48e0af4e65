"""Positions: what the parties say about a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.contrib import admin
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, instants
from compliance.admin.operation_forms import without_empty
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.record_forms import (
    DeadlineRecordForm,
    date_field,
    period_field,
    time_field,
    zone_field,
)
from compliance.admin.searching import folded
from compliance.admin.theme import NumberInput, Select
from compliance.domain.deadlines.drafts import PositionDraft
from compliance.domain.drafts import read
from compliance.domain.quantities import percent_text
from compliance.domain.vocabulary import Verdict
from compliance.models import Deadline, Evidence, Party, Position, User
from compliance.operations.deadlines import effects, positions


@admin.register(Position)
class PositionAdmin(ReadOnlyAdmin):
    """All positions, newest first. Positions are recorded on the page of their deadline."""

    list_display = ("party", "verdict_badge", "about", "quote", "stated", "recorded_by")
    list_filter = ("verdict", "party")
    list_select_related = ("party", "deadline__obligation", "deadline__agreement", "recorded_by")
    search_fields = folded("quote", "deadline__obligation__ref", "deadline__agreement__ref")
    ordering = ("-id",)
    fields = (
        "deadline", "party", "verdict", "share", "stated", "stated_on", "precision", "quote",
        "evidence", "recorded_at", "recorded_by",
    )  # fmt: skip

    @admin.display(description="Position", ordering="verdict")
    def verdict_badge(self, position: Position) -> SafeString:
        """Return the verdict as a badge."""
        return badges.badge(position.verdict)

    @admin.display(description="Deadline", ordering="deadline")
    def about(self, position: Position) -> SafeString:
        """Return the deadline, and whether its agreement is archived."""
        return badges.with_archived_mark(position.deadline, position.deadline.agreement)

    @admin.display(description="Stated", ordering="stated_at")
    def stated(self, position: Position) -> SafeString:
        """Return the instant in UTC, with the stated day, month, quarter or year above it."""
        at = instants.utc_html(position.stated_at, position.deadline.timezone)
        return (
            badges.two_lines(instants.period(position.stated_on, position.precision), at)
            if position.stated_on
            else at
        )


class PositionForm(DeadlineRecordForm):
    """Records the position of a party."""

    heading = "State a position"
    advice = (
        "What a party says about the deadline. Positions never change the status. If they differ, "
        "the deadline is marked as disputed."
    )
    success_message = "Position recorded."

    party = forms.ChoiceField(widget=Select())
    verdict = fields.enum_field(Verdict, label="Position")
    share = forms.DecimalField(
        required=False,
        widget=NumberInput(),
        help_text="If partly met: the share of the whole, such as 0.6, if it was stated.",
    )
    on = date_field("Stated on")
    time = time_field()
    period = period_field()
    timezone = zone_field()
    quote = fields.LongTextField(help_text="The party's own words.")
    evidence = fields.CheckboxesField(help_text="Evidence that contains the statement.")

    def prepare(self, as_of: datetime) -> None:
        """Offer the parties to the agreement first, and then everyone else in the register."""
        super().prepare(as_of)
        others = Party.objects.exclude(agreements=self.agreement).order_by("name")
        choices = [(each.code, f"{each.name} ({each.code})") for each in others]
        fields.set_choices(self, "party", [fields.EMPTY_CHOICE, *self.party_choices(), *choices])

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record the position."""
        names = ("party", "verdict", "share", "quote", "evidence")
        values = without_empty({name: self.cleaned_data.get(name) for name in names})
        draft = read(PositionDraft, {**values, **self.effective_values()})
        position = positions.state(deadline=self.deadline, draft=draft, by=by, as_of=as_of)
        self.warnings = effects.warnings_about_position(position)


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionRow:
    """A position on the page of a deadline."""

    position: Position
    stated: str
    stated_utc: str
    share: str
    evidence: Sequence[Evidence]


def position_rows(deadline: Deadline) -> list[PositionRow]:
    """Return the positions on a deadline, in the order in which they were stated."""
    positions = deadline.positions.select_related("party").prefetch_related("evidence")
    return [
        PositionRow(
            position=position,
            stated=instants.period(position.stated_on, position.precision)
            or instants.local_text(position.stated_at, deadline.timezone),
            stated_utc=instants.utc_text(position.stated_at),
            share="" if position.share is None else percent_text(position.share),
            evidence=list(position.evidence.all()),
        )
        for position in positions.order_by("stated_at", "id")
    ]
