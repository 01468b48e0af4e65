"""The enums that code, database, API, admin and mail share."""

from __future__ import annotations

from enum import StrEnum


class PartyKind(StrEnum):
    """The kind of a party."""

    STATE = "state"
    ORGANISATION = "organisation"
    COMPANY = "company"


class AgreementKind(StrEnum):
    """The kind of an agreement."""

    TREATY = "treaty"
    JOINT_STATEMENT = "joint_statement"
    TRADE_DEAL = "trade_deal"
    CONTRACT = "contract"
    MEMORANDUM = "memorandum"
    PROGRAMME = "programme"
    OTHER = "other"


class AgreementStatus(StrEnum):
    """The status of an agreement, derived from its dates, its facts and its archiving."""

    DRAFT = "draft"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"
    EXPIRED = "expired"
    ARCHIVED = "archived"


class Visibility(StrEnum):
    """Who sees an agreement and everything that belongs to it."""

    EVERYONE = "everyone"
    TEAMS = "teams"


class ObligationKind(StrEnum):
    """What an obligation requires: achieve something by a date, maintain it, or refrain from it."""

    ACHIEVE = "achieve"
    MAINTAIN = "maintain"
    REFRAIN = "refrain"


class TargetBound(StrEnum):
    """Whether a target quantity is a minimum or a maximum."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class PeriodUnit(StrEnum):
    """The unit of a period. Minutes and hours are elapsed time; the others are civil."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business_days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"

    @property
    def is_elapsed(self) -> bool:
        """Whether it is counted as elapsed time, from instant to instant."""
        return self in {PeriodUnit.MINUTES, PeriodUnit.HOURS}


class CalendarPeriod(StrEnum):
    """A period of the calendar. A week begins on Monday (ISO 8601)."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Precision(StrEnum):
    """How precisely a date is known."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Direction(StrEnum):
    """Whether a period is counted forward from its event, or backward."""

    AFTER = "after"
    BEFORE = "before"


class RollConvention(StrEnum):
    """How a date that is not a business day is rolled. `nearest` prefers the later of two days."""

    NONE = "none"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"
    HALF_MONTH_MODIFIED_FOLLOWING = "half_month_modified_following"
    PRECEDING = "preceding"
    MODIFIED_PRECEDING = "modified_preceding"
    NEAREST = "nearest"


class LegalMethod(StrEnum):
    """The way in which a statute or a court counts a period."""

    FRCP_6 = "frcp-6"
    EU_1182_71 = "eu-1182-71"
    CORRESPONDING_DATE = "corresponding-date"


class Severity(StrEnum):
    """How serious it is to miss a deadline, in ascending order."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class Capacity(StrEnum):
    """Whether a party owes an obligation or is owed it."""

    OBLIGOR = "obligor"
    OBLIGEE = "obligee"


class Status(StrEnum):
    """The status of a deadline."""

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
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a status began."""

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
    MEASURED = "measured"
    OUT_OF_BOUNDS = "out_of_bounds"
    WITHIN_BOUNDS = "within_bounds"
    VIOLATED = "violated"
    CURED = "cured"
    DETERMINED = "determined"
    DETERMINED_FINALLY = "determined_finally"
    COMPONENT_DONE = "component_done"
    EXTENDED = "extended"
    POSTPONED = "postponed"
    RESCHEDULED = "rescheduled"
    WAIVED = "waived"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    NOT_BINDING = "not_binding"


class FactKind(StrEnum):
    """What a fact records about a deadline; a termination is about a whole agreement."""

    PERFORMANCE = "performance"
    MEASUREMENT = "measurement"
    VIOLATION = "violation"
    EXTENSION = "extension"
    RESTATEMENT = "restatement"
    DETERMINATION = "determination"
    WAIVER = "waiver"
    SUSPENSION = "suspension"
    REPLACEMENT = "replacement"
    CANCELLATION = "cancellation"
    TERMINATION = "termination"
    TRIGGER = "trigger"
    RETRACTION = "retraction"


