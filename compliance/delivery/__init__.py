"""Tells people: takes alerts from the outbox and sends them as mail."""

from compliance.delivery.run import DeliveryReport, deliver

__all__ = ["DeliveryReport", "deliver"]
