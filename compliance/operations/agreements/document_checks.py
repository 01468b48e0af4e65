"""Check an agreement document against the stored data before any of it is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import Count, Q

from compliance.domain.agreements.document_drafts import (
    AgreementDocument,
    ParticipantDraft,
)
from compliance.domain.agreements.drafts import ObligationDraft, PartyDraft
from compliance.domain.country_zones import only_zone, zones_of_country
from compliance.domain.deadlines.effects import LASTING, SETTING
from compliance.domain.limits import MOST_REPLAY_STEPS, replay_steps, too_much_replay
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.models import Agreement, Deadline, Fact, Party


def stored_parties(participants: Iterable[ParticipantDraft]) -> dict[str, Party]:
    """Return the stored parties among those of a document, by code."""
    return Party.objects.in_bulk([each.code for each in participants], field_name="code")


def check_parties(participants: Iterable[ParticipantDraft], stored: Mapping[str, Party]) -> None:
    """Reject parties that occur twice, or that differ from the stored party with the same code.

    Names may differ, because they have several spellings. A different kind, country or time zone
    would be misleading, or would move the deadlines of the party's other agreements.

    Raises:
        Invalid: with every problem.
    """
    problems = []
    seen: set[str] = set()
    for index, draft in enumerate(participants):
        if draft.code in seen:
            detail = f"The party {draft.code} occurs twice in this document: remove one."
            problems.append(Problem(path=f"parties/{index}/code", detail=detail))
        seen.add(draft.code)
        party = stored.get(draft.code)
        for name in ("kind", "country", "timezone"):
            is_given = party is not None and name in draft.model_fields_set
            if is_given and getattr(draft, name) not in {None, getattr(party, name)}:
                detail = (
                    f"{draft.code} is stored with {name} {getattr(party, name)}: "
                    "use that, or correct the party first."
                )
                problems.append(Problem(path=f"parties/{index}/{name}", detail=detail))
    if problems:
        raise Invalid(problems)


def new_parties(document: AgreementDocument, stored: Mapping[str, Party]) -> dict[str, PartyDraft]:
    """Return the parties of a document that are not stored yet, by their paths.

    Raises:
        Invalid: the time zone of a party is not given, and follows neither from its country nor
            from the agreement.
    """
    found = {}
    problems: list[Problem] = []
    for index, each in enumerate(document.parties):
        if each.code in stored:
            continue
        zone = each.timezone or only_zone(each.country) or document.timezone
        if zone is None:
            problems.append(Problem(path=f"parties/{index}/timezone", detail=_no_zone(each)))
            continue
        fields = {name: getattr(each, name) for name in PartyDraft.model_fields}
        found[f"parties/{index}"] = PartyDraft.model_construct(**{**fields, "timezone": zone})
    if problems:
        raise Invalid(problems)
    return found


def _no_zone(draft: ParticipantDraft) -> str:
    zones = zones_of_country(draft.country) if draft.country else ()
    if not zones:
        return "Give the time zone of the party, or its country, or the time zone of the agreement."
    shown = ", ".join(zones[:MOST_ZONES]) + (", …" if len(zones) > MOST_ZONES else "")
    return (
        f"{draft.country} has several time zones ({shown}): give one, or the time zone of the "
        "agreement."
    )


# How many time zones of a country an error names.
MOST_ZONES = 6


def check(document: AgreementDocument, *, as_of: datetime) -> None:
    """Reject repeated refs, anything that became known after `as_of`, and too long histories.

    Raises:
        Invalid: with every problem.
    """
    _check_recorded_at(document, as_of=as_of)
    _check_obligation_refs(document.obligations)
    _check_replay(document)


def _check_replay(document: AgreementDocument) -> None:
    """Reject a document whose facts take too long to replay, before anything is stored.

    Without a history, nothing is replayed.

    Raises:
        Invalid: at the first obligation that is too many.
    """
    if not document.has_history:
        return
    general = len(document.facts)
    steps = 0
    for index, obligation in enumerate(document.obligations):
        facts = [((each.due_on, each.number), each.type) for each in obligation.facts]
        numbers = Counter(key for key, _ in facts)
        slow = Counter(key for key, kind in facts if kind in SETTING | LASTING)
        # What is recorded about the agreement applies to each deadline; there is at least one.
        for key in numbers or [(None, None)]:
            steps += replay_steps(numbers[key] + general, slow[key] + general)
        if steps > MOST_REPLAY_STEPS:
            raise refusal(f"obligations/{index}/facts", too_much_replay(steps))


def check_replay(
    document: AgreementDocument, agreement: Agreement, known_from: Mapping[int, datetime]
) -> None:
    """Reject a document if replaying deadlines, with all of their facts, takes too long.

    A historical fact about a stored agreement replays each deadline that was there.

    Args:
        known_from: from when on each deadline is replayed.

    Raises:
        Invalid: at the facts of the first obligation that is too many, or of the agreement.
    """
    if not known_from:
        return
    slow, since = SETTING | LASTING, min(known_from.values())
    general = Fact.objects.filter(agreement=agreement).aggregate(
        facts=Count("id"),
        slow=Count("id", filter=Q(kind__in=slow)),
        new=Count("id", filter=Q(recorded_at__gte=since)),
    )
    rows = Deadline.objects.filter(pk__in=known_from).order_by("id")
    counts = rows.annotate(
        all_facts=Count("facts"),
        slow=Count("facts", filter=Q(facts__kind__in=slow)),
        new=Count("facts", filter=Q(facts__recorded_at__gte=since)),
    )
    steps = 0
    for ref, survives, *numbers in counts.values_list(
        "obligation__ref", "obligation__survives_termination", "all_facts", "slow", "new"
    ):
        facts, slow_facts, new = numbers
        if not survives:
            facts += general["facts"]
            slow_facts += general["slow"]
            new += general["new"]
        steps += replay_steps(facts, slow_facts, new_facts=new)
        if steps > MOST_REPLAY_STEPS:
            refs = {each.ref: n for n, each in enumerate(document.obligations) if each.facts}
            path = f"obligations/{refs[ref]}/facts" if ref in refs else "facts"
            raise refusal(path, too_much_replay(steps, advice=_KNOWN_NOW))


_KNOWN_NOW = (
    "Stored facts count as well. Divide the document, or leave out recorded_at in facts about "
    "what is already stored: they become known now."
)


def _check_obligation_refs(drafts: Iterable[ObligationDraft]) -> None:
    """Reject obligations with the same ref.

    Raises:
        Invalid: with every problem.
    """
    seen: set[str] = set()
    problems = []
    for index, draft in enumerate(drafts):
        if draft.ref in seen:
            detail = f"The ref {draft.ref} occurs twice in this document: choose another one."
            problems.append(Problem(path=f"obligations/{index}/ref", detail=detail))
        seen.add(draft.ref)
    if problems:
        raise Invalid(problems)


def _check_recorded_at(document: AgreementDocument, *, as_of: datetime) -> None:
    """Reject anything with a `recorded_at` after `as_of`.

    Raises:
        Invalid: with every problem.
    """
    parts: list[tuple[str, datetime | None]] = [("", document.recorded_at)]
    for index, milestone in enumerate(document.milestones):
        path = f"milestones/{index}"
        parts.append((path, milestone.recorded_at))
        parts += [(f"{path}/dates/{n}", x.recorded_at) for n, x in enumerate(milestone.dates or ())]
        parts += [(f"{path}/earlier/{n}", x.recorded_at) for n, x in enumerate(milestone.earlier)]
    parts += [(f"evidence/{n}", each.recorded_at) for n, each in enumerate(document.evidence)]
    parts += [(f"facts/{n}", each.recorded_at) for n, each in enumerate(document.facts)]
    for index, each in enumerate(document.obligations):
        path = f"obligations/{index}"
        parts.append((path, each.recorded_at))
        parts += [(f"{path}/facts/{n}", fact.recorded_at) for n, fact in enumerate(each.facts)]
        parts += [
            (f"{path}/positions/{n}", position.recorded_at)
            for n, position in enumerate(each.positions)
        ]
    problem = Problem(path="recorded_at", detail="This is in the future: remove it.")
    late = [path for path, at in parts if at is not None and at > as_of]
    if late:
        raise Invalid(problem.below(path) for path in late)


def no_deadline() -> Invalid:
    """Return the refusal of records about an obligation without a deadline."""
    sentence = (
        "There is no deadline to record facts or positions on: give a due rule, which is "
        "{'type': 'undated'} if no date was set, or remove them."
    )
    return refusal("due", sentence)
