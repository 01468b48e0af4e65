"""Which facts need the approval of a second person, if their agreement requires it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from compliance.domain.deadlines.demands import EVERYDAY
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.vocabulary import FactKind, ProposedChange
from compliance.models import Deadline, Fact
from compliance.operations.deadlines import approvals

# These facts exist to end, move or suspend an obligation, or to decide about it. If the agreement
# requires approval, a second person must approve them, even where they have no effect yet.
GUARDED = frozenset(
    {
        FactKind.DETERMINATION,
        FactKind.WAIVER,
        FactKind.EXTENSION,
        FactKind.REPLACEMENT,
        FactKind.CANCELLATION,
        FactKind.SUSPENSION,
        FactKind.TERMINATION,
    }
)


def is_guarded(fact: Fact) -> bool:
    """Return whether a second person must always approve a fact, or the withdrawal of one.

    Otherwise one person could withdraw what two people have decided, or restore it by withdrawing
    the fact that superseded it.
    """
    if fact.supersedes_id is None and fact.supersedes is not None:
        # Both are about to be stored.
        return fact.kind in GUARDED or is_guarded(fact.supersedes)
    kind, superseded = fact.kind, fact.supersedes_id
    while kind not in GUARDED and superseded is not None:
        found = Fact.objects.filter(pk=superseded).values_list("kind", "supersedes_id")
        kind, superseded = found.first() or (kind, None)
    return kind in GUARDED


@contextmanager
def refusing_unapproved(fact: Fact, deadline: Deadline, draft: FactDraft) -> Iterator[None]:
    """Refuse a fact that needs approval and has none. The block records it.

    Raises:
        ApprovalNeeded: a fact of its kind needs approval, or it weakens what is demanded.
    """
    is_approved = fact.approved_by is not None
    is_everyday = draft.type in EVERYDAY and draft.supersedes is None
    if is_approved or is_everyday or not deadline.agreement.requires_approval:
        yield
        return
    change = approvals.Change(
        kind=ProposedChange.FACT,
        agreement_id=deadline.agreement_id,
        deadline_id=deadline.pk,
        drafts={"fact": draft},
    )
    if is_guarded(fact):
        raise approvals.ApprovalNeeded(change, "")
    affected = approvals.dependents(deadline.obligation_id)
    with approvals.guarding([deadline.agreement_id], change, None, obligation_ids=affected):
        yield
