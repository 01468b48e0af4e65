"""The tables of Pacta."""

from compliance.models.agreements.agreements import (
    Agreement,
    AgreementParty,
    AgreementTeam,
)
from compliance.models.agreements.imports import ImportBatch, ImportedRows
from compliance.models.agreements.milestones import (
    Milestone,
    MilestoneDating,
)
from compliance.models.agreements.obligations import Dependency, Obligation, ObligationParty
from compliance.models.agreements.parties import Party
from compliance.models.agreements.responsibilities import Responsibility
from compliance.models.alerts.alerts import Alert
from compliance.models.alerts.calendar_feeds import CalendarFeed
from compliance.models.alerts.messages import DeliveryAttempt, Message
from compliance.models.alerts.silences import Silence
from compliance.models.alerts.subscriptions import Subscription
from compliance.models.alerts.webhooks import Webhook
from compliance.models.deadlines.breaches import Breach
from compliance.models.deadlines.corrections import Correction
from compliance.models.deadlines.deadlines import Deadline
from compliance.models.deadlines.facts import Fact
from compliance.models.deadlines.ledger import LedgerEntry
from compliance.models.deadlines.positions import Position
from compliance.models.deadlines.proposals import Proposal, ProposalNotification
from compliance.models.deadlines.recomputations import RecomputedDeadline
from compliance.models.due_dates.calendars import ClosingDay, CustomCalendar
from compliance.models.evidence.evidence import Evidence, EvidenceFile
from compliance.models.integrity.seals import Seal
from compliance.models.integrity.tombstones import RemovedRows, Tombstone
from compliance.models.people.attempts import AttemptCount, PasswordLinkRequest
from compliance.models.people.groups import (
    TrackedGroup,
    TrackedGroupPermission,
    TrackedUserGroup,
    TrackedUserPermission,
)
from compliance.models.people.teams import Membership, Team
from compliance.models.people.tokens import ApiToken
from compliance.models.people.users import User
from compliance.models.system.audit_entries import AuditEntry, AuditExport
from compliance.models.system.jobs import JobRun
from compliance.models.system.outages import Outage

__all__ = [
    "Agreement",
    "AgreementParty",
    "AgreementTeam",
    "Alert",
    "ApiToken",
    "AttemptCount",
    "AuditEntry",
    "AuditExport",
    "Breach",
    "CalendarFeed",
    "ClosingDay",
    "Correction",
    "CustomCalendar",
    "Deadline",
    "DeliveryAttempt",
    "Dependency",
    "Evidence",
    "EvidenceFile",
    "Fact",
    "ImportBatch",
    "ImportedRows",
    "JobRun",
    "LedgerEntry",
    "Membership",
    "Message",
    "Milestone",
    "MilestoneDating",
    "Obligation",
    "ObligationParty",
    "Outage",
    "Party",
    "PasswordLinkRequest",
    "Position",
    "Proposal",
    "ProposalNotification",
    "RecomputedDeadline",
    "RemovedRows",
    "Responsibility",
    "Seal",
    "Silence",
    "Subscription",
    "Team",
    "Tombstone",
    "TrackedGroup",
    "TrackedGroupPermission",
    "TrackedUserGroup",
    "TrackedUserPermission",
    "User",
    "Webhook",
]
