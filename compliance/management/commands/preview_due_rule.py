"""Preview due rules: one JSON line in, one JSON line out."""

from __future__ import annotations

import sys

import orjson
from django.core.management.base import BaseCommand

from compliance.domain.agreements.documents import parse
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.models.people.readers import SYSTEM
from compliance.queries.due_dates.due_rules import PreviewDraft, previewed


class Command(BaseCommand):
    """Reads one preview request per line and writes its dates or errors in the same order."""

    help = (
        "Reads lines of JSON from standard input, each with a rule and optionally agreement, "
        "obligor, obligee, timezone, grace and limit; writes for each a line of JSON with its "
        "dates, instants, trace and warnings, or with its errors. Stores nothing."
    )

    def handle(self, *_args: object, **_options: object) -> None:
        """Answer each line immediately. The answer to an invalid line is its errors."""
        for line in sys.stdin.buffer:
            if not line.strip():
                continue
            try:
                value = parse(line, is_yaml=False)
                # A bare rule is accepted like a rule inside a request.
                if isinstance(value, dict) and "rule" not in value and "type" in value:
                    value = {"rule": value}
                answer = previewed(read(PreviewDraft, value), reader=SYSTEM)
            except Invalid as error:
                answer = {
                    "errors": [
                        {"path": each.path, "detail": each.detail} for each in error.problems
                    ]
                }
            self.stdout.write(orjson.dumps(answer, option=orjson.OPT_UTC_Z).decode())
            self.stdout.flush()
