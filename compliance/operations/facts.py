"""Recording what is known: facts, positions, evidence. Nothing recorded is ever edited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from compliance.domain.civil_time import civil_day, day_start
from compliance.domain.drafts import (
    AgreementDocument,
    DayOrInstant,
    EvidenceDraft,
    FactDraft,
    PositionDraft,
)
from compliance.domain.due_rules import dump_due_rule, parse_grace
from compliance.domain.positions import Position as Word
from compliance.domain.positions import is_disputed
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.timeline import standing
from compliance.domain.vocabulary import FactKind, Verdict
from compliance.models import Agreement, Deadline, Evidence, Fact, Party, Position, User
from compliance.models.facts import fact_of
from compliance.operations import course, obligations

# How far the clock of whoever reports a performance may be ahead of ours.
CLOCK_SKEW = timedelta(minutes=5)


@transaction.atomic
def record(*, deadline: Deadline, draft: FactDraft, by: User | None, as_of: datetime) -> Fact:
    """Record a fact about a deadline and settle it.

    Raises:
        Invalid: a performance in the future, an extension to a time that does not exist, a
            superseded fact that is not there or stands no more, or unknown evidence.
    """
    deadline = _locked(deadline.pk)
    fact = _build(deadline, draft, by=by, as_of=as_of)
    evidence = _evidence(deadline.agreement, draft.evidence)
    fact.save()
    fact.evidence.add(*evidence)
    course.settle([deadline.pk], as_of=as_of)
    return fact


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
    deadlines = {
        each.obligation_id: each
        for each in Deadline.objects.filter(agreement=agreement)
        .select_related("obligation", "agreement")
        .order_by("id")
        .select_for_update(no_key=True, of=("self",))
    }
    stored_facts = _by_deadline(Fact.objects.filter(deadline__agreement=agreement))
    stored_words = _by_deadline(Position.objects.filter(deadline__agreement=agreement))
    facts: list[tuple[Fact, Sequence[str]]] = []
    words: list[tuple[Position, Sequence[str]]] = []
    for index, draft in enumerate(document.obligations):
        path = f"obligations/{index}"
        deadline = deadlines.get(refs.get(draft.ref, 0))
        if deadline is None:
            if draft.facts or draft.positions:
                detail = "Without a due rule there is no deadline to record facts or positions on."
                problems.append(Problem(path=f"{path}/due", detail=detail))
            continue
        for number, fact_draft in enumerate(draft.facts):
            with _Collect(problems, f"{path}/facts/{number}"):
                if fact_draft.supersedes is not None:
                    sentence = "A document cannot name stored facts: leave supersedes out."
                    raise refusal("supersedes", sentence)
                _refuse_unknown(fact_draft.evidence, known_evidence)
                fact = _build(deadline, fact_draft, by=by, as_of=as_of)
                dated = () if fact.effective_on else ("effective_at",)
                if not _take(stored_facts[deadline.pk], fact, (*_FACT_IDENTITY, *dated)):
                    facts.append((fact, fact_draft.evidence))
        for number, position_draft in enumerate(draft.positions):
            with _Collect(problems, f"{path}/positions/{number}"):
                _refuse_unknown(position_draft.evidence, known_evidence)
                word = _position(deadline, position_draft, members, by=by, as_of=as_of)
                dated = () if word.stated_on else ("stated_at",)
                if not _take(stored_words[deadline.pk], word, (*_POSITION_IDENTITY, *dated)):
                    words.append((word, position_draft.evidence))
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
    added.deadline_ids = {fact.deadline_id for fact, _ in facts}
    return added


# What is dated by its day is the same whatever instant that day began at in the zone of its time.
_FACT_IDENTITY = ("kind", "effective_on", "quantity", "due", "note")
_POSITION_IDENTITY = ("party_id", "verdict", "stated_on", "quote")


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
        if all(getattr(other, name) == getattr(row, name) for name in names):
            del stored[index]
            return True
    return False


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
    fact = Fact(
        deadline=deadline,
        kind=draft.type.value,
        quantity=draft.quantity,
        note=draft.note,
        recorded_at=as_of,
        recorded_by=by,
    )
    if draft.supersedes is not None:
        fact.supersedes = _superseded(deadline, draft.supersedes)
    if fact.supersedes is not None and draft.type is FactKind.RETRACTION:
        fact.effective_at = fact.supersedes.effective_at
        fact.effective_on = fact.supersedes.effective_on
        return fact
    fact.effective_at, fact.effective_on = _moment(draft, deadline.timezone)
    if draft.type is FactKind.PERFORMANCE:
        if fact.effective_at > as_of + CLOCK_SKEW:
            today = civil_day(as_of, deadline.timezone)
            sentence = f"A performance cannot lie in the future; today is {today}."
            raise refusal("on" if draft.on else "at", sentence)
        if draft.quantity is not None and deadline.obligation.target_quantity is None:
            sentence = "The obligation has no target_quantity to count towards: leave this out."
            raise refusal("quantity", sentence)
    if draft.due is not None:
        obligation = deadline.obligation
        due = obligations.due_of(
            rule=draft.due,
            grace=parse_grace(obligation.grace) if obligation.grace else None,
            fallback_timezone=deadline.timezone,
            calendars=tuple(obligation.agreement.calendars),
            path="due",
        )
        fact.due = dump_due_rule(draft.due)
        fact.due_on, fact.due_at, fact.unmet_at = due.due_on, due.due_at, due.unmet_at
    return fact


def _superseded(deadline: Deadline, fact_id: int) -> Fact:
    rows = {row["id"]: row for row in Fact.objects.filter(deadline=deadline).values()}
    stands = {
        fact.id for fact in standing(fact_of(row, deadline.timezone) for row in rows.values())
    }
    if fact_id not in rows:
        raise refusal("supersedes", f"This deadline has no fact {fact_id}.")
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
