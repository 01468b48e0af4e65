"""Tells people: takes alerts from the outbox, and seals, and sends them as mail."""

from compliance.delivery.run import DeliveryReport, deliver
from compliance.delivery.seals import mail_check, mail_seals

__all__ = ["DeliveryReport", "deliver", "mail_check", "mail_seals"]
