"""Restore a backup into an empty database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from compliance.domain.phrases import counted
from standalone import backups
from standalone.archives import BackupError
from standalone.first_start import migrate


class Command(BaseCommand):
    """Restores what `backup` wrote, and checks it."""

    help = (
        "Restore a backup into an empty database and its files into FILES_DIR. The backup is "
        "checked first, and verify_ledger runs at the end."
    )
    requires_system_checks: list[str] = []  # they query tables that do not exist yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the name of the file."""
        parser.add_argument("file", type=Path, help="a file that backup wrote")

    def handle(self, *_args: object, file: Path, **_options: object) -> None:
        """Restore, migrate if the backup is older than the code, and check the ledger.

        Raises:
            CommandError: it was not possible, or the restored records were changed before the
                backup; the message is one line.
        """
        try:
            report = backups.restore(file.absolute())
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{counted(report.rows, 'row')} and {counted(report.files, 'file')} restored."
        )
        migrate()
        call_command("verify_ledger", stdout=self.stdout, stderr=self.stderr)
