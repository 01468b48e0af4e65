"""Conditions over the fields of agreements and obligations, as they were known.

The row itself says what is known now. Of a row that was corrected since, the first later correction
kept what was known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compliance.queries.rows import Where, containing

_CORRECTED = """
(SELECT DISTINCT ON (c.{owner}_id) c.{owner}_id AS id, c.before
 FROM compliance_correction AS c
 WHERE c.{owner}_id IS NOT NULL AND c.recorded_at > %({known_at})s
 ORDER BY c.{owner}_id, c.recorded_at, c.id)
"""


def corrected(owner: str, *, known_at: str = "known_at") -> str:
    """Return SQL for the ids and former fields (`before`) of what was corrected since.

    Args:
        owner: `agreement` or `obligation`.
        known_at: the name of the parameter.
    """
    return _CORRECTED.format(owner=owner, known_at=known_at)


def as_known(
    current: str, former: str, *, row_id: str, owner: str, known_at: str | None = "known_at"
) -> str:
    """Return a condition over the fields that rows had when they were known.

    Args:
        current: the condition over the row itself.
        former: the same condition over `f.before`, the fields of a row that was corrected since.
        row_id: the column with the id of the agreement or obligation.
        owner: as for `corrected`.
        known_at: the name of the parameter; None: as known now.
    """
    if known_at is None:
        return current
    # Few rows were corrected, so each of these is computed once and not for every row.
    since = corrected(owner, known_at=known_at)
    return (
        f"(({current}) AND {row_id} NOT IN (SELECT f.id FROM {since} AS f)"
        f" OR {row_id} IN (SELECT f.id FROM {since} AS f WHERE {former}))"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ObligationFields:
    """What is required of the fields of obligations. None requires nothing.

    Attributes:
        q: text in the title or the ref.
    """

    severity: Sequence[str] | None = None
    obligor: str | None = None
    obligee: str | None = None
    tag: str | None = None
    q: str | None = None

    def add_to(
        self, where: Where, *, of_party: str, known_at: str | None, is_of_obligor: str = "TRUE"
    ) -> None:
        """Require these of the obligations `o`.

        Args:
            of_party: the condition that a party is the `{capacity}`, over a parameter of its name.
            is_of_obligor: the condition that a row is not only of another `obligor`.
            known_at: the name of the parameter; None: as known now.
        """

        def known(current: str, former: str) -> str:
            return as_known(current, former, row_id="o.id", owner="obligation", known_at=known_at)

        severities = self.severity
        if severities is not None and len(severities) == 1:
            # Compared with `=`, so that an index returns the rows in order.
            same = known("o.severity = %(severity)s", "f.before ->> 'severity' = %(severity)s")
            where.add(same, severity=severities[0])
        elif severities is not None:
            any_of = "= ANY(%(severity)s)"
            several = known(f"o.severity {any_of}", f"f.before ->> 'severity' {any_of}")
            where.add(several, severity=list(severities))
        for capacity, code in (("obligor", self.obligor), ("obligee", self.obligee)):
            former = f"f.before -> '{capacity}s' ? %({capacity})s"
            if capacity == "obligor":
                former = f"({former} AND {is_of_obligor})"
            where.add(known(of_party.format(capacity=capacity), former), **{capacity: code})
        tagged = known("o.tags @> ARRAY[%(tag)s]::varchar[]", "f.before -> 'tags' ? %(tag)s")
        where.add(tagged, tag=self.tag)
        if self.q is not None:
            title = known(containing("q", "o.title"), containing("q", "f.before ->> 'title'"))
            where.add(f"({containing('q', 'o.ref')} OR {title})", q=self.q)
