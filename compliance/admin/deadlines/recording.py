"""The small forms by which the desk records facts, positions and evidence: about one deadline,
or about an agreement as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, ClassVar

from django import forms

from compliance.admin import fields, until
from compliance.admin.moments import due_text, local_text, utc_text
from compliance.admin.saving import given
from compliance.admin.theme import Checkbox, Choice, Number, Radio
from compliance.domain.alerts.drafts import AcknowledgementDraft
from compliance.domain.civil_time import NonexistentLocalTime, civil_day, instant
from compliance.domain.deadlines.drafts import AgreementFactDraft, FactDraft, PositionDraft
from compliance.domain.drafts import read
from compliance.domain.evidence.drafts import EvidenceDraft
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import (
    Conclusion,
    EvidenceKind,
    FactKind,
    ObligationKind,
    Stance,
    Verdict,
)
from compliance.models import Agreement, Breach, Deadline, Fact, Proposal, User
from compliance.operations.deadlines import breaches, facts, positions, proposals
from compliance.operations.evidence import evidence
from compliance.queries.deadlines.effective_facts import standing_facts

UTC = "UTC"


class RecordForm(forms.Form):
    """A form about a deadline or an agreement. `record` hands it to the operation."""

    heading: ClassVar[str]
    advice: ClassVar[str] = ""
    done: str
    submit: ClassVar[str] = "Record"
    is_grave: ClassVar[bool] = False
    aliases: ClassVar[Mapping[str, str]] = {"at": "time"}

    def __init__(
        self, *args: Any, agreement: Agreement, zone_name: str, as_of: datetime, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.agreement = agreement
        self.zone_name = zone_name
        self.prepare(as_of)

    def prepare(self, as_of: datetime) -> None:
        """Fill in what depends on what it is about."""
        if "timezone" in self.fields:
            zones = dict.fromkeys((self.zone_name, UTC))
            _offer(self, "timezone", [(zone, zone) for zone in zones])
            self.initial.setdefault("timezone", self.zone_name)
        if "on" in self.fields:
            self.initial.setdefault("on", civil_day(as_of, self.zone_name).isoformat())
        if "evidence" in self.fields:
            known = self.agreement.evidence.order_by("id").values_list("ref", "title")
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
        return {"at": self._instant(on, time, "")}

    def until(self) -> dict[str, Any]:
        """The last day, or the instant at which it is over, as a draft reads it."""
        on, at = self.cleaned_data.get("until_on"), self.cleaned_data.get("until_time")
        if at and not on:
            raise refusal("until/on", "Give the last day as well.")
        if not on:
            return {}
        return {"until": self._instant(on, at, "until/") if at else on}

    def _instant(self, on: date, at: time, path: str) -> datetime:
        try:
            return instant(on, at, self.cleaned_data["timezone"] or self.zone_name)
        except NonexistentLocalTime as error:
            raise refusal(f"{path}time", str(error)) from None
        except ValueError as error:
            raise refusal(f"{path}on", str(error)) from None

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


class DeadlineForm(RecordForm):
    """A form about one deadline."""

    def __init__(self, *args: Any, deadline: Deadline, as_of: datetime, **kwargs: Any) -> None:
        self.deadline = deadline
        super().__init__(
            *args,
            agreement=deadline.agreement,
            zone_name=deadline.timezone,
            as_of=as_of,
            **kwargs,
        )

    def submit_fact(self, values: Mapping[str, Any], *, by: User, as_of: datetime) -> None:
        """Record a fact, or propose it where another person must approve it."""
        stored = proposals.submit(
            deadline=self.deadline, draft=read(FactDraft, values), by=by, as_of=as_of
        )
        if isinstance(stored, Proposal):
            self.done = f"Proposal {stored.pk} waits: it counts once another person approves it."


def _last_day() -> forms.DateField:
    return _day("Last day", help_text="That day included. Empty: until further notice.")


def _last_clock() -> forms.TimeField:
    return forms.TimeField(
        label="Until",
        required=False,
        widget=fields.Clock().widget,
        help_text="Only if it ended at a time on that day.",
    )


class FactForm(DeadlineForm):
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
        self.submit_fact(values, by=by, as_of=as_of)


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
        target = _target(self.deadline)
        if not target:
            del self.fields["quantity"]
        else:
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


def _target(deadline: Deadline) -> str:
    obligation = deadline.obligation
    target = deadline.target_quantity or obligation.target_quantity
    return "" if target is None else f"{target.normalize():f} {obligation.unit}".strip()


class ViolationForm(FactForm):
    """What was to be kept so was not, or what was not to be done was done."""

    kind = FactKind.VIOLATION
    heading = "Record a violation"
    advice = (
        "It was not kept. It stands unmet from the beginning of the violation until its end; "
        "to end one that is open, retract it and record it anew with its last day."
    )
    done = "The violation is recorded."

    on = _day("Began on")
    until_on = _last_day()
    until_time = _last_clock()
    field_order = (
        "on", "time", "timezone", "until_on", "until_time", "note", "evidence",
    )  # fmt: skip
    aliases = {"at": "time", "until": "until_on"}

    def also(self) -> dict[str, Any]:
        """Until when."""
        return self.until()


class SuspensionForm(FactForm):
    """It does not bind for a while."""

    kind = FactKind.SUSPENSION
    heading = "Suspend the deadline"
    advice = "For a while it does not bind: nothing is missed, and nothing is flagged."
    done = "The suspension is recorded."

    on = _day("Begins on")
    until_on = _last_day()
    until_time = _last_clock()
    is_tolling = forms.BooleanField(
        label="It stops the clock",
        required=False,
        widget=Checkbox(),
        help_text="The due date moves by as much as the suspension lasts. Otherwise it stays.",
    )
    field_order = (
        "on", "time", "timezone", "until_on", "until_time", "is_tolling", "note", "evidence",
    )  # fmt: skip
    aliases = {"at": "time", "until": "until_on"}

    def also(self) -> dict[str, Any]:
        """Until when, and what it does to the due date."""
        return {**self.until(), "is_tolling": bool(self.cleaned_data.get("is_tolling"))}


class RestatementForm(FactForm):
    """How much is owed was changed."""

    kind = FactKind.RESTATEMENT
    heading = "Restate the target"
    advice = (
        "The parties have agreed on another quantity. It counts from the day on which that takes "
        "effect; what was performed before counts towards it."
    )
    done = "The target is restated."

    quantity = forms.DecimalField(label="New target", required=False, widget=Number())
    on = _day("Takes effect on")
    field_order = ("quantity", "on", "time", "timezone", "note", "evidence")

    def prepare(self, as_of: datetime) -> None:
        """Say what the target is now."""
        super().prepare(as_of)
        target = _target(self.deadline)
        self.fields["quantity"].help_text = f"Now {target}." if target else "There is none."

    def also(self) -> dict[str, Any]:
        """How much is owed now."""
        return given({"quantity": self.cleaned_data.get("quantity")})


class TriggerForm(FactForm):
    """What a dormant deadline waits for has happened."""

    kind = FactKind.TRIGGER
    heading = "Record the trigger"
    advice = (
        "What it waits for has happened, and is not entered as a milestone or a fact of another "
        "obligation. Its due date is counted from then."
    )
    done = "The trigger is recorded."

    on = _day("Happened on")


class DeterminationForm(FactForm):
    """What the desk itself concludes."""

    kind = FactKind.DETERMINATION
    heading = "Record a determination"
    advice = (
        "What the desk itself concludes, on evidence. Met: it was met on that day. Partly met, or "
        "not met: so much is accepted of all that was performed up to then, whatever was recorded "
        "of it. By its day alone it counts from the start of that day."
    )
    done = "The determination is recorded."
    aliases = {"at": "time", "supersedes": "replaces"}

    verdict = fields.choice(Conclusion, label="The desk concludes that it is")
    share = forms.DecimalField(
        required=False,
        widget=Number(),
        help_text="If it is partly met: how much of the whole is accepted, such as 0.6.",
    )
    quantity = forms.DecimalField(label="Or quantity", required=False, widget=Number())
    note = fields.Prose(label="Reasons", required=True, help_text="On what it rests, and why.")
    replaces = forms.ChoiceField(
        label="In place of",
        required=False,
        widget=Choice(),
        help_text="An earlier determination, which then counts no more. It stays on record.",
    )
    field_order = (
        "verdict", "share", "quantity", "on", "time", "timezone", "note", "evidence", "replaces",
    )  # fmt: skip

    def prepare(self, as_of: datetime) -> None:
        """A part is asked for only where there can be one, and a quantity where there is a
        target."""
        super().prepare(as_of)
        target = _target(self.deadline)
        if target:
            self.fields["quantity"].help_text = f"Accepted in all, of {target}."
        else:
            del self.fields["quantity"]
        if self.deadline.obligation.kind != ObligationKind.ACHIEVE.value:
            del self.fields["share"]
            wanted = (Conclusion.MET, Conclusion.UNDETERMINED)
            words = [each for each in fields.choices_of(Conclusion) if each[0] in wanted]
            _offer(self, "verdict", [fields.UNCHOSEN, *words])
        earlier = [
            (str(fact.pk), _named(fact))
            for fact in standing_facts(self.deadline)
            if fact.kind == FactKind.DETERMINATION.value
        ]
        _offer(self, "replaces", [("", "None"), *earlier])
        if not earlier:
            del self.fields["replaces"]

    def also(self) -> dict[str, Any]:
        """What is concluded, how much of it is accepted, and in place of what."""
        names = ("verdict", "share", "quantity")
        values = given({name: self.cleaned_data.get(name) for name in names})
        replaced = self.cleaned_data.get("replaces")
        return {**values, "supersedes": int(replaced)} if replaced else values


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


class RetractionForm(DeadlineForm):
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
        _offer_facts(self, self.deadline)

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record the retraction."""
        self.submit_fact(_retraction(self.cleaned_data), by=by, as_of=as_of)


