"""Recording what is known: facts, positions, evidence. Nothing recorded is ever edited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from compliance.domain.civil_time import civil_day, day_end, day_start
from compliance.domain.drafts import (
    AgreementDocument,
    AgreementFactDraft,
    DayOrInstant,
    EvidenceDraft,
    FactDraft,
    PositionDraft,
)
from compliance.domain.due_rules import dump_due_rule
from compliance.domain.periods import Event
from compliance.domain.positions import Position as Word
from compliance.domain.positions import is_disputed
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.timeline import standing
from compliance.domain.vocabulary import FactKind, ObligationKind, Verdict
from compliance.models import (
    Agreement,
    Deadline,
    Evidence,
    Fact,
    Obligation,
    Party,
    Position,
    User,
)
from compliance.models.facts import fact_of
from compliance.operations import course, schedule

# How far the clock of whoever reports a performance may be ahead of ours.
CLOCK_SKEW = timedelta(minutes=5)


@transaction.atomic
def record(*, deadline: Deadline, draft: FactDraft, by: User | None, as_of: datetime) -> Fact:
    """Record a fact about a deadline and settle it, and what hangs on it.

    Raises:
        Invalid: a fact that does not fit the obligation's kind, a performance in the future, an
            extension to a time that does not exist, a superseded fact that is not there or
            stands no more, or unknown evidence.
    """
    sets_dates = draft.type in {FactKind.EXTENSION, FactKind.TRIGGER} or draft.supersedes
    if deadline.has_dependents or sets_dates:
        # More deadlines than this one will be locked: those that hang on it, and its siblings.
        Agreement.objects.select_for_update(no_key=True).get(pk=deadline.agreement_id)
    deadline = _locked(deadline.pk)
    fact = _build(deadline, draft, by=by, as_of=as_of)
    evidence = _evidence(deadline.agreement, draft.evidence)
    fact.save()
    fact.evidence.add(*evidence)
    touched = {deadline.pk}
    if sets_dates:
        touched |= schedule.arrange([deadline.obligation_id], as_of=as_of).touched
    course.settle(touched, as_of=as_of)
    return fact


@transaction.atomic
def record_of_agreement(
    *, agreement: Agreement, draft: AgreementFactDraft, by: User | None, as_of: datetime
) -> Fact:
    """Record what befell a whole agreement and settle every deadline that it reaches.

    Raises:
        Invalid: a superseded fact that is not there or stands no more, or unknown evidence.
    """
    agreement = Agreement.objects.select_for_update(no_key=True).get(pk=agreement.pk)
    fact = _build_of_agreement(agreement, draft, by=by, as_of=as_of)
    evidence = _evidence(agreement, draft.evidence)
    fact.save()
    fact.evidence.add(*evidence)
    course.settle(_reached(agreement), as_of=as_of)
    return fact


def _reached(agreement: Agreement) -> set[int]:
    """The deadlines that facts of an agreement reach."""
    return set(
        Deadline.objects.filter(agreement=agreement, obligation__is_surviving=False).values_list(
            "id", flat=True
        )
    )


@transaction.atomic
def state_position(
    *, deadline: Deadline, draft: PositionDraft, by: User | None, as_of: datetime
) -> Position:
    """Record what a party says of a deadline. It may make the deadline disputed.

    Raises:
        Invalid: the party is none of the agreement's, or the evidence is unknown.
    """
    deadline = _locked(deadline.pk)
    members = {party.code: party for party in deadline.agreement.parties.all()}
    position = _position(deadline, draft, members, by=by, as_of=as_of)
    evidence = _evidence(deadline.agreement, draft.evidence)
    position.save()
    position.evidence.add(*evidence)
    _mark_disputes([deadline.pk])
    return position


@transaction.atomic
def add_evidence(
    *, agreement: Agreement, draft: EvidenceDraft, by: User | None, as_of: datetime
) -> Evidence:
    """Store a piece of evidence.

    Raises:
        Invalid: its ref is taken, or it names a party or obligation that is not there.
    """
    agreement = Agreement.objects.select_for_update(no_key=True).get(pk=agreement.pk)
    if agreement.evidence.filter(ref=draft.ref).exists():
        sentence = f"{agreement.ref} already has evidence {draft.ref}: choose another ref."
        raise refusal("ref", sentence)
    refs = dict(agreement.obligations.values_list("ref", "id"))
    members = {party.code: party for party in agreement.parties.all()}
    problems = _evidence_problems(draft, refs, members)
    if problems:
        raise Invalid(problems)
    evidence = _evidence_row(agreement, draft, members, by=by, as_of=as_of)
    evidence.save()
    evidence.obligations.add(*(refs[ref] for ref in draft.obligations))
    return evidence


@dataclass(kw_only=True, slots=True)
class Added:
    """What of a document was not known yet."""

    facts: int = 0
    positions: int = 0
    evidence: int = 0
    deadline_ids: set[int] = field(default_factory=set)


def add_known(
    *, agreement: Agreement, document: AgreementDocument, by: User | None, as_of: datetime
) -> Added:
    """Add the evidence, facts and positions of a document that are not stored yet.

    The caller holds the agreement locked, and settles `deadline_ids` in the same transaction.

    Raises:
        Invalid: with every problem and its path in the document.
    """
    added = Added()
    members = {party.code: party for party in agreement.parties.all()}
    refs = dict(agreement.obligations.values_list("ref", "id"))
    problems: list[Problem] = []
    _add_evidence_of(document, agreement, refs, members, problems, added, by=by, as_of=as_of)
    known_evidence = {each.ref: each for each in agreement.evidence.all()}
    deadlines: dict[int, list[Deadline]] = defaultdict(list)
    for each in (
        Deadline.objects.filter(agreement=agreement, is_withdrawn=False)
        .select_related("obligation", "agreement")
        .order_by("id")
        .select_for_update(no_key=True, of=("self",))
    ):
        deadlines[each.obligation_id].append(each)
    stored_facts = _by_deadline(Fact.objects.filter(deadline__agreement=agreement))
    stored_words = _by_deadline(Position.objects.filter(deadline__agreement=agreement))
    facts: list[tuple[Fact, Sequence[str]]] = []
    words: list[tuple[Position, Sequence[str]]] = []
    for index, draft in enumerate(document.obligations):
        path = f"obligations/{index}"
        several = deadlines.get(refs.get(draft.ref, 0), [])
        if not several:
            if draft.facts or draft.positions:
                detail = "Without a due rule there is no deadline to record facts or positions on."
                problems.append(Problem(path=f"{path}/due", detail=detail))
            continue
        for number, fact_draft in enumerate(draft.facts):
            with _Collect(problems, f"{path}/facts/{number}"):
                deadline = _meant(several, fact_draft.due_on)
                if fact_draft.supersedes is not None:
                    sentence = "A document cannot name stored facts: leave supersedes out."
                    raise refusal("supersedes", sentence)
                _refuse_unknown(fact_draft.evidence, known_evidence)
                fact = _build(deadline, fact_draft, by=by, as_of=as_of)
                if not _take(stored_facts[deadline.pk], fact, _fact_identity(fact)):
                    facts.append((fact, fact_draft.evidence))
        for number, position_draft in enumerate(draft.positions):
            with _Collect(problems, f"{path}/positions/{number}"):
                deadline = _meant(several, position_draft.due_on)
                _refuse_unknown(position_draft.evidence, known_evidence)
                word = _position(deadline, position_draft, members, by=by, as_of=as_of)
                dated = () if word.stated_on else ("stated_at",)
                if not _take(stored_words[deadline.pk], word, (*_POSITION_IDENTITY, *dated)):
                    words.append((word, position_draft.evidence))
    general = _add_of_agreement(
        agreement, document, known_evidence, problems, facts, by=by, as_of=as_of
    )
    if problems:
        raise Invalid(problems)
    Fact.objects.bulk_create(fact for fact, _ in facts)
    Position.objects.bulk_create(word for word, _ in words)
    for fact, fact_refs in facts:
        fact.evidence.add(*(known_evidence[ref] for ref in fact_refs))
    for word, word_refs in words:
        word.evidence.add(*(known_evidence[ref] for ref in word_refs))
    _mark_disputes({word.deadline_id for word, _ in words})
    added.facts = len(facts)
    added.positions = len(words)
    added.deadline_ids = {fact.deadline_id for fact, _ in facts if fact.deadline_id is not None}
    redated = [
        fact.deadline_id for fact, _ in facts if fact.deadline_id and fact.due_at is not None
    ]
    concerned = Deadline.objects.filter(id__in=redated).values_list("obligation_id", flat=True)
    added.deadline_ids |= schedule.arrange(concerned, as_of=as_of).touched
    if general:
        added.deadline_ids |= _reached(agreement)
    return added


def _meant(deadlines: Sequence[Deadline], due_on: date | None) -> Deadline:
    """The one of an obligation's deadlines that a document speaks of."""
    if due_on is None:
        if len(deadlines) > 1:
            sentence = "This obligation recurs: name in due_on the day of the deadline it is about."
            raise refusal("due_on", sentence)
        return deadlines[0]
    # One may have been moved to the day on which another was due at first.
    for name in ("original_due_on", "due_on"):
        for deadline in deadlines:
            if getattr(deadline, name) == due_on:
                return deadline
    raise refusal("due_on", f"No deadline of this obligation is due on {due_on}.")


