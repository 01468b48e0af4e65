"""Remove, now, the files that no evidence refers to."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.operations.evidence import orphans

_MOST_DAYS = 36_500


class Command(BaseCommand):
    """Remove what failed uploads left in `FILES_DIR`."""

    help = (
        "Removes files that no evidence refers to, left behind by uploads that failed, and prints "
        "their paths. The service does the same by itself once a day."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the age, and whether to show only."""
        parser.add_argument(
            "--days",
            type=int,
            default=orphans.ORPHANED_FOR.days,
            help="only files last written so many days ago or longer (default: %(default)s)",
        )
        parser.add_argument("--dry-run", action="store_true", help="remove nothing")

    def handle(self, *_args: object, days: int, dry_run: bool, **_options: object) -> None:
        """Remove, and print each path and their number.

        Raises:
            CommandError: `days` is out of range.
        """
        if not 0 <= days <= _MOST_DAYS:
            raise CommandError(f"--days must be between 0 and {_MOST_DAYS}.")
        removed = orphans.remove(
            as_of=timezone.now(), older_than=timedelta(days=days), is_dry_run=dry_run
        )
        for path in removed:
            self.stdout.write(str(path))
        count = f"{len(removed)} file{'' if len(removed) == 1 else 's'}"
        self.stdout.write(f"{count} {'would be removed' if dry_run else 'removed'}.")
