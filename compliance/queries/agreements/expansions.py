"""Replace what rows only name by the whole row: the obligation and the agreement of deadlines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from compliance.models.people.readers import Reader
from compliance.queries.agreements import agreements, obligations
from compliance.queries.deadlines.deadlines import Expanded
from compliance.queries.point_in_time import PointInTime
from compliance.queries.rows import Row


def expand(
    rows: Sequence[Row],
    wanted: Collection[Expanded],
    moment: PointInTime,
    *,
    reader: Reader,
    now: datetime,
) -> None:
    """Replace fields of rows by the rows that they name, as known at the same time."""
    if Expanded.OBLIGATION in wanted:
        ids = {each["obligation"] for each in rows}
        found = obligations.rows_with(ids, moment, reader=reader)
        for each in rows:
            each["obligation"] = found.get(each["obligation"], each["obligation"])
    if Expanded.AGREEMENT in wanted:
        refs = {each["agreement"] for each in rows}
        named = agreements.rows_with(refs, moment, reader=reader, now=now)
        for each in rows:
            each["agreement"] = named.get(each["agreement"], each["agreement"])
