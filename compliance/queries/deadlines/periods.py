"""Dates of reduced precision in SQL."""

from __future__ import annotations

from compliance.domain.civil_periods import period_text
from compliance.domain.vocabulary import Precision
from compliance.queries.rows import Row


def period_sql(day: str, precision: str) -> str:
    """Return SQL for a day as text, or for the month, quarter or year that contains it."""
    return f"""CASE {precision}
        WHEN 'month' THEN to_char({day}, 'YYYY-MM')
        WHEN 'quarter' THEN to_char({day}, 'YYYY"-Q"Q')
        WHEN 'year' THEN to_char({day}, 'YYYY')
        ELSE to_char({day}, 'YYYY-MM-DD') END"""


def precision_sql(day: str, precision: str) -> str:
    """Return SQL for the precision of a day; null if there is no day."""
    return f"CASE WHEN {day} IS NOT NULL THEN coalesce({precision}, 'day') END"


def evidence_sql(kind: str, row_id: str) -> str:
    """Return SQL for the refs of the evidence of a `fact` or `position`, as known at `known_at`."""
    return f"""ARRAY(SELECT e.ref FROM compliance_{kind}_evidence AS l
          JOIN compliance_evidence AS e ON e.id = l.evidence_id
          WHERE l.{kind}_id = {row_id}
            AND e.recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz)
          ORDER BY l.id)"""


def say_periods(row: Row, *names: str) -> None:
    """Give these days of a row as texts, with the month, quarter or year if only that is known."""
    for name in names:
        precision = Precision(row[f"{name}_precision"])
        day = row[name]
        row[name] = None if day is None else period_text(day, precision)
        row[f"{name}_precision"] = None if day is None else precision.value


# The precision with which the current due date was agreed: by the rule, or by an extension.
DUE_PRECISION = """
    CASE WHEN d.due_at IS NULL THEN NULL
    WHEN d.due_at = d.original_due_at THEN coalesce(o.due ->> 'precision', 'day')
    ELSE coalesce((
        SELECT f.due ->> 'precision' FROM compliance_fact AS f
        WHERE f.deadline_id = d.id AND f.kind = 'extension' AND f.due_at = d.due_at
        ORDER BY f.id DESC LIMIT 1), 'day') END
"""
