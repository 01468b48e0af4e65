"""Recompute due dates now."""

from __future__ import annotations

from datetime import UTC, datetime

from django.core.management.base import BaseCommand
from django.utils import timezone

from compliance.models import RecomputedDeadline
from compliance.operations.agreements import recomputation


class Command(BaseCommand):
    """Recomputes open deadlines from current zone and holiday data, and extends recurrences."""

    help = (
        "Recompute every open deadline whose zone or holiday data has changed, and create the "
        "deadlines of recurrences up to the horizon. Print what moved."
    )

    def handle(self, *_args: object, **_options: object) -> None:
        """Run, and print the totals and every moved deadline."""
        run = recomputation.run(as_of=timezone.now())
        if run is None:
            self.stdout.write("Everything is up to date.")
            return
        self.stdout.write(
            f"{run.counts['examined']} examined, {run.counts['moved']} moved, "
            f"{run.counts['failed']} failed, with {run.parameters['data_version']}"
        )
        recomputed = run.recomputed_deadlines.select_related("deadline__obligation__agreement")
        for each in recomputed.iterator(chunk_size=1_000):
            self.stdout.write(_sentence(each))


def _sentence(recomputed: RecomputedDeadline) -> str:
    obligation = recomputed.deadline.obligation
    name = f"{obligation.agreement.ref} {obligation.ref}, deadline {recomputed.deadline_id}"
    if recomputed.problem:
        return f"{name}: kept at {_instant(recomputed.from_due_at)}. {recomputed.problem}"
    return f"{name}: {_instant(recomputed.from_due_at)} to {_instant(recomputed.to_due_at)}"


def _instant(at: datetime | None) -> str:
    return "no date" if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
