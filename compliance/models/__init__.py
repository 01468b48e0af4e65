"""The tables of Pacta."""

from compliance.models.agreements import Agreement, AgreementParty, Milestone, Party
from compliance.models.alerts import (
    Alert,
    DeliveryAttempt,
    Message,
    Silence,
    Subscription,
    Webhook,
)
from compliance.models.audits import Audit, Outage
from compliance.models.calendars import ClosingDay, DeskCalendar
from compliance.models.deadlines import (
    Breach,
    Deadline,
    LedgerEntry,
    Move,
    Recomputation,
    SweepRun,
)
from compliance.models.evidence import Evidence, EvidenceFile
from compliance.models.facts import Fact
from compliance.models.feeds import Feed
from compliance.models.obligations import Dependency, Obligation, ObligationParty
from compliance.models.positions import Position
from compliance.models.proposals import Proposal
from compliance.models.seals import AgreementChain, LedgerCheck, Seal
from compliance.models.users import ApiToken, User

__all__ = [
    "Agreement",
    "AgreementChain",
    "AgreementParty",
    "Alert",
    "ApiToken",
    "Audit",
    "Breach",
    "ClosingDay",
    "Deadline",
    "DeliveryAttempt",
    "Dependency",
    "DeskCalendar",
    "Evidence",
    "EvidenceFile",
    "Fact",
    "Feed",
    "LedgerCheck",
    "LedgerEntry",
    "Message",
    "Milestone",
    "Move",
    "Obligation",
    "ObligationParty",
    "Outage",
    "Party",
    "Position",
    "Proposal",
    "Recomputation",
    "Seal",
    "Silence",
    "Subscription",
    "SweepRun",
    "User",
    "Webhook",
]