def _offer_facts(form: forms.Form, subject: Deadline | Agreement) -> None:
    rows = [(str(fact.pk), _named(fact)) for fact in standing_facts(subject)]
    _offer(form, "fact", rows)
    if not rows:
        what = "deadline" if isinstance(subject, Deadline) else "agreement"
        form.fields["fact"].help_text = f"Nothing that counts is recorded on this {what}."


def _named(fact: Fact) -> str:
    verdict = f" ({fact.verdict.replace('_', ' ')})" if fact.verdict else ""
    day = fact.effective_on or local_text(fact.effective_at, UTC)
    return f"{fact.kind}{verdict} of {day}" + (f": {fact.note}" if fact.note else "")


def _retraction(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": FactKind.RETRACTION.value,
        "supersedes": int(values["fact"]),
        "note": values.get("note") or "",
    }


class PositionForm(DeadlineForm):
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
        positions.state(deadline=self.deadline, draft=draft, by=by, as_of=as_of)


class EvidenceForm(DeadlineForm):
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
        evidence.add(
            agreement=self.deadline.agreement,
            draft=read(EvidenceDraft, values),
            by=by,
            as_of=as_of,
        )


class AcknowledgementForm(DeadlineForm):
    """Somebody is at a breach."""

    heading = "Acknowledge the breach"
    advice = (
        "You say that you are at it: nobody else is called, for a week unless you say until when. "
        "If it still goes on then, those who are next are called. The breach stays on record."
    )
    done = "The breach is acknowledged."
    submit = "I am at it"
    aliases = until.ALIASES

    until_on = until.day(help_text="Empty: for a week.")
    until_time = until.clock()
    timezone = _zone()

    def __init__(self, *args: Any, breach: Breach, **kwargs: Any) -> None:
        self.breach = breach
        super().__init__(*args, **kwargs)

    def record(self, *, by: User, as_of: datetime) -> None:
        """Acknowledge the breach."""
        values = given({"until_at": until.instant_of(self.cleaned_data)})
        draft = read(AcknowledgementDraft, values)
        breach = breaches.acknowledge(breach=self.breach, draft=draft, by=by, as_of=as_of)
        if breach.acknowledged_until is not None:
            self.done = f"Acknowledged until {utc_text(breach.acknowledged_until)}."


