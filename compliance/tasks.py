"""The ticks that Celery beat sends. Each does what is due now; none carries any state."""

from __future__ import annotations

from celery import shared_task
from celery.worker import state
from django.utils import timezone

from compliance import delivery
from compliance.operations import recomputation
from compliance.operations import sweep as sweeping


@shared_task
def sweep() -> None:
    """Flag what fell due."""
    sweeping.run(as_of=timezone.now())


@shared_task
def deliver() -> None:
    """Send what waits to be told; end between two mails when the worker is asked to."""
    delivery.deliver(as_of=timezone.now(), is_stopping=lambda: state.should_stop is not None)


@shared_task
def recompute() -> None:
    """Work out again what follows data that has changed; make recurrences ahead."""
    recomputation.run(as_of=timezone.now())
