"""Find the deadlines that the facts and positions of a document name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date

from compliance.domain.agreements.document_drafts import DocumentFact, DocumentPosition
from compliance.domain.civil_periods import period_of, period_text
from compliance.domain.limits import MOST_FACTS, too_many_facts
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import Precision
from compliance.models import Deadline


class DeadlinesOfObligation:
    """The deadlines of one obligation, by due day."""

    def __init__(self, rows: Sequence[Deadline]) -> None:
        self._rows = rows
        self._by_day: dict[date, list[Deadline]] = defaultdict(list)
        self._by_original_day: dict[date, list[Deadline]] = defaultdict(list)
        for row in rows:
            if row.due_on is not None:
                self._by_day[row.due_on].append(row)
            if row.original_due_on is not None:
                self._by_original_day[row.original_due_on].append(row)

    def check_number_of_facts(self, drafts: Sequence[DocumentFact]) -> None:
        """Refuse a document with more facts about one deadline than are accepted.

        Raises:
            Invalid: at the empty path.
        """
        days = Counter((each.due_on, each.number) for each in drafts)
        (due_on, _), count = next(iter(days.most_common(1)), ((None, None), 0))
        if count > MOST_FACTS:
            subject = f"The deadline due on {due_on}" if due_on else "The deadline"
            raise refusal("", f"{subject} {too_many_facts(count)}")

    def named(self, draft: DocumentFact | DocumentPosition) -> Deadline:
        """Return the deadline with a number, or the one that is due on a day, or the only one.

        If a month, quarter or year is given, it may be due anywhere in that.

        Raises:
            Invalid: there is no such deadline (at `number`), or not exactly one (at `due_on`).
        """
        due_on, number, precision = draft.due_on, draft.number, draft.due_on_precision
        if number is not None:
            return self._numbered(number, due_on)
        if due_on is None:
            if len(self._rows) > 1:
                sentence = "This obligation recurs: give the due date of the deadline as due_on."
                raise refusal("due_on", sentence)
            return self._rows[0]
        # Original dates take precedence: another deadline may have been moved to this date.
        for days in (self._by_original_day, self._by_day):
            found = days.get(due_on, [])
            if not found and precision is not Precision.DAY:
                first = period_of(due_on, precision).first
                found = [each for on in days if first <= on <= due_on for each in days[on]]
            if len(found) > 1:
                numbers = " or ".join(str(each.number) for each in found)
                sentence = (
                    f"Several deadlines are due on {period_text(due_on, precision)}: give number "
                    f"as well ({numbers})."
                )
                raise refusal("due_on", sentence)
            if found:
                return found[0]
        due = period_text(due_on, precision)
        sentence = f"No deadline of this obligation is due on {due}: correct due_on."
        raise refusal("due_on", sentence)

    def _numbered(self, number: int, due_on: date | None) -> Deadline:
        numbered = next((each for each in self._rows if each.number == number), None)
        if numbered is None:
            sentence = f"This obligation has no deadline with the number {number}: correct number."
            raise refusal("number", sentence)
        if due_on is not None and due_on not in (numbered.original_due_on, numbered.due_on):
            sentence = f"Deadline {number} is not due on {due_on}: remove number or due_on."
            raise refusal("due_on", sentence)
        return numbered
