"""The names that the database and the URLs really have, however the code composes them."""

from __future__ import annotations

import pytest
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver

from tests.test_vocabulary import FORBIDDEN, offences

NAMES = """
SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace
UNION
SELECT attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = current_schema()::regnamespace
UNION
SELECT conname FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
UNION
SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
UNION
SELECT tgname FROM pg_trigger
UNION
SELECT polname FROM pg_policy
"""


def forbidden_in(names: str) -> list[str]:
    """Return the lines that contain a former term."""
    return [
        line
        for part, forms, _ in FORBIDDEN
        for _, line in offences(names, names.lower(), part=part, forms=forms)
    ]


@pytest.mark.django_db
def test_no_table_column_constraint_or_trigger_has_a_former_name() -> None:
    with connection.cursor() as cursor:
        cursor.execute(NAMES)
        names = [str(name) for (name,) in cursor.fetchall()]
    assert {"compliance_deadline", "earliest_due_at", "alert_once"} <= set(names)
    assert forbidden_in("\n".join(names)) == []


def test_no_url_has_a_former_name() -> None:
    paths: list[str] = []

    def collect(patterns: list[URLPattern | URLResolver], prefix: str) -> None:
        for each in patterns:
            path = prefix + str(each.pattern)
            if isinstance(each, URLResolver):
                collect(each.url_patterns, path)
            else:
                paths.append(f"{path} {each.name or ''}")

    collect(get_resolver().url_patterns, "")
    assert "calendar-feeds/<str:token>.ics calendar_feed" in paths
    assert forbidden_in("\n".join(paths)) == []