class Verification(StrEnum):
    """The basis of a status, apart from the clock."""

    UNCHECKED = "unchecked"
    CHECKED = "checked"
    CONFIRMED = "confirmed"


class Verdict(StrEnum):
    """What a determination or a position says about a deadline."""

    MET = "met"
    PARTLY_MET = "partly_met"
    NOT_MET = "not_met"
    UNDETERMINED = "undetermined"


class RollUp(StrEnum):
    """How many components of an obligation must be done for it to be done."""

    ALL = "all"
    ANY = "any"
    SHARE = "share"


class ProposalState(StrEnum):
    """The state of a proposed change that a second person must approve."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class ProposedChange(StrEnum):
    """What a proposal would change: a fact, the terms of an agreement, or more than one of them."""

    FACT = "fact"
    AGREEMENT_FACT = "agreement_fact"
    CORRECTION = "correction"
    IMPORT = "import"
    ARCHIVE = "archive"
    PURGE = "purge"
    IMPORT_PURGE = "import_purge"
    PARTY = "party"
    PARTY_MERGE = "party_merge"
    CALENDAR = "calendar"


class EvidenceKind(StrEnum):
    """The kind of a piece of evidence. A search log records a search that found nothing."""

    DOCUMENT = "document"
    STATEMENT = "statement"
    SEARCH_LOG = "search_log"


class Stance(StrEnum):
    """Whether evidence supports performance, contradicts it, or gives context."""

    FOR = "for"
    AGAINST = "against"
    CONTEXT = "context"


class BreachEnd(StrEnum):
    """Why a breach ended. A `voided` breach never happened: a fact took effect before it.

    With `determined`, `terminated` and `expired` the deadline stays unmet but is closed.
    """

    PERFORMED = "performed"
    CURED = "cured"
    EXTENDED = "extended"
    POSTPONED = "postponed"
    RESCHEDULED = "rescheduled"
    WAIVED = "waived"
    SUSPENDED = "suspended"
    DETERMINED = "determined"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    VOIDED = "voided"


class AlertKind(StrEnum):
    """What an alert is about."""

    REMINDER = "reminder"
    MISSED = "missed"
    ESCALATED = "escalated"
    SILENCE_ENDED = "silence_ended"
    RECOVERED = "recovered"
    CHANGED = "changed"


class Announcement(StrEnum):
    """How breaches that began before their deadline was entered are announced.

    In one summary per recipient, without escalations; each like any other breach; or not at all.
    """

    SUMMARY = "summary"
    ALL = "all"
    NONE = "none"


class MessageState(StrEnum):
    """The state of a message. The last attempt of one that failed says why."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class NotificationFrequency(StrEnum):
    """How often a subscription is notified: immediately, or in a daily or weekly digest."""

    IMMEDIATE = "immediate"
    DAILY = "daily"
    WEEKLY = "weekly"


class WebhookKind(StrEnum):
    """What a webhook receives: signed requests or chat messages."""

    STANDARD = "standard"
    CHAT = "chat"


class JobKind(StrEnum):
    """The kind of a background job whose runs are recorded."""

    SWEEP = "sweep"
    RECOMPUTATION = "recomputation"
    AUDIT = "audit"
    LEDGER_CHECK = "ledger_check"


class AttemptOutcome(StrEnum):
    """The outcome of one delivery attempt."""

    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"


class TokenState(StrEnum):
    """The state of an API token."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Role(StrEnum):
    """What a person may do in Pacta. Each role includes the ones before it."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    REVIEWER = "reviewer"
    ADMINISTRATOR = "administrator"


class AuditAction(StrEnum):
    """What an entry of the audit log reports."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    SECRET_CHANGED = "secret_changed"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_FAILED = "sign_in_failed"
    REFUSED = "refused"
