"""Run the sweep once."""

from __future__ import annotations

from django.core.management.base import BaseCommand
from django.utils import timezone

from compliance.operations.deadlines import sweep


class Command(BaseCommand):
    """Does what beat does regularly. Running it by hand is harmless."""

    help = "Refresh every deadline whose next change has come, and print how many."

    def handle(self, *_args: object, **_options: object) -> None:
        """Run, and print the totals."""
        run = sweep.run(as_of=timezone.now())
        counts = run.counts
        seconds = run.run_time.total_seconds() if run.run_time else 0
        self.stdout.write(
            f"{counts['refreshed']} refreshed, {counts['breaches']} breaches, "
            f"{counts['quarantined']} quarantined in {seconds:.2f} s"
        )
