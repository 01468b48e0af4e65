"""Back up the database and the evidence files into one file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.domain.phrases import counted
from standalone import backups
from standalone.archives import BackupError


class Command(BaseCommand):
    """Writes a backup while the service runs."""

    help = (
        "Back up the database and all evidence files into one new file that only you can read. "
        "The service may run. The file is checked, and gets its name only when it is complete."
    )
    requires_system_checks: list[str] = []  # it reads the database as it is

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the name of the file."""
        parser.add_argument("file", type=Path, help="a file that does not exist yet")

    def handle(self, *_args: object, file: Path, **_options: object) -> None:
        """Back up, and print what the file contains.

        Raises:
            CommandError: it was not possible; the message is one line.
        """
        try:
            report = backups.back_up(file.absolute(), as_of=timezone.now())
        except BackupError as error:
            raise CommandError(str(error)) from error
        for warning in report.warnings:
            self.stderr.write(warning)
        self.stdout.write(
            f"{file} contains {counted(report.rows, 'row')} and {counted(report.files, 'file')}; "
            "all hashes match. SECRET_KEY is not in it: keep it elsewhere."
        )
