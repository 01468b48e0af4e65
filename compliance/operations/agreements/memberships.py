"""Which parties an agreement has, and their roles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compliance.domain.agreements.drafts import ASSESSOR, MembershipDraft
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.models import Agreement, AgreementParty, ObligationParty, Party
from compliance.models.bulk import insert
from compliance.models.bulk import update as update_rows
from compliance.operations.agreements import party_merges


def read_members(drafts: Iterable[MembershipDraft]) -> list[tuple[Party, str]]:
    """Return the stored parties of these drafts, with their roles.

    Raises:
        Invalid: a party does not exist, or is listed twice.
    """
    drafts = list(drafts)
    stored = Party.objects.in_bulk([draft.code for draft in drafts], field_name="code")
    problems = []
    seen: set[str] = set()
    for index, draft in enumerate(drafts):
        if draft.code not in stored:
            detail = f"Party {draft.code} does not exist. Create it first."
            problems.append(Problem(path=f"parties/{index}/code", detail=detail))
        if draft.code in seen:
            detail = f"{draft.code} is listed twice. List each party once."
            problems.append(Problem(path=f"parties/{index}/code", detail=detail))
        seen.add(draft.code)
    if problems:
        raise Invalid(problems)
    return [(stored[draft.code], draft.role) for draft in drafts]


def roles_of(agreement: Agreement) -> dict[int, str]:
    """Return the roles of the parties to an agreement, by the id of the party."""
    return dict(agreement.memberships.values_list("party_id", "role"))


def set_parties(agreement: Agreement, members: Sequence[tuple[Party, str]]) -> None:
    """Make these the parties of an agreement.

    Raises:
        Invalid: this would remove a party that has a role in an obligation.
    """
    stored = {each.party_id: each for each in agreement.memberships.select_related("party")}
    removed = stored.keys() - {party.pk for party, _ in members}
    side = ObligationParty.objects.filter(agreement=agreement, party_id__in=removed).first()
    if side is not None:
        sentence = (
            f"{stored[side.party_id].party.code} owes or is owed obligation "
            f"{side.obligation.ref} and must stay a party."
        )
        raise refusal("parties", sentence)
    if removed:
        agreement.memberships.filter(party_id__in=removed).delete()
    new = [
        AgreementParty(agreement=agreement, party=party, role=role)
        for party, role in members
        if party.pk not in stored
    ]
    party_merges.refuse_retired(("parties", each.party) for each in new)
    changed = []
    for party, role in members:
        membership = stored.get(party.pk)
        if membership is not None and membership.role != role:
            if role.casefold() == ASSESSOR:
                _refuse_assessor_with_obligations(agreement, party)
            membership.role = role
            changed.append(membership)
    insert(new)
    update_rows(changed, {"role"})


def _refuse_assessor_with_obligations(agreement: Agreement, party: Party) -> None:
    side = ObligationParty.objects.filter(agreement=agreement, party=party).first()
    if side is not None:
        sentence = (
            f"{party.code} owes or is owed obligation {side.obligation.ref}, so it cannot be an "
            "assessor: keep its role."
        )
        raise refusal("parties", sentence)
