"""Dates of reduced precision in SQL."""

from __future__ import annotations


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


# The precision with which the current due date was agreed: by the rule, or by an extension.
DUE_PRECISION = """
    CASE WHEN d.due_at IS NULL THEN NULL
    WHEN d.due_at = d.original_due_at THEN coalesce(o.due ->> 'precision', 'day')
    ELSE coalesce((
        SELECT f.due ->> 'precision' FROM compliance_fact AS f
        WHERE f.deadline_id = d.id AND f.kind = 'extension' AND f.due_at = d.due_at
        ORDER BY f.id DESC LIMIT 1), 'day') END
"""
