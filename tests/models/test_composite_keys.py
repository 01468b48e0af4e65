"""The checks of composite keys stay fast while documents are imported."""

from __future__ import annotations

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db

# PostgreSQL checks each row that refers to an obligation of an agreement with this statement.
_CHECK = """
    EXPLAIN (GENERIC_PLAN, COSTS OFF)
    SELECT 1 FROM ONLY compliance_obligation AS x
    WHERE agreement_id = $1 AND id = $2 FOR KEY SHARE OF x
"""


def test_rows_look_their_obligation_up_in_the_index_on_all_columns_of_the_key() -> None:
    # A session keeps the plan that it makes while the tables are empty. With an index on the
    # agreement alone, it reads all obligations of the agreement for each new row.
    with connection.cursor() as cursor:
        # PostgreSQL reads a table as a whole if its statistics say that it is empty.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(_CHECK)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "using obligation_in_agreement on" in plan
    assert "Index Cond: ((agreement_id = $1) AND (id = $2))" in plan
    assert "Filter" not in plan
