"""What people hand in, checked: the shapes of agreement documents, API bodies and admin forms.

All three doors read the same shapes, so that what one accepts, the others accept. A draft is
well formed in itself; whether it fits what is stored is for the operations to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from compliance.domain.due_dates.due_rules import (
    MOST_CALENDARS,
    REF_FORM,
    CalendarName,
    CivilDay,
    DateRule,
    DueRule,
    Grace,
    OffsetRule,
    Ref,
    TimeZoneName,
)
from compliance.domain.limits import MOST_PROBLEMS, AtMost
from compliance.domain.problems import Invalid, Problem
from compliance.domain.vocabulary import (
    AgreementKind,
    AlertKind,
    Conclusion,
    EvidenceKind,
    FactKind,
    ObligationKind,
    PartyKind,
    PeriodUnit,
    Rhythm,
    RollUp,
    Severity,
    Stance,
    Verdict,
    WebhookKind,
)

FORMAT = "pacta.agreement/v1"
MOST_OUTCOMES = 100_000
"""Facts and positions of one obligation in a document."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE_BREAKS = re.compile(r"[\r\n\t\x85\u2028\u2029]")
_ATOM, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"{_ATOM}(?:\.{_ATOM})*@(?:localhost|(?:{_LABEL}\.)+(?=[A-Za-z0-9-]*[A-Za-z]){_LABEL})"
)
_BEGINS_WITH_A_DAY = re.compile(r"\s*\d{4}-\d\d-\d\d", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def _printable(text: str) -> str:
    if _UNPRINTABLE.search(text):
        sentence = "Remove the control characters."
        raise ValueError(sentence)
    return text


def _one_line(text: str) -> str:
    if _LINE_BREAKS.search(text):
        sentence = "Write it on one line, without line breaks or tabs."
        raise ValueError(sentence)
    return _printable(text)


def _not_a_number(value: object) -> object:
    # Pydantic reads a bare number as seconds since 1970; nobody writes an instant like that.
    is_number = isinstance(value, int | float | Decimal)
    if is_number or (isinstance(value, str) and not _BEGINS_WITH_A_DAY.match(value)):
        sentence = "Write the instant as 2025-05-14T16:00:00Z."
        raise ValueError(sentence)
    return value


def _in_range(value: datetime) -> datetime:
    # A day inside each end, so that no offset can push it out of the calendar.
    if not _FIRST_YEAR < value.year < _LAST_YEAR:
        sentence = f"Give an instant between the years {_FIRST_YEAR + 1} and {_LAST_YEAR - 1}."
        raise ValueError(sentence)
    return value.astimezone(UTC)


def _https(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^\s<>\"\\]+", url):
        sentence = "Give a whole address that starts with https:// or http://."
        raise ValueError(sentence)
    return url


def _email(address: str) -> str:
    # What mail servers take without extensions, and delivery with them. `=?` would begin a word
    # that mail programs decode, to another address or to line breaks.
    if not _ADDRESS.fullmatch(address) or "=?" in address:
        sentence = "Give one mail address, such as desk@example.org."
        raise ValueError(sentence)
    return address


def _not_an_address(ref: str) -> str:
    # `agreements/import/` is where documents are sent.
    if ref == "import":
        sentence = "This word is taken by the API: choose another."
        raise ValueError(sentence)
    return ref


def _all_different(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        sentence = "Name each only once."
        raise ValueError(sentence)
    return values


_PARTY_CODE = r"^[A-Z0-9][A-Z0-9_-]{0,31}$"
_AGREEMENT_REF = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"
_COUNTRY = r"^[A-Z]{2}$"
_DESK_CODE = r"^[a-z0-9][a-z0-9-]{0,31}$"
_TAG = r"^[^,]+$"

# What to say where a text does not fit one of these forms.
_FORMS = {
    _PARTY_CODE: "Write capital letters and digits, such as CHN; _ and - may follow. At most 32.",
    _AGREEMENT_REF: "Write small letters, digits and hyphens, such as geneva-2025. At most 64.",
    REF_FORM: "Write letters, digits, dots, hyphens and underscores, such as CN-2d. At most 64.",
    _DESK_CODE: "Write small letters, digits and hyphens, such as hq. At most 32.",
    _COUNTRY: "Write the two capital letters of the country, such as CN.",
    _TAG: "Leave out the comma: it separates tags.",
}

_STRIPPED = StringConstraints(strip_whitespace=True)
Line = Annotated[str, _STRIPPED, Field(max_length=200), AfterValidator(_one_line)]
Title = Annotated[str, _STRIPPED, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Text = Annotated[str, _STRIPPED, Field(max_length=20_000), AfterValidator(_printable)]
Url = Annotated[str, _STRIPPED, Field(max_length=2_000), AfterValidator(_https)]
Email = Annotated[
    str, _STRIPPED, Field(max_length=254), AfterValidator(_one_line), AfterValidator(_email)
]
PartyCode = Annotated[str, Field(pattern=_PARTY_CODE)]
AgreementRef = Annotated[
    str,
    Field(pattern=_AGREEMENT_REF),
    AfterValidator(_not_an_address),
]
DeskCode = Annotated[str, Field(pattern=_DESK_CODE)]
Country = Annotated[str, Field(pattern=_COUNTRY)]
Tag = Annotated[
    str,
    _STRIPPED,
    Field(min_length=1, max_length=64, pattern=_TAG),
    AfterValidator(_one_line),
]
Instant = Annotated[AwareDatetime, BeforeValidator(_not_a_number), AfterValidator(_in_range)]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=20, decimal_places=6)]
Share = Annotated[Decimal, Field(gt=0, lt=1, decimal_places=6)]
Refs = Annotated[tuple[Ref, ...], AtMost(1_000), AfterValidator(_all_different)]


class Draft(BaseModel):
    """A frozen value read from outside; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PartyDraft(Draft):
    """A party: who can owe or be owed."""

    code: PartyCode
    name: Title
    kind: PartyKind
    country: Country | None = None
    timezone: TimeZoneName


class ParticipantDraft(PartyDraft):
    """A party in an agreement document, with the role it plays there."""

    role: Line = ""


class MembershipDraft(Draft):
    """A stored party, named as a party to an agreement."""

    code: PartyCode
    role: Line = ""


class RungDraft(Draft):
    """One step of an alert ladder: so many days, or business days, before or after."""

    count: Annotated[int, Field(ge=1, le=366)]
    unit: Literal[PeriodUnit.DAYS, PeriodUnit.BUSINESS_DAYS] = PeriodUnit.DAYS


Rungs = Annotated[tuple[RungDraft, ...], AtMost(12), AfterValidator(_all_different)]


class LadderDraft(Draft):
    """When people are reminded before a due date, and told again after a miss."""

    reminders: Rungs = ()
    escalations: Rungs = ()


def dump_ladder(draft: LadderDraft | None) -> dict[str, Any] | None:
    """A ladder as it is stored."""
    return None if draft is None else draft.model_dump(mode="json")


class _AgreementTerms(Draft):
    ref: AgreementRef
    title: Title
    kind: AgreementKind
    signed_on: CivilDay | None = None
    in_force_on: CivilDay | None = None
    ends_on: CivilDay | None = None
    timezone: TimeZoneName | None = None
    calendars: Annotated[
        tuple[CalendarName, ...], AtMost(MOST_CALENDARS), AfterValidator(_all_different)
    ] = ()
    is_four_eyes: bool = False
    ladder: LadderDraft | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        begin = self.in_force_on or self.signed_on
        if self.ends_on is not None and begin is not None and self.ends_on < begin:
            sentence = f"ends_on {self.ends_on} lies before the agreement begins on {begin}."
            raise ValueError(sentence)
        return self


class MilestoneDraft(Draft):
    """An event to count from: on a civil day, at an instant, or not dated yet."""

    ref: Ref
    title: Line = ""
    on: CivilDay | None = None
    at: Instant | None = None

    @model_validator(mode="after")
    def _is_dated_once(self) -> Self:
        if self.on is not None and self.at is not None:
            sentence = "Give on (a day) or at (an instant), or neither as long as it is open."
            raise ValueError(sentence)
        return self


def _each_ref_once(drafts: tuple[MilestoneDraft, ...]) -> tuple[MilestoneDraft, ...]:
    refs = [draft.ref for draft in drafts]
    for ref in refs:
        if refs.count(ref) > 1:
            sentence = f"The milestone {ref} stands twice: name each once."
            raise ValueError(sentence)
    return drafts


Milestones = Annotated[tuple[MilestoneDraft, ...], AtMost(500), AfterValidator(_each_ref_once)]


class AgreementDraft(_AgreementTerms):
    """An agreement between parties that are stored already."""

    milestones: Milestones = ()
    parties: Annotated[tuple[MembershipDraft, ...], Field(min_length=1), AtMost(500)]


class ClosingDayDraft(Draft):
    """A day on which the desk is closed."""

    on: CivilDay
    reason: Title


def _each_day_once(days: tuple[ClosingDayDraft, ...]) -> tuple[ClosingDayDraft, ...]:
    seen = {day.on for day in days}
    if len(seen) != len(days):
        sentence = "Name each day only once."
        raise ValueError(sentence)
    return days


class DeskCalendarDraft(Draft):
    """A calendar that the desk keeps itself: weekdays (0 is Monday) and days that are closed."""

    code: DeskCode
    title: Title
    weekend: Annotated[frozenset[Annotated[int, Field(ge=0, le=6)]], AtMost(7)] = frozenset({5, 6})
    closing_days: Annotated[
        tuple[ClosingDayDraft, ...], AtMost(5_000), AfterValidator(_each_day_once)
    ] = ()


class DayOrInstant(Draft):
    """When something holds: a civil day (`on`) or an instant (`at`), one of the two."""

    on: CivilDay | None = None
    at: Instant | None = None

    @model_validator(mode="after")
    def _is_dated(self) -> Self:
        _refuse_unless_dated_once(self)
        return self


Until = CivilDay | Instant
"""The end of what lasts: its last civil day, or the instant at which it is over."""


def _day_or_instant(value: object) -> object:
    """Leave a text of a day's length to be read as a day, so that its problems are a day's."""
    is_long = isinstance(value, str) and len(value.strip()) > len("2025-05-14")
    if is_long or isinstance(value, datetime):
        return _INSTANT.validate_python(value)
    return value if value is None else _DAY.validate_python(value)


_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
_DAY: TypeAdapter[date] = TypeAdapter(CivilDay)


class _LastingDraft(DayOrInstant):
    """A fact, some of which last `until` a day, that day included, or until an instant."""

    until: Annotated[Until | None, BeforeValidator(_day_or_instant)] = None
    is_tolling: bool = False
    note: Text = ""
    evidence: Refs = ()
    supersedes: Annotated[int, Field(gt=0, lt=2**63)] | None = None

    @property
    def kind(self) -> FactKind:
        """What kind of fact it is."""
        kind: FactKind = getattr(self, "type")  # noqa: B009 -- each shape allows other kinds
        return kind

    @model_validator(mode="after")
    def _is_dated(self) -> Self:
        if self.kind is not FactKind.RETRACTION:
            _refuse_unless_dated_once(self)
        elif self.on is not None or self.at is not None:
            sentence = "A retraction has no date of its own: leave out on and at."
            raise ValueError(sentence)
        elif self.supersedes is None:
            sentence = "A retraction names in supersedes the id of the fact that it takes back."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.until is not None and self.kind not in _LASTING:
            sentence = "Only a violation or a suspension lasts until a day or an instant."
            raise ValueError(sentence)
        if self.is_tolling and self.kind is not FactKind.SUSPENSION:
            sentence = "Only a suspension can toll (stop the clock)."
            raise ValueError(sentence)
        begin = self.on or self.at
        if self.until is not None and type(begin) is type(self.until):
            is_day = not isinstance(self.until, datetime)
            if self.until < begin or (self.until == begin and not is_day):
                sentence = f"It ends {self.until} before it begins {begin}: correct until."
                raise ValueError(sentence)
        return self


_LASTING = frozenset({FactKind.VIOLATION, FactKind.SUSPENSION})
_WITH_QUANTITY = frozenset({FactKind.PERFORMANCE, FactKind.RESTATEMENT, FactKind.DETERMINATION})


class FactDraft(_LastingDraft):
    """A fact about a deadline. An extension needs its new `due`, a restatement the new target as
    its `quantity`; a determination needs its `verdict` and in its `note` the reasons, and if it
    was partly met the `quantity` or the `share` that is accepted in all; a retraction needs the
    fact that it `supersedes` and takes its instant from there."""

    type: FactKind
    quantity: Quantity | None = None
    verdict: Conclusion | None = None
    share: Share | None = None
    due: DueRule | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if self.type is FactKind.TERMINATION:
            sentence = "A termination is of a whole agreement: record it there, or a cancellation."
            raise ValueError(sentence)
        if (self.type is FactKind.EXTENSION) != (self.due is not None):
            sentence = "An extension, and nothing else, names the new due (a due rule)."
            raise ValueError(sentence)
        if self.due is not None and not isinstance(self.due, DateRule | OffsetRule):
            sentence = "An extension names one new date: use a rule of the type date or offset."
            raise ValueError(sentence)
        if self.quantity is not None and self.type not in _WITH_QUANTITY:
            sentence = "Only a performance or a restatement has a quantity."
            raise ValueError(sentence)
        if self.type is FactKind.RESTATEMENT and self.quantity is None:
            sentence = "A restatement names the new target as its quantity."
            raise ValueError(sentence)
        if self.type is FactKind.DETERMINATION:
            self._gives_reasons()
        elif self.verdict is not None or self.share is not None:
            sentence = "Only a determination has a verdict and a share."
            raise ValueError(sentence)
        return self

    def _gives_reasons(self) -> None:
        if self.verdict is None:
            sentence = "A determination says what the desk concludes: give its verdict."
            raise ValueError(sentence)
        if not self.note:
            sentence = "A determination rests on reasons: give them as its note."
            raise ValueError(sentence)
        amounts = [each for each in (self.quantity, self.share) if each is not None]
        if self.verdict is Conclusion.PARTLY_MET and len(amounts) != 1:
            sentence = "Say how much was met in all: as a quantity, or as a share between 0 and 1."
            raise ValueError(sentence)
        if self.verdict is not Conclusion.PARTLY_MET and amounts:
            sentence = "Only what was partly met has a quantity or a share."
            raise ValueError(sentence)


class AgreementFactDraft(_LastingDraft):
    """What befell a whole agreement: it was suspended, or terminated. It reaches every deadline
    that is open then, but for those of obligations that survive."""

    type: Literal[FactKind.SUSPENSION, FactKind.TERMINATION, FactKind.RETRACTION]


class PositionDraft(DayOrInstant):
    """What one party says of a deadline."""

    party: PartyCode
    verdict: Verdict
    quote: Text = ""
    evidence: Refs = ()


class EvidenceDraft(Draft):
    """A document or statement that bears on obligations of one agreement, or on some of their
    deadlines. A look is the log of a search that found nothing; its day is `published_on`."""

    ref: Ref
    title: Title
    kind: EvidenceKind
    url: Url = ""
    quote: Text = ""
    published_on: CivilDay | None = None
    asserted_by: PartyCode | None = None
    stance: Stance
    obligations: Refs = ()
    deadlines: Annotated[
        tuple[Annotated[int, Field(gt=0, lt=2**63)], ...],
        AtMost(1_000),
        AfterValidator(_all_different),
    ] = ()


class ObligationDraft(Draft):
    """One duty. What is to be achieved has no deadline of its own without a `due` rule; what is
    to be maintained, or refrained from, then lasts without an end. `starts` says from when.
    `roll_up` says how many of its components must be done for it to be done."""

    ref: Ref
    title: Title
    kind: ObligationKind = ObligationKind.ACHIEVE
    obligors: Annotated[
        tuple[PartyCode, ...],
        Field(min_length=1),
        AtMost(100),
        AfterValidator(_all_different),
    ]
    obligees: Annotated[
        tuple[PartyCode, ...],
        Field(min_length=1),
        AtMost(100),
        AfterValidator(_all_different),
    ]
    clause: Line = ""
    text: Text = ""
    due: DueRule | None = None
    grace: Grace | None = None
    starts: DueRule | None = None
    is_surviving: bool = False
    severity: Severity = Severity.NORMAL
    tags: Annotated[tuple[Tag, ...], AtMost(50), AfterValidator(_all_different)] = ()
    owner: Email | None = None
    parent: Ref | None = None
    roll_up: RollUp = RollUp.ALL
    roll_up_share: Annotated[Decimal, Field(gt=0, le=1, decimal_places=6)] | None = None
    target_quantity: Quantity | None = None
    unit: Line = ""
    ladder: LadderDraft | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind is ObligationKind.ACHIEVE and self.starts is not None:
            sentence = "Only what is to be maintained, or refrained from, has a start."
            raise ValueError(sentence)
        if self.kind is not ObligationKind.ACHIEVE:
            self._is_a_period()
        if self.grace is not None and self.due is None:
            sentence = "A grace period needs a due rule to follow."
            raise ValueError(sentence)
        if self.unit and self.target_quantity is None:
            sentence = "A unit needs a target_quantity."
            raise ValueError(sentence)
        if (self.roll_up is RollUp.SHARE) != (self.roll_up_share is not None):
            sentence = "To roll up by share, and only then, give roll_up_share, such as 0.75."
            raise ValueError(sentence)
        if self.parent == self.ref:
            sentence = "An obligation cannot be a component of itself."
            raise ValueError(sentence)
        return self

    def _is_a_period(self) -> None:
        if self.grace is not None:
            sentence = "A grace period belongs to what is to be achieved: leave it out."
            raise ValueError(sentence)
        if self.target_quantity is not None:
            sentence = "A target belongs to what is to be achieved: leave it out."
            raise ValueError(sentence)
        if self.starts is not None and not isinstance(self.starts, DateRule | OffsetRule):
            sentence = "A period starts once: use a rule of the type date or offset."
            raise ValueError(sentence)


class DocumentFact(FactDraft):
    """A fact in a document; of several deadlines, `due_on` names the one that it is about.
    `recorded_at` is when it became known, if that was before the document is loaded."""

    due_on: CivilDay | None = None
    recorded_at: Instant | None = None


class DocumentPosition(PositionDraft):
    """A position in a document; of several deadlines, `due_on` names the one it is about.
    `recorded_at` is when it became known, if that was before the document is loaded."""

    due_on: CivilDay | None = None
    recorded_at: Instant | None = None


class DocumentAgreementFact(AgreementFactDraft):
    """A fact of the whole agreement in a document, with when it became known."""

    recorded_at: Instant | None = None


class DocumentEvidence(EvidenceDraft):
    """A piece of evidence in a document, with when it became known."""

    recorded_at: Instant | None = None

    @model_validator(mode="after")
    def _names_no_stored_deadlines(self) -> Self:
        if self.deadlines:
            sentence = "A document cannot name stored deadlines: name obligations."
            raise ValueError(sentence)
        return self


class DocumentObligation(ObligationDraft):
    """An obligation in a document, with what is known of it."""

    facts: Annotated[tuple[DocumentFact, ...], AtMost(MOST_OUTCOMES)] = ()
    positions: Annotated[tuple[DocumentPosition, ...], AtMost(MOST_OUTCOMES)] = ()


class AgreementDocument(_AgreementTerms):
    """A whole agreement: parties, obligations, and what is known of them.

    With a `recorded_at` anywhere it tells a history. The agreement itself was then known from its
    own `recorded_at` on, or else from its beginning.
    """

    format: Literal["pacta.agreement/v1"]
    recorded_at: Instant | None = None
    parties: Annotated[tuple[ParticipantDraft, ...], Field(min_length=1), AtMost(500)]
    milestones: Milestones = ()
    evidence: Annotated[tuple[DocumentEvidence, ...], AtMost(20_000)] = ()
    facts: Annotated[tuple[DocumentAgreementFact, ...], AtMost(1_000)] = ()
    obligations: Annotated[tuple[DocumentObligation, ...], AtMost(20_000)] = ()

    @property
    def tells_a_history(self) -> bool:
        """Whether any part of it says when it became known."""
        parts: list[Any] = [self, *self.evidence, *self.facts]
        for each in self.obligations:
            parts += [*each.facts, *each.positions]
        return any(part.recorded_at is not None for part in parts)


_OF_A_MISS = frozenset({AlertKind.MISSED, AlertKind.ESCALATED, AlertKind.UNSILENCED})


class SubscriptionDraft(Draft):
    """Who is told of what, and when. What it names narrows it; without any it follows all.

    Told at once, except in the quiet hours, or by a digest at an hour of the subscriber's zone.
    """

    email: Email | None = None
    webhook: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    agreement: AgreementRef | None = None
    party: PartyCode | None = None
    tag: Tag | None = None
    min_severity: Severity = Severity.LOW
    is_owner: bool = False
    kinds: Annotated[
        tuple[AlertKind, ...], AtMost(len(AlertKind)), AfterValidator(_all_different)
    ] = ()
    from_escalation: Annotated[int, Field(ge=0, le=12)] = 0
    rhythm: Rhythm = Rhythm.AT_ONCE
    digest_hour: Annotated[int, Field(ge=0, le=23)] = 8
    digest_weekday: Annotated[int, Field(ge=0, le=6)] = 0
    quiet_from: time | None = None
    quiet_until: time | None = None
    timezone: TimeZoneName = "UTC"
    is_active: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.email is None) == (self.webhook is None):
            sentence = "Give either email (an address) or webhook (its id)."
            raise ValueError(sentence)
        if (self.quiet_from is None) != (self.quiet_until is None):
            sentence = "Quiet hours need both quiet_from and quiet_until."
            raise ValueError(sentence)
        for at in (self.quiet_from, self.quiet_until):
            if at is not None and at.tzinfo is not None:
                sentence = "Write quiet hours without an offset: they are in `timezone`."
                raise ValueError(sentence)
        if self.is_owner and self.email is None:
            sentence = "Only a mail address can own obligations."
            raise ValueError(sentence)
        if self.kinds and self.from_escalation and AlertKind.ESCALATED not in self.kinds:
            sentence = "With from_escalation, kinds must name escalated: nothing else comes first."
            raise ValueError(sentence)
        if AlertKind.RECOVERED in self.kinds and not _OF_A_MISS & set(self.kinds):
            sentence = (
                "Only those who were told of a miss are told that it is over: name missed, "
                "escalated or unsilenced in kinds, too."
            )
            raise ValueError(sentence)
        return self


class AcknowledgementDraft(Draft):
    """That somebody is at a breach, and until when escalations are to wait; a week if not said."""

    until_at: Instant | None = None


class SilenceDraft(Draft):
    """Why, and until when, alerts about an agreement (or one deadline of it) are held back."""

    agreement: AgreementRef
    deadline: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    until_at: Instant
    reason: Title


class FeedDraft(Draft):
    """A private calendar of the deadlines of one agreement, or of all."""

    name: Title
    agreement: AgreementRef | None = None


class WebhookDraft(Draft):
    """A web address to be told: a receiver of Standard Webhooks, or a chat."""

    name: Title
    kind: WebhookKind = WebhookKind.STANDARD
    url: Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_one_line)]
    is_active: bool = True


def _refuse_unless_dated_once(draft: DayOrInstant) -> None:
    if (draft.on is None) == (draft.at is None):
        sentence = "Give either on (a day) or at (an instant with its offset)."
        raise ValueError(sentence)


ModelT = TypeVar("ModelT", bound=BaseModel)


def read(model: type[ModelT], value: object) -> ModelT:
    """Check `value` (plain JSON-like data) against a draft.

    Raises:
        Invalid: with every problem and its path in the value.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Invalid(problems_of(error)) from None


def problems_of(error: ValidationError) -> list[Problem]:
    """A validation error as problems, `MOST_PROBLEMS` at most, each with a path and a sentence."""
    found = error.errors(include_url=False, include_input=True)
    # A list with a bad item is also called too short, once that item does not count.
    parents = {each["loc"][:length] for each in found for length in range(len(each["loc"]))}
    return [
        Problem(path="/".join(map(str, each["loc"])), detail=_sentence(each))
        for each in found
        if each["type"] != "too_short" or each["loc"] not in parents
    ][:MOST_PROBLEMS]


def _sentence(error: Mapping[str, Any]) -> str:
    kind = error["type"]
    if kind in {"extra_forbidden", "unexpected_keyword_argument"}:
        return "There is no such field here: correct its name or leave it out."
    if kind == "missing":
        return "This field is required."
    if kind == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        return _FORMS.get(pattern, f"Does not fit the form {pattern}.")
    if kind == "too_short":
        return "Name at least one."
    message: str = error["msg"].removeprefix("Value error, ")
    return message if message.endswith(".") else f"{message}."
