"""Check whether any record was changed."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.domain.phrases import counted
from compliance.operations.integrity import seals
from compliance.queries.integrity import tampering as integrity


def _root(text: str) -> bytes:
    try:
        root = bytes.fromhex(text)
    except ValueError:
        root = b""
    if len(root) != 32:
        sentence = f"{text} is not a root. Copy the 64 hexadecimal digits from the email."
        raise ArgumentTypeError(sentence)
    return root


class Command(BaseCommand):
    """Checks hash chains, seals and stored statuses. Exits with status 1 if it finds a problem."""

    help = (
        "Check that facts and ledger entries are unchanged, that the latest seal still matches, "
        "and that every stored status follows from them. Prints the first bad row of each broken "
        "chain and exits with status 1 if there is one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--all-seals", action="store_true", help="Check every seal, not only the latest."
        )
        parser.add_argument(
            "--root", type=_root, metavar="HEX", help="Also look for the seal with this root."
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Check, store the result and print it.

        Raises:
            CommandError: a problem was found. The bad rows are printed before, one per line.
        """
        started_at = timezone.now()
        found = integrity.check(
            as_of=started_at, every_seal=options["all_seals"], root=options["root"]
        )
        check = seals.record_check(
            started_at=started_at,
            ended_at=timezone.now(),
            deadlines=found.deadlines,
            facts=found.facts,
            entries=found.entries,
            problems=found.problems,
        )
        seconds = check.run_time.total_seconds() if check.run_time else 0
        self.stdout.write(
            f"{counted(found.deadlines, 'deadline')}, {counted(found.facts, 'fact')}, "
            f"{found.entries:,} ledger {'entry' if found.entries == 1 else 'entries'} "
            f"and {counted(found.seals, 'seal')} checked in {seconds:.2f} s"
        )
        if found.quarantined:
            self.stdout.write(
                f"Quarantined: {counted(found.quarantined, 'deadline')}, whose chains were "
                "checked, but not the status."
            )
        for gap in found.gaps:
            self.stdout.write(gap)
        for row in found.bad_rows:
            self.stderr.write(str(row))
        if not found.is_clean:
            sentence = f"Changed since recording: {counted(found.bad, 'row')}."
            raise CommandError(sentence)
        self.stdout.write("Everything is unchanged.")