def _add_of_agreement(
    agreement: Agreement,
    document: AgreementDocument,
    known_evidence: Mapping[str, Evidence],
    problems: list[Problem],
    facts: list[tuple[Fact, Sequence[str]]],
    *,
    by: User | None,
    as_of: datetime,
) -> int:
    """Add what befell the whole agreement to `facts`; how many there are is returned."""
    stored = list(Fact.objects.filter(agreement=agreement))
    count = 0
    for number, draft in enumerate(document.facts):
        with _Collect(problems, f"facts/{number}"):
            if draft.supersedes is not None:
                sentence = "A document cannot name stored facts: leave supersedes out."
                raise refusal("supersedes", sentence)
            _refuse_unknown(draft.evidence, known_evidence)
            fact = _build_of_agreement(agreement, draft, by=by, as_of=as_of)
            if not _take(stored, fact, _fact_identity(fact)):
                facts.append((fact, draft.evidence))
                count += 1
    return count


_FACT_IDENTITY = ("kind", "effective_on", "until_on", "is_tolling", "quantity", "rule", "note")
_POSITION_IDENTITY = ("party_id", "verdict", "stated_on", "quote")


def _fact_identity(fact: Fact) -> list[str]:
    # What is dated by its day is the same whatever instant that day began, or ended, at in the
    # zone of its time.
    names = list(_FACT_IDENTITY)
    if fact.effective_on is None:
        names.append("effective_at")
    if fact.until_on is None:
        names.append("until_at")
    return names


