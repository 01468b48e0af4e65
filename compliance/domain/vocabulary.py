"""The words of the product, as closed sets. The same in code, database, API, admin and mail."""

from __future__ import annotations

from enum import StrEnum


class PartyKind(StrEnum):
    """What kind of body can owe or be owed."""

    STATE = "state"
    ORGANISATION = "organisation"
    COMPANY = "company"


class AgreementKind(StrEnum):
    """What kind of instrument an agreement is."""

    TREATY = "treaty"
    JOINT_STATEMENT = "joint_statement"
    TRADE_DEAL = "trade_deal"
    CONTRACT = "contract"
    MEMORANDUM = "memorandum"
    PROGRAMME = "programme"
    OTHER = "other"


class AgreementStatus(StrEnum):
    """Where an agreement stands in its life; derived from its dates."""

    NOT_IN_FORCE = "not_in_force"
    IN_FORCE = "in_force"
    ENDED = "ended"


class ObligationKind(StrEnum):
    """How an obligation binds: do it by an instant."""

    ACHIEVE = "achieve"


class Severity(StrEnum):
    """How much a missed deadline matters, least first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class Capacity(StrEnum):
    """The side of an obligation on which a party stands."""

    OBLIGOR = "obligor"
    OBLIGEE = "obligee"


class Status(StrEnum):
    """Where a deadline stands."""

    PENDING = "pending"
    IN_GRACE = "in_grace"
    UNMET = "unmet"
    PARTLY_MET = "partly_met"
    MET = "met"
    MET_LATE = "met_late"
    WAIVED = "waived"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a deadline came to stand where it stands."""

    AGREED = "agreed"
    DUE_PASSED = "due_passed"
    GRACE_ENDED = "grace_ended"
    PERFORMED = "performed"
    PART_PERFORMED = "part_performed"
    EXTENDED = "extended"
    WAIVED = "waived"
    CANCELLED = "cancelled"


class FactKind(StrEnum):
    """What a recorded fact says of a deadline."""

    PERFORMANCE = "performance"
    EXTENSION = "extension"
    WAIVER = "waiver"
    CANCELLATION = "cancellation"
    RETRACTION = "retraction"


class Verification(StrEnum):
    """What a status rests on, beyond the clock."""

    UNCHECKED = "unchecked"
    CHECKED = "checked"
    CONFIRMED = "confirmed"


class Verdict(StrEnum):
    """What a party says of a deadline."""

    MET = "met"
    PARTLY_MET = "partly_met"
    NOT_MET = "not_met"


class EvidenceKind(StrEnum):
    """What a piece of evidence is."""

    DOCUMENT = "document"
    STATEMENT = "statement"


class Stance(StrEnum):
    """What a piece of evidence speaks for."""

    FOR = "for"
    AGAINST = "against"
    CONTEXT = "context"


class BreachEnd(StrEnum):
    """Why a breach is over. A voided one never was: a fact took effect before it began."""

    PERFORMED = "performed"
    EXTENDED = "extended"
    WAIVED = "waived"
    CANCELLED = "cancelled"
    VOIDED = "voided"


class AlertKind(StrEnum):
    """What an alert tells."""

    MISSED = "missed"
    RECOVERED = "recovered"


class MessageState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class AttemptOutcome(StrEnum):
    """How one attempt to deliver ended."""

    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"
