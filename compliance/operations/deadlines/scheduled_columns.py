"""The terms of deadlines as their columns."""

from __future__ import annotations

from typing import Any

from compliance.domain.deadlines.scheduling import ScheduledTerms
from compliance.domain.deadlines.terms import Move
from compliance.domain.vocabulary import Reason
from compliance.models.deadlines.terms import dump_due


def columns_of(terms: ScheduledTerms) -> dict[str, Any]:
    """Return the terms of a deadline as its columns, by name."""
    due = terms.due
    moves = [
        *map(_dump_move, terms.moves),
        *({"fact": pk, "due": dump_due(each)} for pk, each in terms.fact_dues.items()),
    ]
    return {
        "timezone": terms.timezone,
        "begins_at": terms.begins_at,
        "is_start_presumed": terms.is_start_presumed,
        "starts_at": terms.starts_at,
        "original_due_on": due.due_on if due else None,
        "original_due_at": due.due_at if due else None,
        "original_unmet_at": due.unmet_at if due else None,
        "original_earliest_due_at": due.earliest_due_at if due else None,
        "moves": moves or None,
        "trace": list(terms.trace),
        "warnings": [
            {"due_at": due_at and due_at.isoformat(), "text": text}
            for due_at, text in terms.warnings
        ],
    }


def _dump_move(move: Move) -> dict[str, Any]:
    dumped: dict[str, Any] = {
        "at": move.at.isoformat(),
        "reason": move.reason.value,
        "due": None if move.due is None else dump_due(move.due),
    }
    if move.place != 1:
        dumped["place"] = move.place
    if move.reason is Reason.COMPONENT_DONE:
        dumped |= {"performed": str(move.performed), "target": str(move.target)}
    return dumped
