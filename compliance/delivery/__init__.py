"""Tells people: takes alerts from the outbox, and seals, and sends them as mail."""

from compliance.delivery.heartbeat import beat
from compliance.delivery.run import DeliveryReport, call_webhooks, deliver
from compliance.delivery.seals import mail_check, mail_seals

__all__ = ["DeliveryReport", "beat", "call_webhooks", "deliver", "mail_check", "mail_seals"]
