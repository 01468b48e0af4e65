"""The tables of Pacta."""

from compliance.models.agreements import Agreement, AgreementParty, Party
from compliance.models.alerts import Alert, DeliveryAttempt, Message, Subscription
from compliance.models.deadlines import Breach, Deadline, LedgerEntry, SweepRun
from compliance.models.facts import Evidence, Fact, Position
from compliance.models.obligations import Obligation, ObligationParty
from compliance.models.users import ApiToken, User

__all__ = [
    "Agreement",
    "AgreementParty",
    "Alert",
    "ApiToken",
    "Breach",
    "Deadline",
    "DeliveryAttempt",
    "Evidence",
    "Fact",
    "LedgerEntry",
    "Message",
    "Obligation",
    "ObligationParty",
    "Party",
    "Position",
    "Subscription",
    "SweepRun",
    "User",
]
