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
        seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at else 0
        self.stdout.write(
            f"{run.settled} settled, {run.breaches} breaches, {run.quarantined} quarantined "
            f"in {seconds:.2f} s"
        )
