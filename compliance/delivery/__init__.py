"""Notifies people: alerts by email and webhook; proposals and seals by email."""

from compliance.delivery.heartbeat import beat
from compliance.delivery.integrity_mails import mail_check, mail_seals
from compliance.delivery.proposal_mails import notify_approvers
from compliance.delivery.run import DeliveryReport, call_webhooks, deliver

__all__ = [
    "DeliveryReport",
    "beat",
    "call_webhooks",
    "deliver",
    "mail_check",
    "mail_seals",
    "notify_approvers",
]
