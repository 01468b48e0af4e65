"""The comparison of two instants: states of deadlines, as known then, and records in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import Field

from compliance.domain.civil_periods import CivilPeriod
from compliance.domain.problems import refusal
from compliance.models.people.readers import Reader
from compliance.queries.agreement_statuses import hide_archived
from compliance.queries.deadlines.filters import IS_OF_OBLIGOR, OF_PARTY
from compliance.queries.deadlines.verification import add_verification
from compliance.queries.filters import DayOrInstant, PeriodOrInstant, beginning, ending
from compliance.queries.former import former_obligations
from compliance.queries.obligation_filters import ObligationFilter, add_obligation_filter
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.point_in_time import PointInTime
from compliance.queries.rows import Row, Where
from compliance.queries.unseen import hide_unseen

_STATE = """
LEFT JOIN LATERAL (
    SELECT e.reason, e.status, e.due_on, e.due_at, e.performed, e.target, e.accepted_share,
        e.measured,
        (SELECT count(DISTINCT nullif(w.verdict, 'undetermined')) > 1
             OR count(DISTINCT w.share) > 1
         FROM (SELECT DISTINCT ON (p.party_id) p.verdict, p.share
               FROM compliance_position AS p
               WHERE p.deadline_id = d.id AND p.stated_at <= %({at})s AND p.recorded_at <= %({at})s
               ORDER BY p.party_id, p.stated_at DESC, p.id DESC) AS w) AS is_disputed
    FROM compliance_ledgerentry AS e
    WHERE e.deadline_id = d.id AND e.recorded_at <= %({at})s AND e.effective_at <= %({at})s
    ORDER BY e.recorded_at DESC, e.effective_at DESC LIMIT 1) AS {name}
    ON {name}.reason <> 'not_binding'
"""
_COMPARED = (
    "status", "due_on", "due_at", "performed", "target", "accepted_share", "measured",
    "is_disputed",
)  # fmt: skip
_SELECT = f"""
SELECT d.id, d.obligation_id AS obligation, d.timezone, a.ref AS agreement,
    o.ref AS obligation_ref, o.title,
    {", ".join(f"{side}.{name} AS {side}_{name}" for side in ("b", "s") for name in _COMPARED)},
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', f.id, 'type', f.kind) ORDER BY f.id), '[]')
     FROM compliance_fact AS f
     WHERE f.deadline_id = d.id AND f.recorded_at > %(since)s AND f.recorded_at <= %(until)s
    ) AS facts,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', p.id, 'party', q.code, 'verdict', p.verdict) ORDER BY p.id), '[]')
     FROM compliance_position AS p JOIN compliance_party AS q ON q.id = p.party_id
     WHERE p.deadline_id = d.id AND p.recorded_at > %(since)s AND p.recorded_at <= %(until)s
    ) AS positions
FROM compliance_deadline AS d
JOIN compliance_obligation AS o ON o.id = d.obligation_id
JOIN compliance_agreement AS a ON a.id = d.agreement_id
{_STATE.format(name="b", at="since")}
{_STATE.format(name="s", at="until")}
"""
_DIFFERS = f"""
s.status IS NOT NULL AND (
    ({", ".join(f"b.{name}" for name in _COMPARED)})
        IS DISTINCT FROM ({", ".join(f"s.{name}" for name in _COMPARED)})
    OR EXISTS (SELECT FROM compliance_fact AS f WHERE f.deadline_id = d.id
               AND f.recorded_at > %(since)s AND f.recorded_at <= %(until)s)
    OR EXISTS (SELECT FROM compliance_position AS p WHERE p.deadline_id = d.id
               AND p.recorded_at > %(since)s AND p.recorded_at <= %(until)s))
"""


class Comparison(ObligationFilter, Listing):
    """Filters and the two instants of a comparison. A day or period begins and ends in UTC."""

    since: Annotated[
        DayOrInstant,
        Field(description="A day, month, quarter or year stands for its beginning (UTC)."),
    ]
    until: Annotated[
        PeriodOrInstant | None,
        Field(
            description="A month, quarter or year stands for its end, or for now if it goes on; "
            "a day stands for its beginning (UTC). The default is now."
        ),
    ] = None

    def pinned(self, now: datetime) -> Self:
        """Return a copy with both instants filled in.

        Raises:
            Invalid: an instant lies in the future, or `since` is not before `until`.
        """
        since, until = beginning(self.since), _end(self.until, now)
        if until > now:
            raise refusal("until", "This lies in the future. Give an instant up to now.")
        if since >= until:
            raise refusal("since", "This is not before until. Give an earlier instant.")
        return self.model_copy(update={"since": since, "until": until})

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """Return both instants of a pinned comparison."""
        if self.until is None:
            sentence = "The comparison is not pinned."
            raise ValueError(sentence)
        return beginning(self.since), beginning(self.until)


def _end(boundary: CivilPeriod | date | datetime | None, now: datetime) -> datetime:
    if boundary is None:
        return now
    begins = beginning(boundary)
    if not isinstance(boundary, CivilPeriod) or begins > now:
        return begins
    return min(ending(boundary), now)


def changed(question: Comparison, *, reader: Reader) -> Page:
    """Return the deadlines whose state differs between the instants, or that have new records.

    They are sorted by order of creation.
    """
    since, until = question.instants
    where = Where(since=since, until=until)
    where.add(_DIFFERS)
    hide_unseen(where, reader, agreement="d.agreement_id")
    if question.agreement is None:
        hide_archived(where, agreement="d.agreement_id", known_at=until)
    add_obligation_filter(
        where,
        question,
        reader=reader,
        agreement="d.agreement_id",
        of_party=OF_PARTY,
        is_of_obligor=IS_OF_OBLIGOR,
        known_at="until",
    )
    found = page(_SELECT, where, order=Order(table="d", columns=("id",)), listing=question)
    former = former_obligations(list({each["obligation"] for each in found.rows}), until)
    for each in found.rows:
        each["title"] = former.get(each["obligation"], each).get("title", each["title"])
    before = _states(found.rows, "b", since)
    after = _states(found.rows, "s", until)
    rows = [
        {
            "deadline": each["id"],
            "agreement": each["agreement"],
            "obligation_ref": each["obligation_ref"],
            "title": each["title"],
            "before": before.get(each["id"]),
            "after": after[each["id"]],
            "facts": each["facts"],
            "positions": each["positions"],
        }
        for each in found.rows
    ]
    return Page(rows=rows, next=found.next)


def _states(rows: Sequence[Row], side: str, at: datetime) -> dict[int, Mapping[str, Any]]:
    """Return the states at one instant by deadline id. Deadlines not known then are missing."""
    states = [
        {
            **{name: row[f"{side}_{name}"] for name in _COMPARED},
            **{name: row[name] for name in ("id", "obligation", "timezone")},
        }
        for row in rows
        if row[f"{side}_status"] is not None
    ]
    # It is an instant already. The first day that `since` accepts begins before the first instant.
    add_verification(states, PointInTime.model_construct(as_of=at, known_at=at))
    shown = (*_COMPARED, "verification")
    return {state["id"]: {name: state[name] for name in shown} for state in states}
