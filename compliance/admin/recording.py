"""The small forms by which the desk records facts, positions and evidence about one deadline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django import forms

from compliance.admin import fields
from compliance.admin.moments import due_text, local_text
from compliance.admin.saving import given
from compliance.admin.theme import Choice, Number, Radio
from compliance.domain.civil_time import NonexistentLocalTime, civil_day, instant
from compliance.domain.drafts import EvidenceDraft, FactDraft, PositionDraft, read
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import EvidenceKind, FactKind, Stance, Verdict
from compliance.models import Deadline, User
from compliance.operations import facts
from compliance.queries.standing import standing_facts

UTC = "UTC"


class RecordForm(forms.Form):
    """A form about one deadline. `record` hands it to the operation."""

    heading: ClassVar[str]
    advice: ClassVar[str] = ""
    done: ClassVar[str]
    submit: ClassVar[str] = "Record"
    is_grave: ClassVar[bool] = False
    aliases: ClassVar[Mapping[str, str]] = {"at": "time"}

    def __init__(self, *args: Any, deadline: Deadline, as_of: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deadline = deadline
        self.prepare(as_of)

    def prepare(self, as_of: datetime) -> None:
        """Fill in what depends on the deadline."""
        if "timezone" in self.fields:
            zones = dict.fromkeys((self.deadline.timezone, UTC))
            _offer(self, "timezone", [(zone, zone) for zone in zones])
            self.initial.setdefault("timezone", self.deadline.timezone)
        if "on" in self.fields:
            self.initial.setdefault("on", civil_day(as_of, self.deadline.timezone).isoformat())
        if "evidence" in self.fields:
            known = self.deadline.agreement.evidence.order_by("id").values_list("ref", "title")
            _offer(self, "evidence", [(ref, f"{ref}: {title}") for ref, title in known])
            if not known:
                del self.fields["evidence"]

    def when(self) -> dict[str, Any]:
        """The day, or the instant where a time of day is given, as a draft reads it."""
        on, time = self.cleaned_data.get("on"), self.cleaned_data.get("time")
        if not on:
            raise refusal("on", "Give the day.")
        if not time:
            return {"on": on}
        try:
            return {
                "at": instant(on, time, self.cleaned_data["timezone"] or self.deadline.timezone)
            }
        except NonexistentLocalTime as error:
            raise refusal("time", str(error)) from None
        except ValueError as error:
            raise refusal("on", str(error)) from None

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record what the form says.

        Raises:
            Invalid: with paths that name fields of the form.
        """
        raise NotImplementedError


def _day(label: str = "Day", **options: Any) -> forms.DateField:
    widget = fields.Day().widget
    return forms.DateField(**{"label": label, "required": False, "widget": widget, **options})


def _clock() -> forms.TimeField:
    return forms.TimeField(
        label="Time",
        required=False,
        widget=fields.Clock().widget,
        help_text="Leave empty if only the day is known.",
    )


def _zone() -> forms.ChoiceField:
    return forms.ChoiceField(label="Clock of", required=False, widget=Choice())