class _Collect:
    """Gathers the problems of a block under a path instead of stopping at the first."""

    def __init__(self, problems: list[Problem], path: str) -> None:
        self.problems = problems
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Invalid):
            return False
        self.problems += [problem.below(self.path) for problem in error.problems]
        return True


def _take(stored: list[Any], row: Any, names: Sequence[str]) -> bool:
    """Whether an equal row is stored; each stored row answers for one row of a document."""
    for index, other in enumerate(stored):
        if all(_identity(other, name) == _identity(row, name) for name in names):
            del stored[index]
            return True
    return False


def _identity(row: Any, name: str) -> object:
    # A rule may be stored without the fields that rules of its type have gained since.
    return schedule.rule_of(row.due) if name == "rule" else getattr(row, name)


def _by_deadline(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.deadline_id].append(row)
    return found


def _add_evidence_of(
    document: AgreementDocument,
    agreement: Agreement,
    refs: Mapping[str, int],
    members: Mapping[str, Party],
    problems: list[Problem],
    added: Added,
    *,
    by: User | None,
    as_of: datetime,
) -> None:
    known = set(agreement.evidence.values_list("ref", flat=True))
    seen: set[str] = set()
    for index, draft in enumerate(document.evidence):
        if draft.ref in seen:
            detail = f"The ref {draft.ref} stands twice in this document."
            problems.append(Problem(path=f"evidence/{index}/ref", detail=detail))
            continue
        seen.add(draft.ref)
        found = _evidence_problems(draft, refs, members)
        problems += [problem.below(f"evidence/{index}") for problem in found]
        if found or draft.ref in known:
            continue
        row = _evidence_row(agreement, draft, members, by=by, as_of=as_of)
        row.save()
        row.obligations.add(*(refs[ref] for ref in draft.obligations))
        added.evidence += 1


