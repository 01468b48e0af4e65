"""Rows reach a statement as they were given, one array for each column."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.models.bulk import RowType, array, fetch, write_rows

ROW = RowType(
    number="bigint",
    text="text",
    instant="timestamptz",
    day="date",
    amount="numeric",
    is_so="boolean",
)
# PostgreSQL stores neither NUL nor half of a surrogate pair.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def test_an_array_of_nothing_is_empty() -> None:
    assert array([]) == "{}"


@pytest.mark.django_db
def test_rows_are_stored_with_their_types_and_nulls() -> None:
    noon = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    rows = [
        (1, "unmet", noon, date(2026, 3, 1), Decimal("12.500000"), True),
        (2**62, None, None, None, None, None),
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE TEMPORARY TABLE kept (
                number bigint, text text, instant timestamptz, day date, amount numeric,
                is_so boolean, label text
            ) ON COMMIT DROP
            """
        )
    write_rows(f"INSERT INTO kept SELECT v.*, %(label)s FROM {ROW.rows}", ROW, rows, label="same")
    found = fetch("SELECT * FROM kept ORDER BY number")
    assert found == [(*row, "same") for row in rows]


class EveryText(DatabaseTestCase):
    """Quotes, backslashes, braces, commas, control characters and the word null survive."""

    @given(st.lists(TEXTS, min_size=1))
    def test_any_text_arrives_unchanged(self, texts: list[str]) -> None:
        found = fetch("SELECT t FROM unnest(%(texts)s::text[]) AS t", texts=array(texts))
        assert [text for (text,) in found] == texts

    def test_words_that_mean_something_to_an_array_are_plain_text(self) -> None:
        texts = ["NULL", "null", "{}", "", '"', "\\", "a,b", "\n", "\t\x01"]
        found = fetch("SELECT t FROM unnest(%(texts)s::text[]) AS t", texts=array(texts))
        assert [text for (text,) in found] == texts