def _offer(form: forms.Form, name: str, choices: list[tuple[str, str]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices


class FactForm(RecordForm):
    """What every fact is asked for."""

    kind: ClassVar[FactKind]

    on = _day()
    time = _clock()
    timezone = _zone()
    note = fields.Prose(help_text="What happened, and how it is known.")
    evidence = fields.Boxes(help_text="What supports it.")

    def also(self) -> dict[str, Any]:
        """What this kind of fact says besides."""
        return {}

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record the fact."""
        common = given({name: self.cleaned_data.get(name) for name in ("note", "evidence")})
        values = {"type": self.kind.value, **self.when(), **common, **self.also()}
        draft = read(FactDraft, values)
        facts.record(deadline=self.deadline, draft=draft, by=by, as_of=as_of)


class PerformanceForm(FactForm):
    """It was done, wholly or in part."""

    kind = FactKind.PERFORMANCE
    heading = "Record a performance"
    advice = (
        "It was done: on time, late, or in part. A breach that has begun ends; it stays on record."
    )
    done = "The performance is recorded."

    quantity = forms.DecimalField(required=False, widget=Number())
    field_order = ("on", "time", "timezone", "quantity", "note", "evidence")

    def prepare(self, as_of: datetime) -> None:
        """A quantity is asked for only where there is a target."""
        super().prepare(as_of)
        obligation = self.deadline.obligation
        if obligation.target_quantity is None:
            del self.fields["quantity"]
        else:
            target = f"{obligation.target_quantity.normalize():f} {obligation.unit}".strip()
            self.fields["quantity"].help_text = f"Of {target}. Empty: the whole."

    def also(self) -> dict[str, Any]:
        """How much of it."""
        return given({"quantity": self.cleaned_data.get("quantity")})


class ExtensionForm(FactForm):
    """More time was given."""

    kind = FactKind.EXTENSION
    heading = "Record an extension"
    advice = (
        "The due date moves from the day on which the extension takes effect. Agreed before the "
        "deadline passed, there was no breach; after it, the breach ends there."
    )
    done = "The extension is recorded."

    due_on = _day("New due day")
    due_time = forms.TimeField(
        label="New due time",
        required=False,
        widget=fields.Clock().widget,
        help_text="Empty: by the end of that day.",
    )
    on = _day("Takes effect on")
    field_order = ("due_on", "due_time", "on", "time", "timezone", "note", "evidence")
    aliases = {"at": "time", "due": "due_on"}

    def prepare(self, as_of: datetime) -> None:
        """Say what is due now."""
        super().prepare(as_of)
        now = f"Now {due_text(self.deadline)}, in {self.deadline.timezone}."
        self.fields["due_on"].help_text = now

    def also(self) -> dict[str, Any]:
        """The new due date, in the deadline's own zone."""
        on, time = self.cleaned_data.get("due_on"), self.cleaned_data.get("due_time")
        if not on:
            raise refusal("due/on", "Give the new due day.")
        return {"due": {"type": "date", "on": on, "time": time, "timezone": self.deadline.timezone}}


class WaiverForm(FactForm):
    """It need not be done any more."""

    kind = FactKind.WAIVER
    heading = "Record a waiver"
    advice = (
        "Whoever is owed gives it up. Effective before the deadline passed, there was no breach; "
        "after it, the breach ends there."
    )
    done = "The waiver is recorded."


class CancellationForm(FactForm):
    """The deadline falls away."""

    kind = FactKind.CANCELLATION
    heading = "Cancel the deadline"
    advice = (
        "The duty has fallen away, for instance because the agreement ended. It stays on record."
    )
    done = "The deadline is cancelled."
    submit = "Cancel the deadline"
    is_grave = True


class RetractionForm(RecordForm):
    """A fact was recorded by mistake."""

    heading = "Retract a fact"
    advice = (
        "The fact stays on record, but counts no more: the status becomes what it would be "
        "without it. To correct a fact, retract it and record it anew."
    )
    done = "The fact is retracted."
    submit = "Retract"
    is_grave = True
    aliases = {"supersedes": "fact"}

    fact = forms.ChoiceField(widget=Radio())
    note = fields.Prose(help_text="Why it is taken back.")

    def prepare(self, as_of: datetime) -> None:
        """Offer the facts that count."""
        rows = [
            (
                str(fact.pk),
                f"{fact.kind} of {fact.effective_on or local_text(fact.effective_at, UTC)}"
                + (f": {fact.note}" if fact.note else ""),
            )
            for fact in standing_facts(self.deadline)
        ]
        _offer(self, "fact", rows)
        if not rows:
            self.fields["fact"].help_text = "Nothing that counts is recorded on this deadline."

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record the retraction."""
        values = {
            "type": FactKind.RETRACTION.value,
            "supersedes": int(self.cleaned_data["fact"]),
            "note": self.cleaned_data.get("note") or "",
        }
        facts.record(deadline=self.deadline, draft=read(FactDraft, values), by=by, as_of=as_of)


class PositionForm(RecordForm):
    """What one party says of the deadline."""

    heading = "State a position"
    advice = (
        "What one party says of it. Positions never set the status; where they differ, the "
        "deadline is marked as disputed."
    )
    done = "The position is recorded."

    party = forms.ChoiceField(widget=Choice())
    verdict = fields.choice(Verdict, label="Says that it is")
    on = _day("Said on")
    time = _clock()
    timezone = _zone()
    quote = fields.Prose(help_text="In its own words.")
    evidence = fields.Boxes(help_text="Where it says so.")

    def prepare(self, as_of: datetime) -> None:
        """Offer the parties to the agreement."""
        super().prepare(as_of)
        parties = self.deadline.agreement.parties.order_by("name").values_list("code", "name")
        named = [(code, f"{name} ({code})") for code, name in parties]
        _offer(self, "party", [fields.UNCHOSEN, *named])

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record the position."""
        said = given(
            {
                each: self.cleaned_data.get(each)
                for each in ("party", "verdict", "quote", "evidence")
            }
        )
        draft = read(PositionDraft, {**said, **self.when()})
        facts.state_position(deadline=self.deadline, draft=draft, by=by, as_of=as_of)


class EvidenceForm(RecordForm):
    """A document or statement that bears on the deadline's obligation."""

    heading = "Add evidence"
    advice = (
        "A document or statement that bears on this obligation. Facts and positions can cite it."
    )
    done = "The evidence is added."
    submit = "Add"

    ref = fields.line(required=True, help_text="Short, such as E12; once per agreement.")
    title = fields.line(required=True)
    kind = fields.choice(EvidenceKind)
    stance = fields.choice(Stance, help_text="For or against its having been kept, or context.")
    url = fields.line(label="Address", help_text="Where it can be read, with https://.")
    quote = fields.Prose()
    published_on = _day("Published on")
    asserted_by = forms.ChoiceField(label="Asserted by", required=False, widget=Choice())

    def prepare(self, as_of: datetime) -> None:
        """Offer the parties to the agreement."""
        super().prepare(as_of)
        parties = self.deadline.agreement.parties.order_by("name").values_list("code", "name")
        named = [(code, f"{name} ({code})") for code, name in parties]
        _offer(self, "asserted_by", [("", "No party"), *named])

    def record(self, *, by: User, as_of: datetime) -> None:
        """Store the evidence."""
        values = {**given(self.cleaned_data), "obligations": [self.deadline.obligation.ref]}
        facts.add_evidence(
            agreement=self.deadline.agreement,
            draft=read(EvidenceDraft, values),
            by=by,
            as_of=as_of,
        )
