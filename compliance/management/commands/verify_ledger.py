"""Look whether anything that was recorded has been changed."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.operations.integrity import seals
from compliance.queries.integrity import tampering as integrity


def _root(text: str) -> bytes:
    try:
        root = bytes.fromhex(text)
    except ValueError:
        root = b""
    if len(root) != 32:
        sentence = f"{text} is no root: copy its 64 hexadecimal digits from the mail."
        raise ArgumentTypeError(sentence)
    return root


class Command(BaseCommand):
    """Check chains, seals and stored statuses; end with status 1 if anything is wrong."""

    help = (
        "Check that facts and ledger entries are as they were recorded, that the newest seal "
        "still fits them, and that every stored status follows from them. Names the first bad row "
        "of each broken chain and ends with status 1 if there is one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--all-seals", action="store_true", help="Work out every seal, not the newest alone."
        )
        parser.add_argument(
            "--root", type=_root, metavar="HEX", help="Look for the seal with this root, too."
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Check, keep what was found, and print it.

        Raises:
            CommandError: something is wrong. The bad rows stand before it, a line each.
        """
        started_at = timezone.now()
        found = integrity.check(
            as_of=started_at, every_seal=options["all_seals"], root=options["root"]
        )
        check = seals.note_check(
            started_at=started_at,
            ended_at=timezone.now(),
            deadlines=found.deadlines,
            facts=found.facts,
            entries=found.entries,
            problems=found.problems,
        )
        seconds = (check.ended_at - check.started_at).total_seconds()
        self.stdout.write(
            f"{found.deadlines} deadlines, {found.facts} facts, {found.entries} ledger entries "
            f"and {found.seals} seals checked in {seconds:.2f} s"
        )
        if found.set_aside:
            self.stdout.write(
                f"{found.set_aside} deadlines are set aside: their chains were checked, their "
                "status was not."
            )
        for row in found.bad_rows:
            self.stderr.write(str(row))
        if not found.is_clean:
            sentence = f"{found.bad} rows are not as they were recorded."
            raise CommandError(sentence)
        self.stdout.write("Everything is as it was recorded.")