def _locked(deadline_id: int) -> Deadline:
    return (
        Deadline.objects.select_related("obligation", "agreement")
        .select_for_update(no_key=True, of=("self",))
        .get(pk=deadline_id)
    )


def _moment(draft: DayOrInstant, timezone: str) -> tuple[datetime, date | None]:
    """The instant from which a draft's word counts, and its civil day if that is all it gives."""
    if draft.on is not None:
        return day_start(draft.on, timezone), draft.on
    if draft.at is None:
        sentence = "The draft gives neither a day nor an instant."
        raise ValueError(sentence)
    return draft.at, None


def _build(deadline: Deadline, draft: FactDraft, *, by: User | None, as_of: datetime) -> Fact:
    fact = Fact(deadline=deadline, quantity=draft.quantity)
    rows = {row["id"]: row for row in Fact.objects.filter(deadline=deadline).values()}
    if not _fill(fact, draft, rows, deadline.timezone, by=by, as_of=as_of):
        return fact
    obligation = deadline.obligation
    _refuse_unfit(draft, obligation)
    if draft.type in _PAST and fact.effective_at > as_of + CLOCK_SKEW:
        today = civil_day(as_of, deadline.timezone)
        sentence = f"A {draft.type} cannot lie in the future; today is {today}."
        raise refusal("on" if draft.on else "at", sentence)
    due = None
    if draft.due is not None:
        fact.due = dump_due_rule(draft.due)
        due = schedule.due_of(deadline, draft.due)
    if draft.type is FactKind.TRIGGER:
        at = None if fact.effective_on else fact.effective_at
        on = fact.effective_on or civil_day(fact.effective_at, deadline.timezone)
        due = schedule.due_when_triggered(deadline, Event(on=on, at=at))
    if due is not None:
        fact.due_on, fact.due_at, fact.unmet_at = due.due_on, due.due_at, due.unmet_at
    return fact


# What has not happened yet cannot be recorded as having happened.
_PAST = frozenset({FactKind.PERFORMANCE, FactKind.VIOLATION, FactKind.TRIGGER})


def _build_of_agreement(
    agreement: Agreement, draft: AgreementFactDraft, *, by: User | None, as_of: datetime
) -> Fact:
    fact = Fact(agreement=agreement)
    rows = {row["id"]: row for row in Fact.objects.filter(agreement=agreement).values()}
    # A civil day begins for each deadline in its own zone; this one is only for show.
    _fill(fact, draft, rows, agreement.timezone or "UTC", by=by, as_of=as_of)
    return fact


def _fill(
    fact: Fact,
    draft: FactDraft | AgreementFactDraft,
    rows: Mapping[int, Mapping[str, Any]],
    timezone: str,
    *,
    by: User | None,
    as_of: datetime,
) -> bool:
    """Set what all facts have; whether there is more to set."""
    fact.kind = draft.type.value
    fact.note = draft.note
    fact.recorded_at = as_of
    fact.recorded_by = by
    if draft.supersedes is not None:
        fact.supersedes = _superseded(rows, draft.supersedes, timezone)
    if fact.supersedes is not None and draft.type is FactKind.RETRACTION:
        fact.effective_at = fact.supersedes.effective_at
        fact.effective_on = fact.supersedes.effective_on
        return False
    fact.effective_at, fact.effective_on = _moment(draft, timezone)
    fact.is_tolling = draft.is_tolling
    if isinstance(draft.until, datetime):
        fact.until_at = draft.until
    elif draft.until is not None:
        fact.until_on = draft.until
        fact.until_at = day_end(draft.until, timezone)
    if fact.until_at is not None and fact.until_at <= fact.effective_at:
        raise refusal("until", "It ends before it begins: correct until.")
    return True


