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
    """How an obligation binds: do it by an instant, keep it so during a period, or do not."""

    ACHIEVE = "achieve"
    MAINTAIN = "maintain"
    REFRAIN = "refrain"


class PeriodUnit(StrEnum):
    """What an offset counts. Hours elapse; the others are civil."""

    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business_days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


class Direction(StrEnum):
    """On which side of its event an offset lies."""

    AFTER = "after"
    BEFORE = "before"


class RollConvention(StrEnum):
    """Where a date goes that is no business day. `nearest` prefers the later of two."""

    NONE = "none"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"
    HALF_MONTH_MODIFIED_FOLLOWING = "half_month_modified_following"
    PRECEDING = "preceding"
    MODIFIED_PRECEDING = "modified_preceding"
    NEAREST = "nearest"


class LegalMethod(StrEnum):
    """A statute's or a court's own way to count a period."""

    FRCP_6 = "frcp-6"
    EU_1182_71 = "eu-1182-71"
    CORRESPONDING_DATE = "corresponding-date"


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

    DORMANT = "dormant"
    PENDING = "pending"
    HOLDING = "holding"
    IN_GRACE = "in_grace"
    UNMET = "unmet"
    PARTLY_MET = "partly_met"
    MET = "met"
    MET_LATE = "met_late"
    WAIVED = "waived"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a deadline came to stand where it stands."""

    AGREED = "agreed"
    TRIGGERED = "triggered"
    PERIOD_BEGAN = "period_began"
    PERIOD_ENDED = "period_ended"
    WINDOW_BEGAN = "window_began"
    DUE_PASSED = "due_passed"
    GRACE_ENDED = "grace_ended"
    PERFORMED = "performed"
    PERFORMED_IN_WINDOW = "performed_in_window"
    PART_PERFORMED = "part_performed"
    TARGET_RESTATED = "target_restated"
    VIOLATED = "violated"
    CURED = "cured"
    DETERMINED = "determined"
    COMPONENT_DONE = "component_done"
    EXTENDED = "extended"
    RESCHEDULED = "rescheduled"
    WAIVED = "waived"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    WITHDRAWN = "withdrawn"


class FactKind(StrEnum):
    """What a recorded fact says of a deadline; a termination, of a whole agreement."""

    PERFORMANCE = "performance"
    VIOLATION = "violation"
    EXTENSION = "extension"
    RESTATEMENT = "restatement"
    DETERMINATION = "determination"
    WAIVER = "waiver"
    SUSPENSION = "suspension"
    CANCELLATION = "cancellation"
    TERMINATION = "termination"
    TRIGGER = "trigger"
    RETRACTION = "retraction"


class Verification(StrEnum):
    """What a status rests on, beyond the clock."""

    UNCHECKED = "unchecked"
    CHECKED = "checked"
    CONFIRMED = "confirmed"


class Verdict(StrEnum):
    """What the desk itself determines of a deadline."""

    MET = "met"
    PARTLY_MET = "partly_met"
    NOT_MET = "not_met"
    UNDETERMINED = "undetermined"


class RollUp(StrEnum):
    """How many of its components an obligation needs done to be done itself."""

    ALL = "all"
    ANY = "any"
    SHARE = "share"


class ProposalState(StrEnum):
    """What became of a fact that needs a second person."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class EvidenceKind(StrEnum):
    """What a piece of evidence is. A look is the log of a search that found nothing."""

    DOCUMENT = "document"
    STATEMENT = "statement"
    SEARCH_LOG = "search_log"


class Stance(StrEnum):
    """What a piece of evidence speaks for."""

    FOR = "for"
    AGAINST = "against"
    CONTEXT = "context"


class BreachEnd(StrEnum):
    """Why a breach is over. A voided one never was: a fact took effect before it began."""

    PERFORMED = "performed"
    CURED = "cured"
    EXTENDED = "extended"
    RESCHEDULED = "rescheduled"
    WAIVED = "waived"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    WITHDRAWN = "withdrawn"
    VOIDED = "voided"


class AlertKind(StrEnum):
    """What an alert tells."""

    REMINDER = "reminder"
    MISSED = "missed"
    ESCALATED = "escalated"
    SILENCE_ENDED = "silence_ended"
    RECOVERED = "recovered"
    CHANGED = "changed"


class MessageState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    GIVEN_UP = "given_up"
    WITHDRAWN = "withdrawn"


class NotificationFrequency(StrEnum):
    """When what concerns a subscriber is sent: as it happens, or gathered once a day or week."""

    IMMEDIATE = "immediate"
    DAILY = "daily"
    WEEKLY = "weekly"


class WebhookKind(StrEnum):
    """How a web address is told: by a signed request, or as a message in a chat."""

    STANDARD = "standard"
    CHAT = "chat"


class AttemptOutcome(StrEnum):
    """How one attempt to deliver ended."""

    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"
