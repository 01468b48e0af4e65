"""The tables of Pacta."""

from compliance.models.agreements import Agreement, AgreementParty, Milestone, Party
from compliance.models.alerts import Alert, DeliveryAttempt, Message, Subscription
from compliance.models.calendars import ClosingDay, DeskCalendar
from compliance.models.deadlines import (
    Breach,
    Deadline,
    LedgerEntry,
    Move,
    Recomputation,
    SweepRun,
)
from compliance.models.facts import Evidence, Fact, Position
from compliance.models.obligations import Dependency, Obligation, ObligationParty
from compliance.models.users import ApiToken, User

__all__ = [
    "Agreement",
    "AgreementParty",
    "Alert",
    "ApiToken",
    "Breach",
    "ClosingDay",
    "Deadline",
    "DeliveryAttempt",
    "Dependency",
    "DeskCalendar",
    "Evidence",
    "Fact",
    "LedgerEntry",
    "Message",
    "Milestone",
    "Move",
    "Obligation",
    "ObligationParty",
    "Party",
    "Position",
    "Recomputation",
    "Subscription",
    "SweepRun",
    "User",
]
