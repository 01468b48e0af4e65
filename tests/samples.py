"""A small agreement between two parties, created by the same operations as for users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.drafts import AgreementDraft, ObligationDraft
from compliance.domain.deadlines.drafts import AgreementFactDraft, FactDraft, PositionDraft
from compliance.domain.drafts import read
from compliance.models import Agreement, Deadline, Fact, JobRun, Position, Subscription, User
from compliance.operations.agreements import agreements, documents, obligations
from compliance.operations.deadlines import facts, positions

DESK = "desk@example.org"
BUYER = {
    "code": "ACME",
    "name": "Acme GmbH",
    "kind": "company",
    "country": "DE",
    "timezone": "Europe/Berlin",
}
SUPPLIER = {
    "code": "CHN",
    "name": "China",
    "kind": "state",
    "country": "CN",
    "timezone": "Asia/Shanghai",
}


def utc(text: str) -> datetime:
    """Return an instant in UTC from its ISO form without a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def obligation(ref: str = "O-1", due_on: str = "2026-03-15", **more: Any) -> dict[str, Any]:
    """Return an obligation of the supplier to the buyer, as in a document."""
    return {
        "ref": ref,
        "title": f"Deliver lot {ref}",
        "obligors": ["CHN"],
        "obligees": ["ACME"],
        "due": {"type": "date", "on": due_on},
        **more,
    }


def document(ref: str = "supply", *obligations: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the document of an agreement between the buyer and the supplier."""
    return {
        "format": "pacta.agreement/v1",
        "ref": ref,
        "title": f"Agreement {ref}",
        "kind": "contract",
        "signed_on": "2026-01-10",
        "parties": [BUYER, SUPPLIER],
        "obligations": list(obligations) or [obligation()],
        **more,
    }


def load(value: Mapping[str, Any], *, as_of: datetime) -> Agreement:
    """Store a document as of an instant."""
    return documents.load(document=read(AgreementDocument, value), by=None, as_of=as_of).agreement


def create_agreement(
    *obligations: Mapping[str, Any], ref: str = "supply", as_of: datetime | None = None, **more: Any
) -> Deadline:
    """Store an agreement with these obligations, and return the deadline of the first."""
    agreement = load(document(ref, *obligations, **more), as_of=as_of or utc("2026-02-01T00:00"))
    return agreement.deadlines.order_by("obligation_id", "number")[0]


def subscribe(email: str = DESK, agreement: Agreement | None = None) -> Subscription:
    """Subscribe an address to everything, or to one agreement."""
    return Subscription.objects.create(email=email, agreement=agreement)


def record(deadline: Deadline, *, as_of: datetime, by: User | None = None, **fields: Any) -> Fact:
    """Record a fact about `deadline`, and reload it."""
    fact = facts.record(deadline=deadline, draft=read(FactDraft, fields), by=by, as_of=as_of)
    deadline.refresh_from_db()
    return fact


def state_position(deadline: Deadline, *, as_of: datetime, **fields: Any) -> Position:
    """Record the position of a party on `deadline`, and reload it."""
    position = positions.state(
        deadline=deadline, draft=read(PositionDraft, fields), by=None, as_of=as_of
    )
    deadline.refresh_from_db()
    return position


def counts(run: JobRun, *names: str) -> tuple[int, ...]:
    """Return these counts of a job run."""
    return tuple(run.counts[name] for name in names)


def statuses(deadlines: Sequence[Deadline]) -> list[str]:
    """Return the statuses of deadlines, in order."""
    return [deadline.status for deadline in deadlines]


def deadline_of(ref: str, number: int = 1) -> Deadline:
    """Load a deadline of the obligation with this ref."""
    return Deadline.objects.select_related("obligation").get(obligation__ref=ref, number=number)


def update_obligation(value: Mapping[str, Any], *, as_of: datetime) -> None:
    """Update the stored obligation that has the ref of `value`."""
    obligation = deadline_of(value["ref"]).obligation
    obligations.update(obligation=obligation, draft=read(ObligationDraft, value), as_of=as_of)


def update_agreement(*, as_of: datetime, **changed: Any) -> None:
    """Update the only stored agreement; fields not in `changed` are those of `document`."""
    agreement = Agreement.objects.get()
    kept = {name: document()[name] for name in ("title", "kind", "signed_on")}
    fields = {"ref": agreement.ref, **kept, "parties": [{"code": "ACME"}, {"code": "CHN"}]}
    draft = read(AgreementDraft, {**fields, **changed})
    agreements.update(agreement=agreement, draft=draft, as_of=as_of)


def record_agreement_fact(*, as_of: datetime, **fields: Any) -> Fact:
    """Record a fact about the only stored agreement."""
    return facts.record_of_agreement(
        agreement=Agreement.objects.get(),
        draft=read(AgreementFactDraft, fields),
        by=None,
        as_of=as_of,
    )
