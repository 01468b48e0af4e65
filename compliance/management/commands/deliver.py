"""Run delivery once."""

from __future__ import annotations

from dataclasses import asdict

from django.core.management.base import BaseCommand
from django.utils import timezone

from compliance import delivery


class Command(BaseCommand):
    """Does what the delivery worker does at each tick."""

    help = "Send pending alerts and emails about proposals, and print the outcome."

    def handle(self, *_args: object, **_options: object) -> None:
        """Run delivery once, as of now."""
        approvers = delivery.notify_approvers(as_of=timezone.now())
        report = delivery.deliver(as_of=timezone.now())
        counts = asdict(report) | {"sent to approvers": approvers}
        self.stdout.write(", ".join(f"{count} {what}" for what, count in counts.items()))
