"""SQL for the states of deadlines, now or at another time as known at some time.

The ledger rule: the status at V as known at K comes from the ledger row with `recorded_at <= K`
and `effective_at <= V` that is latest by `recorded_at`, then by `effective_at`.
"""

from __future__ import annotations

from compliance.queries.deadlines.closed import IS_CLOSED

NOW = "compliance_deadline AS d"

# The state of each deadline by the ledger rule. If few deadlines are requested, each is looked up;
# for all, the index of the ledger is read once, from its end.
_STATE = "e.status, e.reason, e.effective_at, e.due_on, e.due_at, e.unmet_at, e.earliest_due_at,"
_STATES_OF_FEW = f"""
JOIN LATERAL (
    SELECT {_STATE} e.performed, e.target, e.accepted_share, e.measured
    FROM compliance_ledgerentry AS e
    WHERE e.deadline_id = d.id AND e.recorded_at <= %(known_at)s AND e.effective_at <= %(as_of)s
    ORDER BY e.recorded_at DESC, e.effective_at DESC LIMIT 1) AS e
ON e.reason <> 'not_binding'
"""
_STATES_OF_ALL = f"""
JOIN (
    SELECT DISTINCT ON (e.deadline_id) e.deadline_id, {_STATE} e.performed, e.target,
        e.accepted_share, e.measured
    FROM compliance_ledgerentry AS e
    WHERE e.recorded_at <= %(known_at)s AND e.effective_at <= %(as_of)s
    ORDER BY e.deadline_id DESC, e.recorded_at DESC, e.effective_at DESC) AS e
ON e.deadline_id = d.id AND e.reason <> 'not_binding'
"""

_SINCE = """
    (SELECT min(c.effective_at)
     FROM (SELECT r.effective_at,
               bool_and(r.status = e.status) OVER (ORDER BY r.effective_at DESC) AS is_same
           FROM compliance_ledgerentry AS r
           WHERE r.deadline_id = d.id AND r.recorded_at <= %(known_at)s
             AND r.effective_at <= %(as_of)s
             AND NOT EXISTS (
                 SELECT 1 FROM compliance_ledgerentry AS later
                 WHERE later.deadline_id = d.id AND later.recorded_at > r.recorded_at
                   AND later.recorded_at <= %(known_at)s
                   AND later.effective_at <= r.effective_at)) AS c
     WHERE c.is_same)
"""
# The status may have begun with an earlier entry: `status_since.add_status_since` finds these.
_LATEST = "e.effective_at"

# PostgreSQL omits joins that a query does not need from its plan.
_AS_OF = f"""
(SELECT d.id, d.obligation_id, d.agreement_id, d.party_id, e.due_on, e.due_at,
    d.original_due_at, d.timezone,
    e.status, NULL::text AS verification, NULL::timestamptz AS next_check_at,
    e.unmet_at, d.starts_at, e.earliest_due_at,
    e.reason IN ('window_began', 'performed_in_window')
        OR coalesce(e.status = 'pending' AND e.earliest_due_at <= e.effective_at, FALSE)
            AS is_ambiguous,
    e.performed AS performed_quantity, e.target AS target_quantity,
    e.accepted_share, e.measured AS measured_quantity, d.begins_at, d.is_start_presumed,
    {IS_CLOSED} AS is_closed,
    d.trace, d.warnings, d.data_version, d.number,
    e.effective_at AS latest_at, {{since}} AS status_since,
    EXISTS (SELECT FROM compliance_position AS p WHERE p.deadline_id = d.id)
    AND (SELECT count(DISTINCT nullif(w.verdict, 'undetermined')) > 1
             OR count(DISTINCT w.share) > 1
         FROM (SELECT DISTINCT ON (p.party_id) p.verdict, p.share
               FROM compliance_position AS p
               WHERE p.deadline_id = d.id AND p.stated_at <= %(as_of)s
                 AND p.recorded_at <= %(known_at)s
               ORDER BY p.party_id, p.stated_at DESC, p.id DESC) AS w) AS is_disputed
 FROM compliance_deadline AS d
 {{states}} {{only}}) AS d
"""


def past(*, is_of_few: bool) -> str:
    """Return SQL for the deadlines `d` at `as_of` as known at `known_at`, or for a few of them."""
    return _past(_STATES_OF_FEW if is_of_few else _STATES_OF_ALL)


def past_in_order(column: str) -> list[str]:
    """Return SQL for the deadlines `d` of a list in the order of `column`, in parts to be merged.

    The ledger has no index by due date. But nearly all deadlines always had the due date that they
    have now, so its index returns them in order. The others are looked up. `status_since` is left
    to `status_since.add_status_since`.
    """
    if column == "id":
        return [_past(_STATES_OF_FEW, since=_LATEST)]
    # The order reads the column of the deadline, and thereby the index.
    always = _past(_STATES_OF_FEW, "WHERE NOT d.has_other_due", since=_LATEST)
    moved = _past(_STATES_OF_FEW, "WHERE d.has_other_due", since=_LATEST)
    return [always.replace("e.due_at,", "d.due_at,", 1), moved]


def _past(states: str, only: str = "", *, since: str = _SINCE) -> str:
    parts = {"{states}": states, "{only}": only, "{since}": since}
    statement = _AS_OF
    for name, part in parts.items():
        statement = statement.replace(name, part)
    return statement
