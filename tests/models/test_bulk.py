"""Rows reach a statement as they were given, one array for each column."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DatabaseTestCase

from compliance.models import Party
from compliance.models.bulk import RowType, array, fetch, insert, write_rows

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


NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def stored(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows as a statement finds them, each with the label that it was given for all."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DROP TABLE IF EXISTS kept;
            CREATE TEMPORARY TABLE kept (
                number bigint, text text, instant timestamptz, day date, amount numeric,
                is_so boolean, label text
            ) ON COMMIT DROP
            """
        )
    write_rows(f"INSERT INTO kept SELECT v.*, %(label)s FROM {ROW.rows}", ROW, rows, label="same")
    return fetch("SELECT * FROM kept ORDER BY number")


@pytest.mark.django_db
def test_rows_are_stored_with_their_types_and_nulls() -> None:
    rows = [
        (1, "unmet", NOON, date(2026, 3, 1), Decimal("12.500000"), True),
        (2**62, None, None, None, None, None),
    ]
    assert stored(rows) == [(*row, "same") for row in rows]


def few(*values: object) -> st.SearchStrategy[Any]:
    """Return few values, so that columns often hold the same one, or nothing, in all rows."""
    return st.just(values[0]) | st.sampled_from([None, *values])


class EveryColumn(DatabaseTestCase):
    """Columns may hold one value throughout, nulls only, or anything."""

    @given(
        st.lists(
            st.tuples(
                few("unmet", "", "NULL", "a\\b"),
                few(NOON, datetime(2190, 1, 1, tzinfo=UTC)),
                few(date(2026, 3, 1), date(2027, 1, 1)),
                few(Decimal("0.000000"), Decimal("12.500000")),
                few(False, True),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def test_rows_arrive_unchanged(self, values: list[tuple[Any, ...]]) -> None:
        rows = [(number, *each) for number, each in enumerate(values)]
        assert stored(rows) == [(*row, "same") for row in rows]


@pytest.mark.django_db
def test_a_value_that_all_rows_share_is_sent_once() -> None:
    rows = [(number, "unmet", NOON, None, None, True) for number in range(3)]
    parameters = ROW.parameters(rows)
    assert parameters["v_number"] == "{0,1,2}"
    assert (parameters["v_text"], parameters["same_text"]) == ("{}", '{"unmet"}')
    assert stored(rows) == [(*row, "same") for row in rows]


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


@pytest.mark.django_db
def test_rows_that_leave_different_columns_to_the_database_are_refused() -> None:
    first, second = Party(code="A", name="A"), Party(pk=99, code="B", name="B")
    for rows in ([first, second], [second, first]):
        with pytest.raises(ValueError, match="the same columns"):
            insert(rows)
    assert not Party.objects.exists()