def _refuse_unfit(draft: FactDraft, obligation: Obligation) -> None:
    """Refuse a kind of fact that this kind of obligation cannot have."""
    is_achieved = obligation.kind == ObligationKind.ACHIEVE
    if draft.type is FactKind.VIOLATION and is_achieved:
        sentence = "What is to be achieved is not violated: it is performed or not."
        raise refusal("type", sentence)
    if draft.type is FactKind.PERFORMANCE and not is_achieved:
        sentence = (
            f"What is to {obligation.kind} is not performed: it is met when its period ends "
            "without a violation. Record violations."
        )
        raise refusal("type", sentence)
    if draft.quantity is not None and obligation.target_quantity is None:
        sentence = "The obligation has no target_quantity to count towards: leave this out."
        raise refusal("quantity", sentence)


def _superseded(rows: Mapping[int, Mapping[str, Any]], fact_id: int, timezone: str) -> Fact:
    stands = {fact.id for fact in standing(fact_of(row, timezone) for row in rows.values())}
    if fact_id not in rows:
        raise refusal("supersedes", f"There is no fact {fact_id} here.")
    if fact_id not in stands:
        raise refusal("supersedes", f"Fact {fact_id} is already superseded, or is a retraction.")
    return Fact.objects.get(pk=fact_id)


def _position(
    deadline: Deadline,
    draft: PositionDraft,
    members: Mapping[str, Party],
    *,
    by: User | None,
    as_of: datetime,
) -> Position:
    if draft.party not in members:
        raise refusal("party", f"{draft.party} is no party to {deadline.agreement.ref}.")
    stated_at, stated_on = _moment(draft, deadline.timezone)
    return Position(
        deadline=deadline,
        party=members[draft.party],
        verdict=draft.verdict.value,
        stated_at=stated_at,
        stated_on=stated_on,
        quote=draft.quote,
        recorded_at=as_of,
        recorded_by=by,
    )


def _mark_disputes(deadline_ids: Iterable[int]) -> None:
    words: dict[int, list[Word]] = defaultdict(list)
    ids = list(deadline_ids)
    for row in Position.objects.filter(deadline_id__in=ids):
        words[row.deadline_id].append(
            Word(
                id=row.pk,
                party_id=row.party_id,
                verdict=Verdict(row.verdict),
                stated_at=row.stated_at,
            )
        )
    disputed = [pk for pk in ids if is_disputed(words[pk])]
    Deadline.objects.filter(id__in=disputed).update(is_disputed=True)
    Deadline.objects.filter(id__in=set(ids) - set(disputed)).update(is_disputed=False)


def _evidence(agreement: Agreement, refs: Sequence[str]) -> list[Evidence]:
    found = {each.ref: each for each in agreement.evidence.filter(ref__in=refs)}
    _refuse_unknown(refs, found)
    return [found[ref] for ref in refs]


def _refuse_unknown(refs: Sequence[str], known: Mapping[str, Evidence]) -> None:
    problems = [
        Problem(path=f"evidence/{index}", detail=f"There is no evidence {ref} in the agreement.")
        for index, ref in enumerate(refs)
        if ref not in known
    ]
    if problems:
        raise Invalid(problems)


def _evidence_problems(
    draft: EvidenceDraft, refs: Mapping[str, int], members: Mapping[str, Party]
) -> list[Problem]:
    problems = [
        Problem(path=f"obligations/{index}", detail=f"The agreement has no obligation {ref}.")
        for index, ref in enumerate(draft.obligations)
        if ref not in refs
    ]
    if draft.asserted_by is not None and draft.asserted_by not in members:
        detail = f"{draft.asserted_by} is no party to the agreement."
        problems.append(Problem(path="asserted_by", detail=detail))
    return problems


def _evidence_row(
    agreement: Agreement,
    draft: EvidenceDraft,
    members: Mapping[str, Party],
    *,
    by: User | None,
    as_of: datetime,
) -> Evidence:
    return Evidence(
        agreement=agreement,
        ref=draft.ref,
        title=draft.title,
        kind=draft.kind.value,
        url=draft.url,
        quote=draft.quote,
        published_on=draft.published_on,
        asserted_by=members[draft.asserted_by] if draft.asserted_by else None,
        stance=draft.stance.value,
        recorded_at=as_of,
        recorded_by=by,
    )