class AgreementForm(RecordForm):
    """A form about an agreement as a whole."""

    kind: ClassVar[FactKind]

    def __init__(self, *args: Any, agreement: Agreement, as_of: datetime, **kwargs: Any) -> None:
        zone_name = agreement.timezone or UTC
        super().__init__(*args, agreement=agreement, zone_name=zone_name, as_of=as_of, **kwargs)

    def values(self) -> dict[str, Any]:
        """What is said, as a draft reads it."""
        common = given({name: self.cleaned_data.get(name) for name in ("note", "evidence")})
        return {"type": self.kind.value, **self.when(), **common}

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record what befell the agreement."""
        draft = read(AgreementFactDraft, self.values())
        facts.record_of_agreement(agreement=self.agreement, draft=draft, by=by, as_of=as_of)


class AgreementFactForm(AgreementForm):
    """What every fact of an agreement is asked for."""

    on = _day()
    time = _clock()
    timezone = _zone()
    note = fields.Prose(help_text="What happened, and how it is known.")
    evidence = fields.Boxes(help_text="What supports it.")


class AgreementSuspensionForm(AgreementFactForm):
    """The whole agreement does not bind for a while."""

    kind = FactKind.SUSPENSION
    heading = "Suspend the agreement"
    advice = (
        "For a while it does not bind: no deadline of it is missed, and nothing is flagged. "
        "Obligations that survive the agreement are not reached."
    )
    done = "The suspension is recorded."
    submit = "Suspend the agreement"
    is_grave = True

    on = _day("Begins on")
    until_on = _last_day()
    until_time = _last_clock()
    is_tolling = forms.BooleanField(
        label="It stops the clock",
        required=False,
        widget=Checkbox(),
        help_text="Due dates move by as much as the suspension lasts. Otherwise they stay.",
    )
    field_order = SuspensionForm.field_order
    aliases = {"at": "time", "until": "until_on"}

    def values(self) -> dict[str, Any]:
        """Until when, and what it does to due dates."""
        is_tolling = bool(self.cleaned_data.get("is_tolling"))
        return {**super().values(), **self.until(), "is_tolling": is_tolling}


class TerminationForm(AgreementFactForm):
    """The agreement ended before its time."""

    kind = FactKind.TERMINATION
    heading = "Terminate the agreement"
    advice = (
        "It ends on that day: what is still open then falls away, and stays on record. "
        "Obligations that survive the agreement are not reached."
    )
    done = "The termination is recorded."
    submit = "Terminate the agreement"
    is_grave = True

    on = _day("Takes effect on")


class AgreementRetractionForm(AgreementForm):
    """What was recorded of the agreement was recorded by mistake."""

    kind = FactKind.RETRACTION
    heading = "Retract a suspension or termination"
    advice = "It stays on record, but counts no more: every deadline stands as it would without it."
    done = "It is retracted."
    submit = "Retract"
    is_grave = True
    aliases = {"supersedes": "fact"}

    fact = forms.ChoiceField(widget=Radio())
    note = fields.Prose(help_text="Why it is taken back.")

    def prepare(self, as_of: datetime) -> None:
        """Offer the facts that count."""
        _offer_facts(self, self.agreement)

    def values(self) -> dict[str, Any]:
        """What is taken back."""
        return _retraction(self.cleaned_data)
