"""Loading whole agreements from documents, with what is known of them and since when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from django.db import transaction

from compliance.domain.agreements.document_drafts import (
    AgreementDocument,
    DocumentObligation,
    ParticipantDraft,
)
from compliance.domain.agreements.drafts import (
    AgreementDraft,
    MembershipDraft,
    ObligationDraft,
    PartyDraft,
)
from compliance.domain.limits import MOST_PROBLEMS
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import EvidenceKind
from compliance.models import Agreement, Deadline, Evidence, Fact, Milestone, Party, Position, User
from compliance.models.locks import for_update
from compliance.operations.agreements import agreements, obligations, parties
from compliance.operations.deadlines import facts, positions, projection, schedule
from compliance.operations.evidence import evidence, verification


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """What loading a document did."""

    agreement: Agreement
    is_new: bool
    obligations: int
    facts: int
    positions: int
    evidence: int

    @property
    def is_changed(self) -> bool:
        """Whether anything was stored."""
        return self.is_new or any((self.obligations, self.facts, self.positions, self.evidence))


@transaction.atomic
def load(*, document: AgreementDocument, by: User | None, as_of: datetime) -> Loaded:
    """Store what a document says and is not stored yet; loading it twice changes nothing.

    What is stored is never overwritten by a document: parties, agreement and obligations that
    exist keep their fields (correct them in the admin or the API); facts, positions and evidence
    that are not there yet are added.

    Raises:
        Invalid: with every problem and its path in the document; nothing is stored.
    """
    problems = _party_problems(document.parties)
    if problems:
        raise Invalid(problems)
    _refuse_future(document, as_of=as_of)
    known = set(Party.objects.values_list("code", flat=True))
    for participant in document.parties:
        if participant.code not in known:
            parties.create(
                draft=PartyDraft.model_validate(participant.model_dump(exclude={"role"}))
            )
    agreement = for_update(Agreement.objects.filter(ref=document.ref)).first()
    is_new = agreement is None
    if agreement is None:
        agreement = agreements.create(draft=_draft_of(document), as_of=as_of)
    else:
        known_refs = set(agreement.milestones.values_list("ref", flat=True))
        for milestone in document.milestones:
            if milestone.ref not in known_refs:
                Milestone.objects.create(agreement=agreement, **milestone.model_dump())
    stored = set(agreement.obligations.values_list("ref", flat=True))
    _refuse_doubles(document.obligations)
    stored_now = obligations.store(
        agreement=agreement,
        drafts={
            f"obligations/{index}": _without_facts(each)
            for index, each in enumerate(document.obligations)
            if each.ref not in stored
        },
        as_of=as_of,
    )
    made = stored_now.obligations
    new = {each.pk: each for each in Deadline.objects.filter(obligation__in=made)}
    recorded = _add_known(
        agreement=agreement,
        document=document,
        is_new=is_new,
        new_refs={each.ref for each in made},
        by=by,
        as_of=as_of,
    )
    known_from = _known_from(document, new, recorded) if document.has_history else {}
    projection.refresh(
        {*new, *stored_now.touched, *recorded.deadline_ids},
        as_of=as_of,
        announce_ended=False,
        known_from=known_from,
    )
    verification.refresh(recorded.looked_at)
    return Loaded(
        agreement=agreement,
        is_new=is_new,
        obligations=len(made),
        facts=recorded.facts,
        positions=recorded.positions,
        evidence=recorded.evidence,
    )


def _draft_of(document: AgreementDocument) -> AgreementDraft:
    return AgreementDraft(
        ref=document.ref,
        title=document.title,
        kind=document.kind,
        signed_on=document.signed_on,
        in_force_on=document.in_force_on,
        ends_on=document.ends_on,
        timezone=document.timezone,
        calendars=document.calendars,
        requires_approval=document.requires_approval,
        notification_policy=document.notification_policy,
        milestones=document.milestones,
        parties=tuple(MembershipDraft(code=each.code, role=each.role) for each in document.parties),
    )


def _without_facts(draft: DocumentObligation) -> ObligationDraft:
    return ObligationDraft.model_construct(
        **{name: getattr(draft, name) for name in ObligationDraft.model_fields}
    )


def _refuse_doubles(drafts: Iterable[ObligationDraft]) -> None:
    seen: set[str] = set()
    problems = []
    for index, draft in enumerate(drafts):
        if draft.ref in seen:
            detail = f"The ref {draft.ref} stands twice in this document."
            problems.append(Problem(path=f"obligations/{index}/ref", detail=detail))
        seen.add(draft.ref)
    if problems:
        raise Invalid(problems)


def _party_problems(participants: Iterable[ParticipantDraft]) -> list[Problem]:
    stored = {party.code: party for party in Party.objects.all()}
    problems = []
    seen: set[str] = set()
    for index, draft in enumerate(participants):
        if draft.code in seen:
            detail = f"The party {draft.code} stands twice in this document."
            problems.append(Problem(path=f"parties/{index}/code", detail=detail))
        seen.add(draft.code)
        party = stored.get(draft.code)
        # A zone or country that differs would move, or mislead, the deadlines of every other
        # agreement of this party; a name may well be written in several ways.
        for name in ("kind", "country", "timezone"):
            if party is not None and getattr(draft, name) != getattr(party, name):
                detail = (
                    f"{draft.code} is stored with {name} {getattr(party, name)}: "
                    "use that, or correct the party first."
                )
                problems.append(Problem(path=f"parties/{index}/{name}", detail=detail))
    return problems


def _refuse_future(document: AgreementDocument, *, as_of: datetime) -> None:
    parts: list[tuple[str, datetime | None]] = [("", document.recorded_at)]
    parts += [(f"evidence/{n}", each.recorded_at) for n, each in enumerate(document.evidence)]
    parts += [(f"facts/{n}", each.recorded_at) for n, each in enumerate(document.facts)]
    for index, each in enumerate(document.obligations):
        path = f"obligations/{index}"
        parts += [(f"{path}/facts/{n}", fact.recorded_at) for n, fact in enumerate(each.facts)]
        parts += [
            (f"{path}/positions/{n}", word.recorded_at) for n, word in enumerate(each.positions)
        ]
    problem = Problem(path="recorded_at", detail="This lies in the future: leave it out.")
    late = [path for path, at in parts if at is not None and at > as_of]
    if late:
        raise Invalid(problem.below(path) for path in late[:MOST_PROBLEMS])


@dataclass(kw_only=True, slots=True)
class _Added:
    """What of a document was not known yet."""

    facts: int = 0
    positions: int = 0
    evidence: int = 0
    deadline_ids: set[int] = field(default_factory=set)
    looked_at: set[int] = field(default_factory=set)
    recorded_at: dict[int, datetime] = field(default_factory=dict)


def _known_from(
    document: AgreementDocument, new: Mapping[int, Deadline], recorded: _Added
) -> dict[int, datetime]:
    """From when each new deadline was known: not later than the first fact about it."""
    return {
        pk: min(
            document.recorded_at or deadline.begins_at,
            recorded.recorded_at.get(pk, datetime.max.replace(tzinfo=UTC)),
        )
        for pk, deadline in new.items()
    }


def _add_known(
    *,
    agreement: Agreement,
    document: AgreementDocument,
    is_new: bool,
    new_refs: Collection[str],
    by: User | None,
    as_of: datetime,
) -> _Added:
    """Add the evidence, facts and positions of a document that are not stored yet.

    The caller holds the agreement locked, and settles `deadline_ids` in the same transaction.

    Raises:
        Invalid: with every problem and its path in the document.
    """
    added = _Added()
    members = {party.code: party for party in agreement.parties.all()}
    refs = dict(agreement.obligations.values_list("ref", "id"))
    problems: list[Problem] = []
    _add_evidence_of(
        document, agreement, refs, members, problems, added, is_new=is_new, by=by, as_of=as_of
    )
    known_evidence = {each.ref: each for each in agreement.evidence.all()}
    deadlines: dict[int, list[Deadline]] = defaultdict(list)
    of_agreement = Deadline.objects.filter(agreement=agreement, is_withdrawn=False)
    for each in for_update(of_agreement.select_related("obligation", "agreement")):
        deadlines[each.obligation_id].append(each)
    stored_facts = Counter(
        (fact.deadline_id, _fact_identity(fact))
        for fact in Fact.objects.filter(deadline__agreement=agreement)
    )
    stored_words = Counter(
        (word.deadline_id, _position_identity(word))
        for word in Position.objects.filter(deadline__agreement=agreement)
    )
    new_facts: list[tuple[Fact, Sequence[str]]] = []
    words: list[tuple[Position, Sequence[str]]] = []
    for index, draft in enumerate(document.obligations):
        path = f"obligations/{index}"
        several = deadlines.get(refs.get(draft.ref, 0), [])
        is_followed = draft.ref not in new_refs
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
                evidence.check_refs(fact_draft.evidence, known_evidence)
                learned_at = fact_draft.recorded_at or as_of
                fact = facts.build(deadline, fact_draft, by=by, as_of=learned_at)
                if not _take(stored_facts, (deadline.pk, _fact_identity(fact))):
                    if fact_draft.recorded_at is not None:
                        _refuse_if(is_followed)
                    if not is_new and facts.needs_approval(deadline, fact_draft):
                        sentence = f"A second person must approve this {fact.kind}: propose it."
                        raise refusal("type", sentence)
                    new_facts.append((fact, fact_draft.evidence))
        for number, position_draft in enumerate(draft.positions):
            with _Collect(problems, f"{path}/positions/{number}"):
                deadline = _meant(several, position_draft.due_on)
                evidence.check_refs(position_draft.evidence, known_evidence)
                learned_at = position_draft.recorded_at or as_of
                word = positions.build(deadline, position_draft, members, by=by, as_of=learned_at)
                if not _take(stored_words, (deadline.pk, _position_identity(word))):
                    if position_draft.recorded_at is not None:
                        _refuse_if(is_followed)
                    words.append((word, position_draft.evidence))
    general = _add_of_agreement(
        agreement, document, known_evidence, problems, new_facts, is_new=is_new, by=by, as_of=as_of
    )
    if problems:
        raise Invalid(problems)
    # In the order in which they became known, which is that of their chains.
    new_facts.sort(key=lambda each: each[0].recorded_at)
    words.sort(key=lambda each: each[0].recorded_at)
    facts.store(
        [(fact, [known_evidence[ref] for ref in named]) for fact, named in new_facts],
        deadlines=[each for several in deadlines.values() for each in several],
        as_of=as_of,
    )
    Position.objects.bulk_create(word for word, _ in words)
    for word, word_refs in words:
        word.evidence.add(*(known_evidence[ref] for ref in word_refs))
    positions.mark_disputes({word.deadline_id for word, _ in words})
    added.facts = len(new_facts)
    added.positions = len(words)
    for fact, _ in new_facts:
        if fact.deadline_id is not None:
            added.deadline_ids.add(fact.deadline_id)
            # They are in the order of learning: the first one counts.
            added.recorded_at.setdefault(fact.deadline_id, fact.recorded_at)
    redated = [
        fact.deadline_id for fact, _ in new_facts if fact.deadline_id and fact.due_at is not None
    ]
    concerned = Deadline.objects.filter(id__in=redated).values_list("obligation_id", flat=True)
    added.deadline_ids |= schedule.arrange(concerned, as_of=as_of).touched
    if general:
        added.deadline_ids |= facts.reached(agreement)
    return added


def _refuse_if(is_followed: bool) -> None:
    if is_followed:
        sentence = (
            "This is followed already, and what is learned of it now is recorded now: leave "
            "recorded_at out."
        )
        raise refusal("recorded_at", sentence)


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
    new_facts: list[tuple[Fact, Sequence[str]]],
    *,
    is_new: bool,
    by: User | None,
    as_of: datetime,
) -> int:
    """Add what befell the whole agreement to `new_facts`; how many there are is returned."""
    stored = Counter(map(_fact_identity, Fact.objects.filter(agreement=agreement)))
    count = 0
    for number, draft in enumerate(document.facts):
        with _Collect(problems, f"facts/{number}"):
            if draft.supersedes is not None:
                sentence = "A document cannot name stored facts: leave supersedes out."
                raise refusal("supersedes", sentence)
            evidence.check_refs(draft.evidence, known_evidence)
            learned_at = draft.recorded_at or as_of
            fact = facts.build_of_agreement(agreement, draft, by=by, as_of=learned_at)
            if not _take(stored, _fact_identity(fact)):
                if draft.recorded_at is not None:
                    _refuse_if(not is_new)
                new_facts.append((fact, draft.evidence))
                count += 1
    return count


_FACT_IDENTITY = (
    "kind", "effective_on", "until_on", "is_tolling", "quantity", "verdict", "share", "rule",
    "note",
)  # fmt: skip
_POSITION_IDENTITY = ("party_id", "verdict", "stated_on", "quote")


def _fact_identity(fact: Fact) -> tuple[object, ...]:
    # What is dated by its day is the same whatever instant that day began, or ended, at in the
    # zone of its time.
    return (
        *(_identity(fact, name) for name in _FACT_IDENTITY),
        fact.effective_at if fact.effective_on is None else None,
        fact.until_at if fact.until_on is None else None,
    )


def _position_identity(position: Position) -> tuple[object, ...]:
    return (
        *(_identity(position, name) for name in _POSITION_IDENTITY),
        position.stated_at if position.stated_on is None else None,
    )


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
        if len(self.problems) >= MOST_PROBLEMS:
            raise Invalid(self.problems)
        return True


def _take(stored: Counter[Any], identity: Hashable) -> bool:
    """Whether an equal row is stored; each stored row answers for one row of a document."""
    if not stored[identity]:
        return False
    stored[identity] -= 1
    return True


def _identity(row: Any, name: str) -> object:
    # A rule may be stored without the fields that rules of its type have gained since.
    return schedule.rule_of(row.due) if name == "rule" else getattr(row, name)


def _add_evidence_of(
    document: AgreementDocument,
    agreement: Agreement,
    refs: Mapping[str, int],
    members: Mapping[str, Party],
    problems: list[Problem],
    added: _Added,
    *,
    is_new: bool,
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
        found = evidence.reference_problems(draft, refs, members)
        with _Collect(problems, f"evidence/{index}"):
            if found:
                raise Invalid(found)
        if found or draft.ref in known:
            continue
        with _Collect(problems, f"evidence/{index}"):
            if draft.recorded_at is not None:
                _refuse_if(not is_new)
            learned_at = draft.recorded_at or as_of
            row = evidence.build(agreement, draft, members, by=by, as_of=learned_at)
            row.save()
            row.obligations.add(*(refs[ref] for ref in draft.obligations))
            added.evidence += 1
            if draft.kind is EvidenceKind.SEARCH_LOG:
                added.looked_at |= evidence.deadline_ids_of(row)
