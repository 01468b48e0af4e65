"""Import agreement documents from files."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pghistory
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.domain.agreements.documents import read_agreement, refs_of
from compliance.domain.agreements.import_reports import LONGEST_SOURCE, Difference, ImportMode
from compliance.domain.phrases import counted
from compliance.domain.problems import Invalid, naming
from compliance.domain.vocabulary import Announcement
from compliance.operations.agreements import documents
from compliance.operations.deadlines.approvals import ApprovalNeeded

_YAML = {".yaml", ".yml"}
_JSON = {".json"}


class Command(BaseCommand):
    """Imports documents. A document with errors is not stored at all."""

    help = "Import agreement documents (YAML or JSON). Importing one twice is harmless."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--mode",
            type=ImportMode,
            choices=list(ImportMode),
            default=ImportMode.ADD,
            help="add (the default) keeps stored values; update corrects them by the file.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Store nothing; print what would be stored."
        )
        parser.add_argument(
            "--announce",
            choices=list(Announcement),
            default=Announcement.SUMMARY,
            type=Announcement,
            help=(
                "how to announce breaches that began before the import: in one summary per "
                "recipient (the default), each with its escalations, or not at all"
            ),
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Import every file. A rejected file does not prevent the import of the others.

        Raises:
            CommandError: a file was rejected. Its errors are printed before, one per line.
        """
        files: list[Path] = options["files"]
        refused = [file for file in files if not self._load(file, options)]
        if refused:
            sentence = (
                f"{len(refused)} of {len(files)} files were rejected; nothing in them was stored."
            )
            raise CommandError(sentence)

    def _load(self, file: Path, options: dict[str, Any]) -> bool:
        if file.suffix.lower() not in _YAML | _JSON:
            self.stderr.write(f"{file}: The name must end in .yaml, .yml or .json.")
            return False
        try:
            document = read_agreement(file.read_bytes(), is_yaml=file.suffix.lower() in _YAML)
            # Recorded by the history triggers with every change, like the user of a request.
            with (
                naming(refs_of(document)),
                pghistory.context(command="load_agreement", file=file.name),
            ):
                loaded = documents.load(
                    document=document,
                    by=None,
                    as_of=timezone.now(),
                    mode=options["mode"],
                    is_dry_run=options["dry_run"],
                    announcement=options["announce"],
                    source_name=file.name[:LONGEST_SOURCE],
                )
        except OSError as error:
            self.stderr.write(f"{file}: {error.strerror}.")
            return False
        except ApprovalNeeded as needed:
            self.stderr.write(
                f"{file}: {needed} Import it over the API instead, which makes it a proposal."
            )
            return False
        except Invalid as error:
            for problem in error.problems:
                where = f"{problem.path}: " if problem.path else ""
                self.stderr.write(f"{file}: {where}{problem.detail}")
            return False
        if options["verbosity"]:
            self._print(loaded, is_dry_run=options["dry_run"])
        return True

    def _print(self, loaded: documents.Loaded, *, is_dry_run: bool) -> None:
        ref, report = loaded.agreement.ref, loaded.report
        counts = (
            f"{counted(loaded.obligations, 'obligation')}, {counted(loaded.facts, 'fact')}, "
            f"{counted(loaded.positions, 'position')}, "
            f"{counted(loaded.evidence, 'piece')} of evidence"
        )
        if not loaded.is_changed:
            self.stdout.write(f"{ref}: nothing new")
        else:
            verb = "stored with" if loaded.is_new else "added"
            self.stdout.write(f"{ref}: {verb} {counts}")
        for each in report.changed:
            self._print_difference("changed", each)
        for each in report.ignored:
            self._print_difference("ignored", each)
        for warning in report.warnings:
            self.stdout.write(f"warning: {warning.path}: {warning.detail}")
        if is_dry_run:
            self.stdout.write(f"{ref}: this was a dry run; nothing was stored")

    def _print_difference(self, what: str, each: Difference) -> None:
        self.stdout.write(
            f"{what}: {each.path} ({each.ref}): stored {each.stored}, in the document {each.sent}"
        )
